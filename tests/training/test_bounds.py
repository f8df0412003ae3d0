"""Lemma 1 and Theorem 1 against small worlds that can be solved exactly."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.environments.judged import JudgedTurn
from dreamgym.training.bounds import (
    Errors,
    discounted_return,
    lemma_1,
    mean_divergence,
    measured_errors,
    surrogate_advantage,
    theorem_1,
    value_error_bound,
)
from dreamgym.utils.stats import Interval, wilson

Array = NDArray[np.float64]
STATES, ACTIONS = 4, 3


def exactly(value: float) -> Interval:
    return Interval(value, value, value)


def values(world_SAS: Array, rewards_SA: Array, policy_SA: Array, gamma: float) -> Array:
    """V of every state: (I − γ P_π)⁻¹ r_π."""
    moves_SS = np.einsum("sa,sat->st", policy_SA, world_SAS)
    return np.linalg.solve(np.eye(STATES) - gamma * moves_SS, (policy_SA * rewards_SA).sum(1))


def visits(world_SAS: Array, policy_SA: Array, gamma: float) -> Array:
    """d^π from state 0, which sums to 1."""
    moves_SS = np.einsum("sa,sat->st", policy_SA, world_SAS)
    start_S = np.eye(STATES)[0]
    return (1 - gamma) * np.linalg.solve(np.eye(STATES) - gamma * moves_SS.T, start_S)


@pytest.mark.parametrize("step", [0.0, 0.001, 0.05, 0.5])
@pytest.mark.parametrize("noise", [0.0, 0.001, 0.1])
def test_no_small_world_breaks_theorem_1(step: float, noise: float) -> None:
    rng, horizon, promised = np.random.default_rng(7), 5, 0
    gamma = 1 - 1 / horizon
    for _ in range(100):
        real_SAS, other_SAS = rng.dirichlet(np.ones(STATES), size=(2, STATES, ACTIONS))
        dream_SAS = (1 - noise) * real_SAS + noise * other_SAS
        rewards_SA = rng.random((STATES, ACTIONS))
        dreamed_SA = np.clip(rewards_SA + noise * rng.uniform(-1, 1, rewards_SA.shape), 0, 1)
        old_SA, goal_SA = rng.dirichlet(np.ones(ACTIONS), size=(2, STATES))
        values_S = values(dream_SAS, dreamed_SA, old_SA, gamma)
        advantages_SA = dreamed_SA + gamma * dream_SAS @ values_S - values_S[:, None]
        goal_SA = np.eye(ACTIONS)[advantages_SA.argmax(1)] if step < 0.01 else goal_SA
        new_SA = (1 - step) * old_SA + step * goal_SA
        surrogate = visits(dream_SAS, old_SA, gamma) @ (new_SA * advantages_SA).sum(1) / (1 - gamma)
        divergence = (new_SA * np.log(new_SA / old_SA)).sum(1).max()
        error = value_error_bound(
            np.abs(rewards_SA - dreamed_SA).max(), np.abs(real_SAS - dream_SAS).sum(2).max() / 2, horizon
        )
        gain = values(real_SAS, rewards_SA, new_SA, gamma)[0] - values(real_SAS, rewards_SA, old_SA, gamma)[0]
        found = theorem_1(exactly(surrogate), divergence, exactly(error), horizon)
        assert gain >= found.bound.estimate - 1e-9
        promised += found.bound.estimate > 1e-9
    # Where the step is small and the dream is exact, it does promise something.
    assert bool(promised) is (step == 0.001 and noise == 0.0)


def test_the_ends_of_the_intervals_are_the_ends_of_the_bound() -> None:
    found = theorem_1(Interval(0.5, 0.4, 0.6), 0.0, Interval(0.1, 0.05, 0.2))
    assert (found.bound.low, found.bound.estimate, found.bound.high) == pytest.approx((0.0, 0.3, 0.5))


def episode(rewards: tuple[float, ...]) -> Trajectory:
    turns = tuple(
        Transition(state="s", action=Action(text="a"), reward=reward, next_state="t") for reward in rewards
    )
    task = Task(id="t", environment="e", instruction="i")
    return Trajectory(
        id="x", task=task, origin=Origin.DREAMED, transitions=turns, stop_reason=StopReason.TURN_LIMIT
    )


def test_the_surrogate_is_the_expected_advantage_of_the_new_policy() -> None:
    """Two turns of two actions, each as likely under π; the second action of either turn is paid."""
    horizon = 10
    gamma, new = 0.9, (0.25, 0.75)
    pairs = list(product((0, 1), repeat=2))
    episodes = [episode((0.4 * first, 1.0 * second)) for first, second in pairs]
    ratios = [[new[first] / 0.5, new[second] / 0.5] for first, second in pairs]
    # By hand: A(1) = −A(0) = 0.2 in the first turn and 0.5 in the second; E under π′ is half of it.
    expected = (0.75 - 0.25) * (0.2 + gamma * 0.5)
    assert surrogate_advantage(episodes, ratios, horizon).estimate == pytest.approx(expected)
    assert surrogate_advantage(episodes, [[1.0, 1.0]] * 4, horizon).estimate == 0.0


def test_the_divergence_is_that_of_the_new_policy_from_the_old() -> None:
    ratios = [[0.25 / 0.5], [0.75 / 0.5]]  # both actions once, as π chooses them
    expected = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert mean_divergence(ratios) == pytest.approx(expected)
    assert mean_divergence([]) == 0.0


def test_errors_and_the_lemma_are_read_off_replayed_turns() -> None:
    def turn(right: bool, paid: bool) -> JudgedTurn:
        return JudgedTurn(
            action="look",
            dreamed_state="a" if right else "b",
            real_state="a",
            dreamed_reward=float(paid),
            real_reward=0.0,
        )

    errors = measured_errors([turn(True, False)] * 96 + [turn(False, False)] * 3 + [turn(True, True)])
    assert errors == Errors(reward=wilson(1, 100), transition=wilson(3, 100))
    bound = lemma_1(errors, horizon=10)
    assert bound.estimate == pytest.approx(0.01 * 10 + 2 * 0.9 * 0.03 * 100)
    assert bound.low == pytest.approx(10 * wilson(1, 100).low + 180 * wilson(3, 100).low)


def test_a_return_is_discounted() -> None:
    assert discounted_return(episode((0.0, 0.0, 1.0)), horizon=10) == pytest.approx(0.81)
