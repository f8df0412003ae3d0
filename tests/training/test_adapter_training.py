"""RL of an adapter alone: it learns, the base stays, reference and critic lie beside it, it resumes alike."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from dreamgym.core.config import PolicyModelConfig, RLConfig
from dreamgym.models.adapter import new_adapter
from dreamgym.training.grpo import GRPO
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.policy_optimizer import PolicyOptimizer, TokenSums
from dreamgym.training.ppo import PPO
from dreamgym.training.token_batch import Row, collate, rows_of
from signs import mean_return, play, toy_model, toy_policy, toy_tokenizer, with_shuffled_rewards

Algorithm = type[GRPO] | type[PPO]
SETTINGS = RLConfig(
    learning_rate=1e-2,
    critic_learning_rate=3e-3,
    minibatches=4,
    entropy_coefficient=0.03,
    kl_coefficient=1e-4,
)


def adapted_policy(*, checkpointing: bool = False, rank: int = 16) -> LocalPolicy:
    tokenizer = toy_tokenizer()
    adapter = new_adapter(toy_model(tokenizer), rank=rank, seed=0)
    if checkpointing:
        adapter.model.activation_checkpointing_enable({"use_reentrant": False})
    config = PolicyModelConfig(max_action_tokens=2, context_length=128, gradient_checkpointing=checkpointing)
    return LocalPolicy(adapter.model, tokenizer, config, adapter=adapter)


def base_weights(policy: LocalPolicy) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in policy.model.named_parameters() if "lora_" not in n}


def trained_weights(policy: LocalPolicy) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in policy.trained().items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def after_training(algorithm: Algorithm, *, shuffled: bool) -> float:
    policy = adapted_policy()
    before, learner = base_weights(policy), algorithm(SETTINGS, policy)
    for iteration in range(40):
        groups = play(policy, seed=iteration)
        if shuffled:
            groups = with_shuffled_rewards(groups, random.Random(iteration))
        learner.update(policy, groups)
    assert equal(base_weights(policy), before)
    return mean_return(play(policy, seed=1000))


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", [GRPO, PPO])
def test_an_adapter_learns_and_from_shuffled_rewards_it_does_not(algorithm: Algorithm) -> None:
    assert after_training(algorithm, shuffled=False) > 0.75
    assert after_training(algorithm, shuffled=True) < 0.45


@pytest.mark.parametrize("algorithm", [GRPO, PPO])
def test_a_killed_run_continues_bit_equal(algorithm: Algorithm, tmp_path: Path) -> None:
    def update(policy: LocalPolicy, learner: GRPO | PPO, iteration: int) -> dict[str, float]:
        return learner.update(policy, play(policy, seed=iteration, groups=3, group_size=4))

    policy = adapted_policy()
    learner = algorithm(SETTINGS, policy)
    for iteration in range(2):
        update(policy, learner, iteration)
    (tmp_path / "policy").mkdir()
    (tmp_path / "learner").mkdir()
    policy.save(tmp_path / "policy")
    learner.save(tmp_path / "learner")
    uninterrupted = update(policy, learner, 2)

    resumed = adapted_policy()
    again = algorithm(SETTINGS, resumed)
    resumed.load(tmp_path / "policy")
    again.load(tmp_path / "learner")
    assert update(resumed, again, 2) == uninterrupted
    assert equal(trained_weights(resumed), trained_weights(policy))
    size = sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors"))
    whole = sum(p.numel() for p in policy.model.parameters()) * 4
    assert size < 6 * whole  # adapters, Adam's moments of them, reference and critic; no copy of the base


def test_the_reference_of_a_fresh_adapter_is_the_base_with_it_switched_off() -> None:
    policy = adapted_policy()
    optimizer = PolicyOptimizer(policy, SETTINGS)
    rows = some_rows(policy)
    assert optimizer.update(rows, random.Random(0))["reference_kl"] >= 0.0
    assert optimizer.reference is not None
    batch = collate(rows)
    learned = optimizer.logprobs(batch)[0]
    assert policy.adapter is not None
    with torch.no_grad(), policy.adapter._peft_model.disable_adapter():
        bare = optimizer.logprobs(batch)[0]
    assert torch.equal(optimizer.reference.logprobs(batch, 1.0), bare)
    assert not torch.allclose(learned, bare, atol=1e-4)


def some_rows(policy: LocalPolicy) -> list[Row]:
    rng = random.Random(0)
    rows = [
        r for g in play(policy, seed=3, groups=3, group_size=2) for t in g.trajectories for r in rows_of(t)
    ]
    return [row.with_advantages([rng.uniform(-1, 1) for _ in row.states]) for row in rows]


def test_activations_computed_twice_give_the_same_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        policy = adapted_policy(checkpointing=checkpointing)
        rows = some_rows(adapted_policy())
        optimizer = PolicyOptimizer(policy, RLConfig())
        with optimizer._learning():
            assert policy.model.training is checkpointing
            optimizer.accumulate_gradient(rows, TokenSums())
        assert not policy.model.training
        gradients.append([p.grad for p in policy.trained().values()])
    for plain, twice in zip(*gradients, strict=True):
        assert torch.allclose(plain, twice, atol=1e-7)


def test_bfloat16_from_float32_weights_is_measured_and_corrected() -> None:
    whole = toy_policy()
    policy = LocalPolicy(whole.model, whole.tokenizer, whole.config, autocast=True)
    metrics = PolicyOptimizer(policy, RLConfig(importance_cap=2.0)).update(
        some_rows(policy), random.Random(0)
    )
    assert all(parameter.dtype is torch.float32 for parameter in policy.model.parameters())
    assert metrics["sampler_mismatch"] < 0.02  # the same arithmetic, other shapes
    exact = PolicyOptimizer(toy_policy(), RLConfig(importance_cap=2.0)).update(
        some_rows(policy), random.Random(0)
    )
    assert exact["sampler_mismatch"] > 1e-4  # a learner in float32 would not be what sampled
