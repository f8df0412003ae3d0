"""One cell measured: held-out real turns, and whole episodes that are replayed in the rules."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from random import Random

from dreamgym.core.data_structures import Task, Trajectory
from dreamgym.environments.judged import JudgedTurn
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel, Retriever
from dreamgym.training.build import computed_tokens
from dreamgym.training.fidelity import dreamed_groups, judge_groups
from dreamgym.training.grounding.fitting import TOP_K
from dreamgym.training.grounding.grid import Cell, Hidden
from dreamgym.training.grounds import Grounds
from dreamgym.training.teacher_forcing import from_what_was_seen, teacher_forced

TURNS_OF_EPISODE = 6
EPISODES = 24
MAX_TURNS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What was counted in one cell with one seed; seeds are added up."""

    turns: int = 0
    exact: int = 0
    invalid: int = 0
    recognised: int = 0
    unpaid: int = 0
    false_positive: int = 0
    paid: int = 0
    false_negative: int = 0
    episodes: int = 0
    whole: int = 0  # every turn as the rules answer it: who never pays has the right outcome too often
    dreamed_turns: int = 0
    tokens: int = 0  # read and written in dreaming them, imagining included

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})


COUNTED = tuple(Counts.__dataclass_fields__)


def some_turns(trajectory: Trajectory) -> Collection[int]:
    """The last turn, which may be won, and a few others; the same for every cell."""
    turns = len(trajectory.transitions)
    others = Random(zlib.crc32(trajectory.id.encode()))
    return {turns - 1, *others.sample(range(turns), min(turns, TURNS_OF_EPISODE - 1))}


async def measure_cell(
    cell: Cell, client: LLMClient, retriever: Retriever | None, grounds: Grounds, *, seed: int
) -> Counts:
    """The counts of a cell. A sheet that is ``imagined`` holds what was seen so far; the rest is made up."""
    settings = cell.form.settings(top_k=TOP_K if retriever else 0, history=cell.history)
    model = ReasoningExperienceModel(
        settings, client, retriever=retriever, world=grounds.world, view=grounds.domain.view
    )
    heldout = grounds.heldout[:EPISODES]
    if cell.sheet is Hidden.IMAGINED:
        turns = await from_what_was_seen(model, heldout, chosen=some_turns, seed=seed)
    else:
        turns = await teacher_forced(model, heldout, chosen=some_turns)
    before = client.usage
    groups = await dreamed_groups(
        model, grounds.policy, tasks_of(cell, grounds), grounds.domain, max_turns=MAX_TURNS, seed=seed
    )
    used = client.usage - before
    judged, failed = judge_groups(groups, grounds.domain)
    return replace(
        turn_counts(turns),
        episodes=len(judged) + failed,
        whole=sum(episode.first_wrong is None for episode in judged),
        dreamed_turns=sum(len(t.transitions) for group in groups for t in group.trajectories),
        tokens=computed_tokens(used),
    )


def tasks_of(cell: Cell, grounds: Grounds) -> list[Task]:
    """Held-out tasks: with their true sheets where it is given, else with nothing but their openings."""
    tasks = [trajectory.task for trajectory in grounds.heldout[:EPISODES]]
    if cell.sheet is Hidden.GIVEN:
        return [replace(task, sheet=grounds.domain.true_sheet(task)) for task in tasks]
    return [replace(task, sheet=None) for task in tasks]


def turn_counts(turns: Sequence[JudgedTurn]) -> Counts:
    """The columns of judged turns."""
    invalid = [turn for turn in turns if turn.invalid]
    paid = [turn for turn in turns if turn.real_reward > 0]
    return Counts(
        turns=len(turns),
        exact=sum(turn.exact for turn in turns),
        invalid=len(invalid),
        recognised=sum(turn.refused for turn in invalid),
        unpaid=len(turns) - len(paid),
        false_positive=sum(turn.false_win for turn in turns),
        paid=len(paid),
        false_negative=sum(turn.dreamed_reward <= 0 for turn in paid),
    )
