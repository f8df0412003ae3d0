"""The formulas against hand calculation, brute force and the true distribution."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.training.losses import (
    clipped_loss,
    explained_variance,
    gae,
    group_advantages,
    is_clipped,
    low_variance_kl,
    penalised,
    standardised,
)

numbers = st.floats(-5, 5, allow_nan=False, width=32)


def test_group_advantages_by_hand() -> None:
    # mean 1/4, deviations (3/4, -1/4, -1/4, -1/4), sample variance (9+1+1+1)/16/3 = 1/4
    expected = [0.75 / 0.5001, -0.25 / 0.5001, -0.25 / 0.5001, -0.25 / 0.5001]
    assert group_advantages([1.0, 0.0, 0.0, 0.0]) == pytest.approx(expected)


@pytest.mark.parametrize("returns", [[], [0.7], [0.1] * 7, [1.0, 1.0]])
def test_equal_returns_teach_exactly_nothing(returns: list[float]) -> None:
    assert group_advantages(returns) == [0.0] * len(returns)


def test_returns_that_differ_by_rounding_are_not_blown_up() -> None:
    assert max(map(abs, group_advantages([0.1 + 0.2, 0.3, 0.3]))) < 1e-9


def test_gae_by_hand() -> None:
    assert gae([0, 0, 1], [0.5, 0.4, 0.8], gamma=0.9, lam=0.7) == pytest.approx([0.141, 0.446, 0.2], abs=1e-3)


@given(
    st.lists(st.tuples(numbers, numbers), max_size=7),
    st.floats(0, 1, allow_nan=False),
    st.floats(0, 1, allow_nan=False),
)
def test_gae_equals_the_double_sum_of_the_paper(
    turns: list[tuple[float, float]], gamma: float, lam: float
) -> None:
    rewards, values = [r for r, _ in turns], [v for _, v in turns]
    ahead = [*values, 0.0]
    expected = [
        sum(
            (gamma * lam) ** offset
            * (rewards[t + offset] + gamma * ahead[t + offset + 1] - values[t + offset])
            for offset in range(len(turns) - t)
        )
        for t in range(len(turns))
    ]
    assert gae(rewards, values, gamma=gamma, lam=lam) == pytest.approx(expected, abs=1e-4)


def test_gae_without_discount_is_the_return_less_the_value() -> None:
    assert gae([0, 0, 1], [0.3, 0.2, 0.9], gamma=1.0, lam=1.0) == pytest.approx([0.7, 0.8, 0.1])


def test_gae_wants_one_value_per_turn() -> None:
    with pytest.raises(ValueError, match="2 rewards but 1 values"):
        gae([0, 1], [0.5], gamma=1.0, lam=1.0)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=9), st.sampled_from([0.1, 0.2]))
def test_clipped_loss_equals_the_case_by_case_definition(
    tokens: list[tuple[float, float, float]], clip: float
) -> None:
    def one(logprob: float, old: float, advantage: float) -> tuple[float, bool]:
        ratio = math.exp(logprob - old)
        if advantage > 0 and ratio > 1 + clip:
            return -(1 + clip) * advantage, True
        if advantage < 0 and ratio < 1 - clip:
            return -(1 - clip) * advantage, True
        return -ratio * advantage, False

    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*tokens, strict=True)]
    expected = [one(*token) for token in tokens]
    assert clipped_loss(*columns, clip).tolist() == pytest.approx([loss for loss, _ in expected])
    assert is_clipped(*columns, clip).tolist() == [clipped for _, clipped in expected]


def test_clipped_tokens_have_no_gradient_and_the_rest_do() -> None:
    logprobs = torch.tensor([0.5, -0.5, 0.5, -0.5, 0.0], requires_grad=True)
    advantages = torch.tensor([1.0, -1.0, -1.0, 1.0, 1.0])
    clipped_loss(logprobs, torch.zeros(5), advantages, 0.2).sum().backward()
    assert (logprobs.grad != 0).tolist() == [False, False, True, True, True]


def test_low_variance_kl_has_the_true_kl_as_its_mean() -> None:
    logits, other = torch.randn(2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    policy, reference = logits.log_softmax(0), other.log_softmax(0)
    per_token = low_variance_kl(policy, reference)
    truth = (policy.exp() * (policy - reference)).sum()
    assert (policy.exp() * per_token).sum().item() == pytest.approx(truth.item())
    assert per_token.min() >= 0
    assert low_variance_kl(policy, policy).abs().max() == 0


def test_standardised_by_hand() -> None:
    assert standardised([1.0, 2.0, 3.0]) == pytest.approx([-1, 0, 1])
    assert standardised([2.0, 2.0]) == [0.0, 0.0]


def test_explained_variance_knows_the_perfect_the_mean_and_the_worse() -> None:
    assert explained_variance([1, 2, 3], [1, 2, 3]) == 1
    assert explained_variance([2, 2, 2], [1, 2, 3]) == 0
    assert explained_variance([3, 2, 1], [1, 2, 3]) == -3
    assert explained_variance([1, 2], [1, 1]) == 0


def test_only_refused_turns_pay_the_penalty() -> None:
    turns = tuple(
        Transition(state="", action=Action(text=""), reward=0.0, next_state="", valid=valid)
        for valid in (True, False, True)
    )
    trajectory = Trajectory(
        id="t",
        task=Task(id="x", environment="e", instruction=""),
        origin=Origin.REAL,
        transitions=turns,
        stop_reason=StopReason.TURN_LIMIT,
    )
    assert penalised([1.0, 1.0, -0.5], trajectory, 0.25) == [1.0, 0.75, -0.5]
