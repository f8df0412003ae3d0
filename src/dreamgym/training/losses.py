"""The formulas of RL, each a pure function with its equation (paper §2, Eq. 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

import torch
from torch import Tensor

from dreamgym.core.data_structures import Trajectory

STD_EPSILON = 1e-4  # keeps a group whose returns differ by rounding alone from being blown up


def group_advantages(returns: Sequence[float]) -> list[float]:
    """Eq. 3: ``Â_i = (r_i − mean_G r) / (std_G r + ε)``, std with n − 1 as in verl and TRL.

    Exactly equal returns give exactly 0, and so does a group of one: there is nothing to compare.
    """
    if not has_contrast(returns):
        return [0.0] * len(returns)
    mean, std = fmean(returns), stdev(returns)
    return [(value - mean) / (std + STD_EPSILON) for value in returns]


def penalised(of_turns: Sequence[float], trajectory: Trajectory, penalty: float) -> list[float]:
    """``of_turns`` (one number per turn) less ``penalty`` where the world refused the action."""
    turns = zip(of_turns, trajectory.transitions, strict=True)
    return [value if transition.valid else value - penalty for value, transition in turns]


def truncated_importance(logprobs_N: Tensor, sampler_logprobs_N: Tensor, cap: float) -> Tensor:
    """``min(π_learner / π_sampler, cap)`` per token: weighs what another engine sampled as if it were ours.

    Truncated importance sampling; a cap bounds the variance that rare tokens would bring.
    """
    return torch.exp(logprobs_N - sampler_logprobs_N).clamp(max=cap)


def has_contrast(returns: Sequence[float]) -> bool:
    """Whether a group's returns differ at all; compared exactly, since rounding can make a std of 1e-17."""
    return len(set(returns)) > 1


def gae(rewards: Sequence[float], values: Sequence[float], *, gamma: float, lam: float) -> list[float]:
    """Eq. 2 over the turns of one episode: ``Â_t = Σ_l (γλ)^l [r_{t+l} + γ V(s_{t+l+1}) − V(s_{t+l})]``.

    ``rewards`` and ``values`` have one entry per turn. V after the last turn is 0, at a turn limit too: the
    limit is part of the task, and no state after it was read by the policy.
    """
    if len(rewards) != len(values):
        raise ValueError(f"{len(rewards)} rewards but {len(values)} values: one of each per turn")
    advantages, advantage, next_value = [], 0.0, 0.0
    for reward, value in zip(reversed(rewards), reversed(values), strict=True):
        advantage = reward + gamma * next_value - value + gamma * lam * advantage
        next_value = value
        advantages.append(advantage)
    return advantages[::-1]


def standardised(values: Sequence[float]) -> list[float]:
    """``(x − mean) / std``, all 0 where the values do not differ."""
    if not has_contrast(values):
        return [0.0] * len(values)
    mean, std = fmean(values), stdev(values)
    return [(value - mean) / (std + 1e-8) for value in values]


def clipped_loss(logprobs_N: Tensor, old_logprobs_N: Tensor, advantages_N: Tensor, clip: float) -> Tensor:
    """PPO's surrogate per token: ``−min(ρ Â, clip(ρ, 1 − ε, 1 + ε) Â)`` with ``ρ = π / π_old``; shape N."""
    ratio_N = torch.exp(logprobs_N - old_logprobs_N)
    clipped_N = ratio_N.clamp(1.0 - clip, 1.0 + clip)
    return -torch.minimum(ratio_N * advantages_N, clipped_N * advantages_N)


def is_clipped(logprobs_N: Tensor, old_logprobs_N: Tensor, advantages_N: Tensor, clip: float) -> Tensor:
    """The tokens whose gradient the clip has cut off: they have moved as far as they may; bool, N."""
    ratio_N = torch.exp(logprobs_N - old_logprobs_N)
    too_high_N = (ratio_N > 1.0 + clip) & (advantages_N > 0)
    too_low_N = (ratio_N < 1.0 - clip) & (advantages_N < 0)
    return too_high_N | too_low_N


def low_variance_kl(logprobs_N: Tensor, other_logprobs_N: Tensor) -> Tensor:
    """Schulman's k3 of KL(π ‖ other) from tokens sampled by π: ``e^d − d − 1``, ``d = log other − log π``; N.

    Unbiased and never negative, where the plain ``−d`` is noise around a small number.
    """
    difference_N = other_logprobs_N - logprobs_N
    return torch.expm1(difference_N) - difference_N


def explained_variance(values: Sequence[float], targets: Sequence[float]) -> float:
    """``1 − Var(target − value) / Var(target)``: 1 perfect, 0 like the mean or nothing to explain."""
    if not has_contrast(targets):
        return 0.0
    residuals = [target - value for value, target in zip(values, targets, strict=True)]
    return 1.0 - (stdev(residuals) / stdev(targets)) ** 2
