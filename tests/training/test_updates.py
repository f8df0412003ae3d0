"""What an update owes besides learning: ratio 1 at first, nothing from nothing, nothing half-done."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dreamgym.core.config import RLConfig
from dreamgym.core.data_structures import Group
from dreamgym.core.errors import CheckpointError, NonFiniteLossError
from dreamgym.training.grpo import GRPO, group_rows
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.policy_optimizer import PolicyOptimizer, TokenSums, row_weights
from dreamgym.training.ppo import PPO
from signs import play, toy_policy

ALGORITHMS = pytest.mark.parametrize("algorithm", [GRPO, PPO])
Algorithm = type[GRPO] | type[PPO]


def weights(policy: LocalPolicy) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in policy.model.parameters()]


def same(before: list[torch.Tensor], after: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def with_rewards(groups: list[Group], reward: float) -> list[Group]:
    return [
        replace(
            group,
            trajectories=tuple(
                replace(t, transitions=tuple(replace(turn, reward=reward) for turn in t.transitions))
                for t in group.trajectories
            ),
        )
        for group in groups
    ]


@ALGORITHMS
@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_the_ratio_is_one_at_the_first_step(algorithm: Algorithm, temperature: float) -> None:
    policy = toy_policy(temperature=temperature)
    learner = algorithm(RLConfig(learning_rate=1e-2, minibatches=2, epochs=2, kl_coefficient=0.01), policy)
    for seed in range(2):  # after an update too: the sampler must see the new weights
        metrics = learner.update(policy, play(policy, seed=seed, groups=4))
        assert metrics["first_ratio_error"] < 1e-4
        assert metrics["approx_kl"] > 0
        assert metrics["optimizer_steps"] == 4


def test_a_wrong_temperature_shows_in_the_ratio() -> None:
    policy, groups = toy_policy(), play(toy_policy(temperature=0.7), seed=0, groups=4)
    assert GRPO(RLConfig(), policy).update(policy, groups)["first_ratio_error"] > 0.05


def test_groups_without_variance_teach_nothing_and_are_counted() -> None:
    policy = toy_policy()
    before = weights(policy)
    metrics = GRPO(RLConfig(), policy).update(policy, with_rewards(play(policy, seed=0, groups=2), 1.0))
    assert same(before, weights(policy))
    assert metrics["zero_variance_groups"] == 1
    assert metrics["optimizer_steps"] == 0
    assert policy.version == 1


@ALGORITHMS
def test_nothing_to_learn_from_is_not_an_error(algorithm: Algorithm) -> None:
    policy = toy_policy()
    metrics = algorithm(RLConfig(), policy).update(policy, [])
    assert metrics["rows"] == 0


@ALGORITHMS
def test_a_broken_reward_changes_nothing(algorithm: Algorithm) -> None:
    policy = toy_policy()
    groups = play(policy, seed=0, groups=2)
    broken = [with_rewards(groups[:1], float("nan"))[0], groups[1]]
    before = weights(policy)
    with pytest.raises(NonFiniteLossError):
        algorithm(RLConfig(), policy).update(policy, broken)
    assert same(before, weights(policy))
    assert policy.version == 0


@ALGORITHMS
def test_a_failure_in_a_late_step_takes_back_the_early_ones(
    algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, twin = toy_policy(), toy_policy()
    learner, twin_learner = algorithm(RLConfig(minibatches=2), policy), algorithm(
        RLConfig(minibatches=2), twin
    )
    first, second = play(policy, seed=0, groups=4), play(policy, seed=1, groups=4)
    for each, its_policy in ((learner, policy), (twin_learner, twin)):
        each.update(its_policy, first)

    made, accumulate = [], PolicyOptimizer.accumulate_gradient

    def fails_later(self: PolicyOptimizer, *arguments: object) -> bool:
        made.append(1)
        if len(made) == 2:
            raise NonFiniteLossError("late")
        return accumulate(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(PolicyOptimizer, "accumulate_gradient", fails_later)
        with pytest.raises(NonFiniteLossError, match="late"):
            learner.update(policy, second)
    assert learner.update(policy, second) == twin_learner.update(twin, second)
    assert same(weights(twin), weights(policy))


@ALGORITHMS
@pytest.mark.parametrize(("kl_coefficient", "updates"), [(0.0, 2), (0.1, 2), (0.0, 0)])
def test_saved_and_loaded_continues_bit_equal(
    algorithm: Algorithm, kl_coefficient: float, updates: int, tmp_path: Path
) -> None:
    config = RLConfig(minibatches=2, epochs=2, kl_coefficient=kl_coefficient, learning_rate=1e-2)
    policy = toy_policy()
    learner = algorithm(config, policy)
    for seed in range(updates):
        learner.update(policy, play(policy, seed=seed, groups=4))
    policy.save(tmp_path)
    learner.save(tmp_path)

    resumed_policy = toy_policy(seed=5)
    resumed = algorithm(config, resumed_policy)
    resumed_policy.load(tmp_path)
    resumed.load(tmp_path)
    assert resumed_policy.version == policy.version == updates
    for seed in range(updates, updates + 2):
        groups, resumed_groups = (play(p, seed=seed, groups=4) for p in (policy, resumed_policy))
        assert groups == resumed_groups
        assert learner.update(policy, groups) == resumed.update(resumed_policy, groups)
    assert same(weights(policy), weights(resumed_policy))


def test_a_checkpoint_without_its_optimizer_is_refused(tmp_path: Path) -> None:
    policy = toy_policy()
    policy.save(tmp_path)
    with pytest.raises(CheckpointError, match=r"policy_optimizer\.safetensors is missing"):
        GRPO(RLConfig(), policy).load(tmp_path)


@pytest.mark.parametrize("normalisation", ["token", "sequence"])
def test_small_micro_batches_give_the_gradient_of_one_big_one(normalisation: str) -> None:
    def gradient(minibatch_tokens: int) -> list[torch.Tensor]:
        policy = toy_policy()
        config = RLConfig(
            loss_normalisation=normalisation,
            minibatch_tokens=minibatch_tokens,
            kl_coefficient=0.1,
            entropy_coefficient=0.1,
        )
        rows = [row for group in play(policy, seed=0, groups=2) for row in group_rows(group)]
        PolicyOptimizer(policy, config).accumulate_gradient(rows, TokenSums())
        return [parameter.grad for parameter in policy.model.parameters()]

    for big, small in zip(gradient(100_000), gradient(50), strict=True):
        torch.testing.assert_close(big, small, rtol=1e-4, atol=1e-6)


def test_token_weights_sum_to_one() -> None:
    rows = [row for group in play(toy_policy(), seed=0, groups=2) for row in group_rows(group)]
    random.Random(0).shuffle(rows)
    for normalisation in ("token", "sequence"):
        per_token = row_weights(rows, normalisation)
        total = sum(weight * row.agent_tokens for weight, row in zip(per_token, rows, strict=True))
        assert total == pytest.approx(1)
    assert len(set(row_weights(rows, "token"))) == 1
