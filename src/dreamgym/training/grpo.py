"""GRPO (paper §2, Eq. 3): a trajectory is as good as it is better than its group.

    Â_i = (r_i − mean_G r) / (std_G r + ε)        the same for every token that the agent wrote in episode i

less ``rl.invalid_action_penalty`` on the turns that the world refused (paper §6), then the clipped surrogate
of ``policy_optimizer``. Failed trajectories are left out of group and loss; a
group whose returns are all equal says nothing, gives no gradient, and is counted.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from dreamgym.core.config import RLConfig
from dreamgym.core.data_structures import Group
from dreamgym.training.losses import group_advantages, penalised
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.policy_optimizer import PolicyOptimizer
from dreamgym.training.token_batch import Row, batch_metrics, dealt, rows_of
from dreamgym.utils.seeds import derive_seed


class GRPO:
    """Group-relative policy optimization of one policy."""

    def __init__(self, config: RLConfig, policy: LocalPolicy, *, seed: int = 0) -> None:
        self._seed = seed
        self._penalty = config.invalid_action_penalty
        self._policy_optimizer = PolicyOptimizer(policy, config)

    def update(self, policy: LocalPolicy, groups: Sequence[Group]) -> dict[str, float]:
        """Learn from ``groups``. Raises ``NonFiniteLossError`` with nothing changed."""
        rows = [row for group in groups for row in group_rows(group, self._penalty)]
        rng = random.Random(derive_seed(self._seed, "grpo", policy.version))
        metrics = self._policy_optimizer.update(rows, rng)
        policy.updated()
        return metrics | batch_metrics(groups, rows)

    def save(self, folder: Path) -> None:
        """Everything but the policy itself."""
        self._policy_optimizer.save(folder)

    def load(self, folder: Path) -> None:
        """Continue from ``save``."""
        self._policy_optimizer.load(folder)


def group_rows(group: Group, penalty: float = 0.0) -> list[Row]:
    """The rows of a group's scored trajectories with their advantages."""
    episodes = [rows_of(trajectory) for trajectory in group.scored]  # refuses what is not a number
    rows: list[Row] = []
    for own, trajectory, advantage in zip(
        episodes, group.scored, group_advantages(group.returns), strict=True
    ):
        of_turns = penalised([advantage] * len(trajectory.transitions), trajectory, penalty)
        rows += [row.with_advantages(part) for row, part in zip(own, dealt(of_turns, own), strict=True)]
    return rows
