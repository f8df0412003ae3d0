"""A sampler that is not the learner: measured, corrected, and the same gradient as if it had been."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import torch

from dreamgym.core.config import RLConfig
from dreamgym.training.importance import in_learners_terms
from dreamgym.training.logprobs import action_logprobs
from dreamgym.training.losses import truncated_importance
from dreamgym.training.policy_optimizer import PolicyOptimizer, TokenSums
from dreamgym.training.token_batch import ENVIRONMENT, Row, rows_of
from signs import play, toy_policy

CPU = torch.device("cpu")


def test_by_hand() -> None:
    learner, sampler = torch.tensor([-1.0, -0.5, -3.0]), torch.tensor([-1.0, -2.0, -2.0])
    weights = truncated_importance(learner, sampler, 2.0)
    assert weights.tolist() == pytest.approx([1.0, 2.0, math.exp(-1.0)])


def rows_off_by(off: float) -> list[Row]:
    """Rows with an advantage, whose sampler said each token was ``off`` likelier, in log, than it is."""
    groups = play(toy_policy(), seed=3, groups=4, group_size=2)
    rows = [row for group in groups for t in group.trajectories for row in rows_of(t)]
    rng = random.Random(0)
    rows = [row.with_advantages([rng.uniform(-1, 1) for _ in row.states]) for row in rows]
    return [
        replace(
            row,
            old_logprobs=tuple(
                p if turn == ENVIRONMENT else p + off
                for p, turn in zip(row.old_logprobs, row.turns, strict=True)
            ),
        )
        for row in rows
    ]


def told(rows: list[Row], cap: float) -> tuple[list[Row], dict[str, float]]:
    policy = toy_policy()
    return in_learners_terms(
        rows,
        lambda batch: action_logprobs(policy.model, batch, 1.0)[0],
        cap=cap,
        max_tokens=64,
        device=CPU,
    )


def test_the_mismatch_is_measured_and_each_token_weighed() -> None:
    rows, metrics = told(rows_off_by(0.3), cap=2.0)
    assert metrics["sampler_mismatch"] == pytest.approx(0.3, abs=1e-4)
    assert metrics["importance_capped"] == 0.0
    truth = rows_off_by(0.0)
    for row, true in zip(rows, truth, strict=True):
        assert row.old_logprobs == pytest.approx(true.old_logprobs, abs=1e-5)
        agents = [w for w, turn in zip(row.importances, row.turns, strict=True) if turn != ENVIRONMENT]
        assert agents == pytest.approx([math.exp(-0.3)] * len(agents), abs=1e-4)
    assert told(rows_off_by(-1.0), cap=2.0)[1]["importance_capped"] == 1.0


def gradient(rows: list[Row]) -> torch.Tensor:
    policy = toy_policy()
    optimizer = PolicyOptimizer(policy, RLConfig())
    optimizer.accumulate_gradient(rows, TokenSums())
    return torch.cat([p.grad.flatten() for p in policy.model.parameters() if p.grad is not None])


def test_a_corrected_gradient_is_the_learners_own_times_the_weight() -> None:
    corrected, _ = told(rows_off_by(0.3), cap=2.0)
    own = gradient(rows_off_by(0.0))
    assert torch.allclose(gradient(corrected), own * math.exp(-0.3), atol=1e-6)
    assert not torch.allclose(gradient(rows_off_by(0.3)), own, atol=1e-4)  # uncorrected: ratio off, clipped


def test_the_setting_corrects_the_update() -> None:
    trusting = PolicyOptimizer(toy_policy(), RLConfig()).update(rows_off_by(0.3), random.Random(0))
    assert trusting["first_ratio_error"] == pytest.approx(1 - math.exp(-0.3), abs=1e-3)
    correcting = PolicyOptimizer(toy_policy(), RLConfig(importance_cap=2.0))
    metrics = correcting.update(rows_off_by(0.3), random.Random(0))
    assert metrics["first_ratio_error"] < 1e-4
    assert metrics["sampler_mismatch"] == pytest.approx(0.3, abs=1e-4)
