"""Trajectories whose reasoning R* a teacher has written: how the context ``history`` learns them (Eq. 5).

A turn's reasoning is one quote line in the teacher's words, ``> because = …``; nothing of it is looked up in
a sheet, so an environment needs no annotator of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.alfworld.annotate import AnnotatedTurn
from dreamgym.models.dream_format import Answer, told_quotes
from dreamgym.models.sheet import AT, HAND, make_sheet
from dreamgym.training.fit_rows import RowMaker, dream_segments
from dreamgym.training.supervised import Row
from dreamgym.utils.progress import Advance

NO_SHEET = make_sheet({AT: "nowhere", HAND: "holds"})


def is_taught(trajectory: Trajectory) -> bool:
    """Whether every turn has its reasoning."""
    return all(turn.reasoning for turn in trajectory.transitions) and bool(trajectory.transitions)


def uses_teacher(form: ReasoningModelConfig) -> bool:
    """Whether a model of this form can write a teacher's words: with a sheet it quotes the sheet alone."""
    return form.context == "history" and form.reasoning


def taught_turns(trajectory: Trajectory) -> Iterator[AnnotatedTurn]:
    """The true turns with the teacher's reasoning; the verdict is the data's."""
    for number, turn in enumerate(trajectory.transitions):
        yield AnnotatedTurn(
            sheet=NO_SHEET,
            action=turn.action.text,
            quotes=(),
            answer=Answer(
                valid=turn.valid,
                next_state=turn.next_state,
                changes=(),
                reward=turn.reward,
                done=turn.terminated,
            ),
            turn=number,
            told=told_quotes(turn.reasoning),
        )


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
