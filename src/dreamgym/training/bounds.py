"""Lemma 1 and Theorem 1 (paper §9) from measured errors, with their intervals, and what they are measured by.

Both are about suprema over all states; what can be measured are means over those that a policy met. So each
number is printed with the words "holds if", and beside the gap that it bounds where that was measured, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.judged import JudgedTurn
from dreamgym.utils.stats import Interval, t_interval, wilson

HORIZON = 30  # turns; the theory needs γ < 1, we take 1 − 1/HORIZON
HOLDS_IF = (
    "holds if no state and action has a larger error than the mean of those met here (the theory takes "
    "suprema), "
    "if a next state that differs in any word is wholly wrong (total variation 1), "
    f"and if rewards lie in [0, 1] and are discounted by γ = 1 − 1/{HORIZON}"
)
IMPROVES_IF = (
    f"{HOLDS_IF}; if the KL divergence of the new policy from the old is nowhere larger than its mean; "
    "and if the advantage was estimated on enough turns of the old policy"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Errors:
    """ε_R and ε_P: shares of turns that the dream pays, and answers, otherwise than the real world."""

    reward: Interval
    transition: Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Improvement:
    """The terms of Theorem 1 for one update π → π′: surrogate E[A]/(1−γ), δ, and the bound from below."""

    surrogate: Interval
    divergence: float
    penalty: float
    model_error: Interval
    bound: Interval


def measured_errors(turns: Sequence[JudgedTurn]) -> Errors:
    """Of replayed turns, with 95 % intervals."""
    return Errors(
        reward=wilson(sum(turn.dreamed_reward != turn.real_reward for turn in turns), len(turns)),
        transition=wilson(sum(not turn.exact for turn in turns), len(turns)),
    )


def value_error_bound(reward_error: float, transition_error: float, horizon: int = HORIZON) -> float:
    """Lemma 1: |J_M − J_M̂| ≤ ε_R/(1−γ) + 2γ R_max ε_P/(1−γ)², R_max = 1, with mean errors for the suprema."""
    gamma = 1.0 - 1.0 / horizon
    return reward_error / (1.0 - gamma) + 2.0 * gamma * transition_error / (1.0 - gamma) ** 2


def lemma_1(errors: Errors, horizon: int = HORIZON) -> Interval:
    """|J_M(π) − J_M̂(π)| is at most this, at the measured errors and at the ends of their intervals."""
    reward, transition = errors.reward, errors.transition
    return Interval(
        value_error_bound(reward.estimate, transition.estimate, horizon),
        value_error_bound(reward.low, transition.low, horizon),
        value_error_bound(reward.high, transition.high, horizon),
    )


def theorem_1(surrogate: Interval, divergence: float, error: Interval, horizon: int = HORIZON) -> Improvement:
    """J_M(π′) − J_M(π) ≥ E[A]/(1−γ) − 4γ/(1−γ)² V_max δ − 2 · (Lemma 1), with V_max = 1/(1−γ)."""
    gamma = 1.0 - 1.0 / horizon
    penalty = 4.0 * gamma / (1.0 - gamma) ** 2 * divergence / (1.0 - gamma)
    return Improvement(
        surrogate=surrogate,
        divergence=divergence,
        penalty=penalty,
        model_error=error,
        bound=Interval(
            surrogate.estimate - penalty - 2 * error.estimate,
            surrogate.low - penalty - 2 * error.high,
            surrogate.high - penalty - 2 * error.low,
        ),
    )


def discounted_return(trajectory: Trajectory, horizon: int = HORIZON) -> float:
    """Σ γ^t r_t, what J is the mean of."""
    gamma = 1.0 - 1.0 / horizon
    return sum(gamma**number * turn.reward for number, turn in enumerate(trajectory.transitions))


def surrogate_advantage(
    episodes: Sequence[Trajectory], ratios: Sequence[Sequence[float]], horizon: int = HORIZON
) -> Interval:
    """E_{s~d^π_M̂, a~π′}[A^π]/(1−γ) from dreamed ``episodes`` of π, with Student's interval over them.

    ``ratios`` are π′(a|s)/π(a|s) of each turn. As E_{a~π}[A] = 0 this is E[Σ γ^t (ρ_t − 1) G_t], G_t the
    discounted return from turn t on: no value function is needed.
    """
    gamma, sums = 1.0 - 1.0 / horizon, []
    for episode, own in zip(episodes, ratios, strict=True):
        to_come, terms = 0.0, []
        for turn in reversed(episode.transitions):
            to_come = turn.reward + gamma * to_come
            terms.append(to_come)
        sums.append(
            sum(
                gamma**t * (ratio - 1.0) * g
                for t, (ratio, g) in enumerate(zip(own, reversed(terms), strict=True))
            )
        )
    return t_interval(sums)


def mean_divergence(ratios: Sequence[Sequence[float]]) -> float:
    """KL(π′‖π) = E_{a~π}[ρ log ρ] over the turns, as the mean of ρ log ρ − ρ + 1, which is never negative."""
    terms = [ratio * math.log(ratio) - ratio + 1.0 for own in ratios for ratio in own]
    return fmean(terms) if terms else 0.0
