"""How much a task can still teach: the variance of its rewards (paper Eq. 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamgym.core.data_structures import Group, Task
from dreamgym.models.embedding import Embedder

CLUSTER_SIZE = 8  # rollouts that a cluster should hold on average, as many as a usual group
ROUNDS = 10


def reward_variance(returns: Sequence[float]) -> float:
    """V_τ = (1/n) Σ (r^i − r̄)² (Eq. 7): 0 if always or never solved, 0.25 if half of the rollouts succeed."""
    if not returns:
        raise ValueError("no returns: a task that was not played has no value")
    mean = math.fsum(returns) / len(returns)
    return math.fsum((r - mean) ** 2 for r in returns) / len(returns)


def group_values(groups: Sequence[Group], embedder: Embedder) -> list[float]:
    """V_τ of each group's task; every group has a scored trajectory.

    A group of several rollouts has its own variance (GRPO). A task played once says nothing alone: such tasks
    are clustered by their embedding, and each has the variance of its cluster (PPO).
    """
    values = [reward_variance(group.returns) for group in groups]
    single = [i for i, group in enumerate(groups) if len(group.returns) == 1]
    labels = clusters(embedder.embed([_text(groups[i].task) for i in single]))
    for label in set(labels):
        members = [i for i, own in zip(single, labels, strict=True) if own == label]
        value = reward_variance([groups[i].returns[0] for i in members])
        for i in members:
            values[i] = value
    return values


def clusters(vectors_ND: NDArray[np.float32]) -> list[int]:
    """The cluster of each unit vector, about ``CLUSTER_SIZE`` in each, by spherical k-means."""
    count = max(1, round(len(vectors_ND) / CLUSTER_SIZE))
    if len(vectors_ND) == 0 or count == 1:
        return [0] * len(vectors_ND)
    centres_CD = vectors_ND[_spread_out(vectors_ND, count)]
    for _ in range(ROUNDS):
        labels_N = (vectors_ND @ centres_CD.T).argmax(axis=1)
        sums_CD = np.stack([vectors_ND[labels_N == c].sum(axis=0) for c in range(count)])
        norms_C1 = np.linalg.norm(sums_CD, axis=1, keepdims=True)
        # A cluster that lost its members keeps its centre.
        centres_CD = np.where(norms_C1 > 0, sums_CD / np.maximum(norms_C1, 1e-12), centres_CD)
    return [int(label) for label in labels_N]


def _spread_out(vectors_ND: NDArray[np.float32], count: int) -> list[int]:
    """Rows far from each other: the first one, then always the one least similar to those taken."""
    chosen = [0]
    nearest_N = vectors_ND @ vectors_ND[0]
    while len(chosen) < count:
        chosen.append(int(nearest_N.argmin()))
        nearest_N = np.maximum(nearest_N, vectors_ND @ vectors_ND[chosen[-1]])
    return chosen


def _text(task: Task) -> str:
    return f"{task.task_type} {task.instruction}"
