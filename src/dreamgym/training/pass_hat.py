"""pass^k: how often k independent trials of a task are all won, tau-bench's measure of reliability."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dreamgym.core.data_structures import Trajectory
from dreamgym.utils.stats import Interval, t_interval

MOST_TRIALS = 8  # the largest k that is told


@dataclass(frozen=True, kw_only=True, slots=True)
class PassHat:
    """pass^k over ``tasks`` tasks, with Student's 95 % interval over them: trials of one task are alike."""

    k: int
    tasks: int
    share: Interval

    def __str__(self) -> str:
        return f"pass^{self.k}  {self.share.percent()} over {self.tasks} tasks"


def all_of(won: int, trials: int, k: int) -> float:
    """The unbiased estimate that ``k`` trials of a task are all won: C(won, k) / C(trials, k).

    It is the share of the subsets of ``k`` trials in which every one was won. Raises ValueError for fewer
    than ``k`` trials.
    """
    if not 0 <= won <= trials or not 1 <= k <= trials:
        raise ValueError(f"{won} won of {trials} trials, k = {k}: wanted 0 ≤ won ≤ trials and 1 ≤ k ≤ trials")
    return math.comb(won, k) / math.comb(trials, k)


def pass_hat(trajectories: Iterable[Trajectory]) -> tuple[PassHat, ...]:
    """pass^k for every k up to the trials of a task, averaged over the tasks that have k trials at least.

    Empty where no task was played more than once.
    """
    results: dict[str, list[bool]] = defaultdict(list)
    for trajectory in trajectories:
        results[trajectory.task.id].append(trajectory.success)
    most = min(MOST_TRIALS, max(map(len, results.values()), default=0))
    return tuple(_over_tasks(list(results.values()), k) for k in range(1, most + 1)) if most > 1 else ()


def _over_tasks(results: Sequence[Sequence[bool]], k: int) -> PassHat:
    shares = [all_of(sum(won), len(won), k) for won in results if len(won) >= k]
    found = t_interval(shares)
    share = Interval(found.estimate, max(0.0, found.low), min(1.0, found.high))
    return PassHat(k=k, tasks=len(shares), share=share)
