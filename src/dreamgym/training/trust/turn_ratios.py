"""What an update did to the policy: π′(a|s)/π(a|s) of every turn, from the tokens as they were sampled."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import torch

from dreamgym.core.data_structures import Trajectory
from dreamgym.training.logprobs import action_logprobs
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.token_batch import ENVIRONMENT, Row, collate, pack, rows_of


@torch.no_grad()
def turn_ratios(
    policy: LocalPolicy, episodes: Sequence[Trajectory], max_tokens: int = 4096
) -> list[list[float]]:
    """One list per episode, one ratio per turn; ``policy`` is π′, the episodes were sampled from π."""
    rows = [(number, row) for number, episode in enumerate(episodes) for row in rows_of(episode)]
    by_row: dict[int, list[float]] = {}
    for indices in pack([len(row.token_ids) for _, row in rows], max_tokens):
        batch = collate([rows[i][1] for i in indices], policy.model.device)
        logprobs_N, _ = action_logprobs(policy.model, batch, policy.config.temperature)
        changes = iter((logprobs_N - batch.old_logprobs_N).tolist())
        by_row |= {
            i: _by_turn(rows[i][1], [next(changes) for _ in range(rows[i][1].agent_tokens)]) for i in indices
        }
    ratios: list[list[float]] = [[] for _ in episodes]
    for i, (number, _) in enumerate(rows):  # an episode's rows in order hold its turns in order
        ratios[number] += by_row[i]
    return ratios


def _by_turn(row: Row, changes: Sequence[float]) -> list[float]:
    """exp of the summed change of a turn's tokens."""
    sums: dict[int, float] = defaultdict(float)
    for turn, change in zip((t for t in row.turns if t != ENVIRONMENT), changes, strict=True):
        sums[turn] += change
    return [math.exp(sums[turn]) for turn in range(len(row.states))]
