"""Lemma 1: no dream of a small world is further from it than the bound says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamgym.training.bounds import value_error_bound

Array = NDArray[np.float64]
STATES = 5


def value(transitions_SS: Array, rewards_S: Array, gamma: float) -> float:
    """J of a policy that is folded into the world: V = (I − γP)⁻¹ r, from state 0."""
    return float(np.linalg.solve(np.eye(STATES) - gamma * transitions_SS, rewards_S)[0])


@pytest.mark.parametrize("horizon", [2, 10, 30])
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.5])
def test_no_small_world_breaks_the_bound(horizon: int, noise: float) -> None:
    rng = np.random.default_rng(horizon)
    gamma = 1 - 1 / horizon
    for _ in range(200):
        real_SS, other_SS = rng.dirichlet(np.ones(STATES), size=(2, STATES))
        dreamed_SS = (1 - noise) * real_SS + noise * other_SS
        rewards_S = rng.random(STATES)
        dreamed_S = np.clip(rewards_S + noise * rng.uniform(-1, 1, STATES), 0, 1)
        gap = abs(value(real_SS, rewards_S, gamma) - value(dreamed_SS, dreamed_S, gamma))
        reward_error = np.abs(rewards_S - dreamed_S).max()
        transition_error = np.abs(real_SS - dreamed_SS).sum(axis=1).max() / 2  # total variation
        assert gap <= value_error_bound(reward_error, transition_error, horizon) + 1e-9


def test_wrong_rewards_alone_reach_it() -> None:
    stay_SS = np.eye(STATES)
    gap = value(stay_SS, np.full(STATES, 0.6), 0.9) - value(stay_SS, np.full(STATES, 0.5), 0.9)
    assert value_error_bound(0.1, 0.0, 10) == pytest.approx(gap)


def test_by_hand() -> None:
    assert value_error_bound(0.0, 0.0) == 0.0
    assert value_error_bound(0.01, 0.02, 10) == pytest.approx(0.01 * 10 + 2 * 0.9 * 0.02 * 100)
