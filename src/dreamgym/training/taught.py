"""Trajectories whose reasoning R* a teacher has written: how the context ``history`` learns them (Eq. 5).

A turn's reasoning is one quote line in the teacher's words, ``> because = …``; nothing of it is looked up in
a sheet, so an environment needs no annotator of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.annotated import AnnotatedTurn
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
        instruction, state = trajectory.task.instruction, trajectory.transitions[0].state
        segments = dream_segments(instruction, state, turns, keeps_sheet=False, reasoning=True)
        rows.append(maker.row(segments))
        advance()
    return rows


def to_fit(
    trajectories: Sequence[Trajectory], form: ReasoningModelConfig
) -> tuple[Sequence[Trajectory], ReasoningModelConfig, str]:
    """What a fit in ``form`` learns from, the form it learns, and what a person is told of the rest, if any.

    A teacher's reasoning is learned with the whole episode before it, and nothing retrieved.
    """
    taught = [trajectory for trajectory in trajectories if is_taught(trajectory)]
    if not taught:
        return trajectories, form, ""
    if not uses_teacher(form):
        note = "the teacher's reasoning in the data is not used: --context history fits it"
        return trajectories, form, note
    without = len(trajectories) - len(taught)
    note = f"{without:,} of {len(trajectories):,} episodes have no teacher's reasoning and are left out"
    learned = form.model_copy(update={"top_k": 0, "history": None})
    return taught, learned, note if without else ""
