"""Trajectories whose reasoning R* a teacher has written: how the context ``history`` learns them (Eq. 5).

A turn's reasoning is one quote line in the teacher's words, ``> because = …``; nothing of it is looked up in
a sheet, so an environment needs no annotator of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.alfworld.annotate import AnnotatedTurn
from dreamgym.models.dream_format import told_quotes
from dreamgym.training.annotation import NO_SHEET, plainly
from dreamgym.training.fit_rows import RowMaker, dream_segments
from dreamgym.training.supervised import Row
from dreamgym.utils.progress import Advance


def is_taught(trajectory: Trajectory) -> bool:
    """Whether every turn has its reasoning."""
    return all(turn.reasoning for turn in trajectory.transitions) and bool(trajectory.transitions)


def uses_teacher(form: ReasoningModelConfig) -> bool:
    """Whether a model of this form can write a teacher's words: with a sheet it quotes the sheet alone."""
    return form.context == "history" and form.reasoning


def taught_turns(trajectory: Trajectory) -> Iterator[AnnotatedTurn]:
    """The true turns with the teacher's reasoning; the verdict is the data's."""
    turns = zip(plainly(trajectory, NO_SHEET), trajectory.transitions, strict=True)
    return (replace(turn, told=told_quotes(transition.reasoning)) for turn, transition in turns)


def taught_rows(trajectories: Iterable[Trajectory], maker: RowMaker, advance: Advance) -> list[Row]:
    """One row per trajectory."""
    rows = []
    for trajectory in trajectories:
        turns = list(taught_turns(trajectory))
        rows.append(maker.row(dream_segments(trajectory.task, turns, keeps_sheet=False, reasoning=True)))
        advance()
    return rows


def to_fit(
    trajectories: Sequence[Trajectory], form: ReasoningModelConfig
) -> tuple[Sequence[Trajectory], str]:
    """What a fit in ``form`` learns from, and what a person is told about the rest, if anything."""
    taught = [trajectory for trajectory in trajectories if is_taught(trajectory)]
    if not taught:
        return trajectories, ""
    if not uses_teacher(form):
        return trajectories, "the teacher's reasoning in the data is not used: --context history fits it"
    without = len(trajectories) - len(taught)
    note = f"{without:,} of {len(trajectories):,} episodes have no teacher's reasoning and are left out"
    return taught, note if without else ""
