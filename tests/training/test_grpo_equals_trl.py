"""The loss, its gradient and the advantages are TRL's on the same multi-turn batch (extra ``[trl]``)."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dreamgym.core.config import RLConfig
from dreamgym.training.grpo import group_rows
from dreamgym.training.losses import group_advantages
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.policy_optimizer import PolicyOptimizer, TokenSums
from dreamgym.training.reference import FrozenCopy
from dreamgym.training.token_batch import ENVIRONMENT, Row, collate, padded
from signs import play, toy_policy

trl = pytest.importorskip("trl", exc_type=ImportError)

CLIP, KL = 0.2, 0.05
TRL_LOSS = {"token": "bnpo", "sequence": "grpo"}
# TRL averages the entropy bonus over tokens whatever the loss does; ours follows the loss.
ENTROPY = {"token": 0.01, "sequence": 0.0}


def off_policy_rows(policy: LocalPolicy) -> list[Row]:
    """Rows whose old logprobs are off by up to 0.5, so that the clip cuts on both sides."""
    rng = random.Random(0)
    return [
        replace(
            row,
            old_logprobs=tuple(
                logprob + rng.uniform(-0.5, 0.5) * (turn != ENVIRONMENT)
                for logprob, turn in zip(row.old_logprobs, row.turns, strict=True)
            ),
        )
        for group in play(policy, seed=0, groups=4)
        for row in group_rows(group)
    ]


def trl_trainer(policy: LocalPolicy, normalisation: str, folder: Path) -> Any:
    from datasets import Dataset

    policy.save(folder)  # TRL loads its reference from the policy's folder; we hand it other logprobs instead
    arguments = trl.GRPOConfig(
        output_dir=str(folder),
        loss_type=TRL_LOSS[normalisation],
        epsilon=CLIP,
        beta=KL,
        entropy_coef=ENTROPY[normalisation],
        per_device_train_batch_size=8,
        num_generations=8,
        use_cpu=True,
        bf16=False,
        use_bias_correction_kl=False,
        report_to=[],
        temperature=1.0,
    )
    return trl.GRPOTrainer(
        model=str(folder),
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": "play"}]),
        processing_class=copy.deepcopy(policy.tokenizer),
    )


def trl_inputs(rows: list[Row], reference_logprobs_BT: torch.Tensor) -> dict[str, torch.Tensor]:
    """TRL's layout: the first prompt apart; later observations inside the completion, masked as tools'."""
    cut = rows[0].states[0] + 1
    assert all(row.states[0] + 1 == cut for row in rows)
    agent_BT = padded([[turn != ENVIRONMENT for turn in row.turns] for row in rows]).long()
    token_ids_BT = padded([row.token_ids for row in rows])
    present_BT = padded([[1] * len(row.token_ids) for row in rows])
    return {
        "prompt_ids": token_ids_BT[:, :cut],
        "prompt_mask": present_BT[:, :cut],
        "completion_ids": token_ids_BT[:, cut:],
        "completion_mask": present_BT[:, cut:],
        "tool_mask": agent_BT[:, cut:],
        "old_per_token_logps": padded([row.old_logprobs for row in rows])[:, cut:],
        "ref_per_token_logps": reference_logprobs_BT[:, cut:],
        "advantages": torch.tensor([max(row.advantages, key=abs) for row in rows]),
        "num_items_in_batch": agent_BT.sum(),
    }


def reference_logprobs(policy: LocalPolicy, rows: list[Row]) -> torch.Tensor:
    """Of every token, by a plain forward, B × T."""
    batch = collate(rows)
    with torch.no_grad():
        logprobs_BTV = policy.model(input_ids=batch.token_ids_BT).logits.log_softmax(-1)
    next_BT = logprobs_BTV[:, :-1].gather(2, batch.token_ids_BT[:, 1:, None])[..., 0]
    return torch.nn.functional.pad(next_BT, (1, 0))


@pytest.mark.parametrize("normalisation", ["token", "sequence"])
def test_loss_and_gradient_equal_trls(normalisation: str, tmp_path: Path) -> None:
    policy, reference = toy_policy(seed=0), toy_policy(seed=1)
    rows = off_policy_rows(policy)
    config = RLConfig(
        clip=CLIP,
        kl_coefficient=KL,
        entropy_coefficient=ENTROPY[normalisation],
        loss_normalisation=normalisation,
        minibatch_tokens=100,
    )
    ours = PolicyOptimizer(policy, config)
    assert isinstance(ours.reference, FrozenCopy)
    ours.reference.model.load_state_dict(reference.model.state_dict())
    sums = TokenSums()
    ours.accumulate_gradient(rows, sums)
    assert 0 < sums.clipped < sums.tokens

    trainer = trl_trainer(policy, normalisation, tmp_path)
    trainer.current_gradient_accumulation_steps = 1
    loss = trainer.compute_loss(trainer.model, trl_inputs(rows, reference_logprobs(reference, rows)))
    loss.backward()

    assert sums.loss == pytest.approx(loss.item(), rel=1e-4, abs=1e-6)
    for (name, mine), theirs in zip(policy.model.named_parameters(), trainer.model.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-3, atol=1e-6, msg=name)


def test_advantages_are_trls() -> None:
    """``(r − mean) / (std + 1e-4)`` with the sample deviation, as in ``_generate_and_score_completions``."""
    from trl.trainer.utils import nanstd

    returns = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 0.25, 0.0, 0.0])
    theirs = (returns - returns.mean()) / (nanstd(returns) + 1e-4)
    assert group_advantages(returns.tolist()) == pytest.approx(theirs.tolist(), abs=1e-5)
