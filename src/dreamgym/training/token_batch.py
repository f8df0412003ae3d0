"""Trajectory → rows of tokens → padded batches.

A row is one context exactly as the policy read and wrote it: the ids recorded in ``Action.prompt_ids`` and
``Action.token_ids``, never text tokenized again. An episode is one row, and one more for each action whose
context was rebuilt (``Action.starts_row``). Rows are padded on the right: a causal model then needs no mask.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import TypeVar

import torch
from torch import Tensor

from dreamgym.core.data_structures import Action, Group, Trajectory
from dreamgym.core.errors import NonFiniteLossError
from dreamgym.training.losses import has_contrast

T = TypeVar("T")
ENVIRONMENT = -1  # the "turn" of tokens that the environment wrote


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One context; ``turns``, ``old_logprobs`` and ``advantages`` have one entry per token.

    ``turns`` numbers the agent's turns in this row and marks the tokens it wrote in each; the rest are
    ``ENVIRONMENT``. ``states`` holds, for each turn, the position of the last token read before it.
    ``importances`` weigh the tokens of a sampler that is not the learner (``importance``); empty: all 1.
    """

    token_ids: tuple[int, ...]
    turns: tuple[int, ...]
    old_logprobs: tuple[float, ...]
    states: tuple[int, ...]
    advantages: tuple[float, ...] = ()
    importances: tuple[float, ...] = ()

    @property
    def agent_tokens(self) -> int:
        """How many tokens the agent wrote."""
        return sum(turn != ENVIRONMENT for turn in self.turns)

    def with_advantages(self, turn_advantages: Sequence[float]) -> Row:
        """The same row; each token that the agent wrote takes the advantage of its turn."""
        advantages = tuple(0.0 if turn == ENVIRONMENT else turn_advantages[turn] for turn in self.turns)
        return replace(self, advantages=advantages)


def rows_of(trajectory: Trajectory) -> list[Row]:
    """The rows of an episode; together they hold its turns in order, each once."""
    if not math.isfinite(trajectory.episode_return):
        raise NonFiniteLossError(
            f"trajectory {trajectory.id} has the return {trajectory.episode_return}: a reward must be a "
            "number, mend the environment; nothing was updated"
        )
    actions = [transition.action for transition in trajectory.transitions]
    starts = [turn for turn, action in enumerate(actions) if turn == 0 or action.starts_row]
    return [
        row_of(actions[start:end], f"trajectory {trajectory.id} from turn {start}")
        for start, end in pairwise([*starts, len(actions)])
    ]


def row_of(actions: Sequence[Action], name: str) -> Row:
    """One context from the actions made in it; ``name`` is for messages."""
    token_ids: list[int] = []
    turns: list[int] = []
    logprobs: list[float] = []
    states: list[int] = []
    for turn, action in enumerate(actions):
        token_ids += [*action.prompt_ids, *action.token_ids]
        turns += [ENVIRONMENT] * len(action.prompt_ids) + [turn] * len(action.token_ids)
        logprobs += [0.0] * len(action.prompt_ids) + list(action.logprobs)
        states.append(len(token_ids) - len(action.token_ids) - 1)
    if states[0] < 0:
        raise ValueError(
            f"{name} has no prompt tokens, so nothing that its first token was predicted from: "
            "train on episodes of a policy that records Action.prompt_ids"
        )
    if not all(map(math.isfinite, logprobs)):
        raise NonFiniteLossError(
            f"{name} has logprobs that are not finite: the sampler's weights are broken, go back to a good "
            "checkpoint; nothing was updated"
        )
    return Row(
        token_ids=tuple(token_ids), turns=tuple(turns), old_logprobs=tuple(logprobs), states=tuple(states)
    )


def dealt(values: Sequence[float], rows: Sequence[Row]) -> list[list[float]]:
    """``values``, one per turn and row after row, as one list per row."""
    remaining = iter(values)
    return [list(islice(remaining, len(row.states))) for row in rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenBatch:
    """Rows as tensors: B rows of T tokens, and flat over the N tokens of agents, row by row."""

    token_ids_BT: Tensor
    agent_BT: Tensor
    old_logprobs_N: Tensor
    advantages_N: Tensor
    importances_N: Tensor

    @property
    def targets_N(self) -> Tensor:
        """The agents' tokens."""
        return self.token_ids_BT[self.agent_BT]


def collate(rows: Sequence[Row], device: torch.device | str = "cpu") -> TokenBatch:
    """Pad ``rows`` on the right with token 0, which nothing before it can see."""
    agent = [[turn != ENVIRONMENT for turn in row.turns] for row in rows]
    agent_BT = padded(agent, device).bool()
    return TokenBatch(
        token_ids_BT=padded([row.token_ids for row in rows], device),
        agent_BT=agent_BT,
        old_logprobs_N=padded([row.old_logprobs for row in rows], device)[agent_BT],
        advantages_N=padded([row.advantages or (0.0,) * len(row.turns) for row in rows], device)[agent_BT],
        importances_N=padded([row.importances or (1.0,) * len(row.turns) for row in rows], device)[agent_BT],
    )


def padded(sequences: Sequence[Sequence[float]], device: torch.device | str = "cpu") -> Tensor:
    """``sequences`` as one tensor B × T, zeros on the right."""
    length = max(map(len, sequences))
    return torch.tensor(
        [[*sequence, *[0] * (length - len(sequence))] for sequence in sequences], device=device
    )


def pack(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices of sequences in batches of similar length, each at most ``max_tokens`` with its padding.

    Every index is in exactly one batch; a sequence longer than the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= max_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def shuffled_parts(items: Sequence[T], parts: int, rng: random.Random) -> list[list[T]]:
    """All ``items`` in random order, dealt into at most ``parts`` lists, none empty."""
    order = list(items)
    rng.shuffle(order)
    return [order[start::parts] for start in range(min(parts, len(order)))]


def batch_metrics(groups: Sequence[Group], rows: Sequence[Row]) -> dict[str, float]:
    """What an update was given, and how much of it could teach."""
    trajectories = sum(len(group.trajectories) for group in groups)
    scored = sum(len(group.scored) for group in groups)
    without_contrast = sum(not has_contrast(group.returns) for group in groups)
    return {
        "rows": float(len(rows)),
        "tokens": float(sum(len(row.token_ids) for row in rows)),
        "agent_tokens": float(sum(row.agent_tokens for row in rows)),
        "zero_variance_groups": without_contrast / max(len(groups), 1),
        "failed_trajectories": (trajectories - scored) / max(trajectories, 1),
    }
