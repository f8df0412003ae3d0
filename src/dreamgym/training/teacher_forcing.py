"""Real turns dreamed from what was true before them, each on its own: errors do not add up here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dreamgym.core.data_structures import Sheet, Trajectory
from dreamgym.core.errors import EndpointError, InvalidDreamError
from dreamgym.environments.alfworld.annotate import AnnotatedTurn
from dreamgym.environments.alfworld.hindsight import without_unseen
from dreamgym.environments.alfworld.replay import JudgedTurn
from dreamgym.environments.dream import Dreamer
from dreamgym.models.dream_prompts import Past
from dreamgym.models.sheet import with_changes
from dreamgym.training.annotation import annotator_of
from dreamgym.training.fit_rows import written
from dreamgym.training.settings import ALFWORLD
from dreamgym.training.taught import is_taught, taught_turns
from dreamgym.utils.progress import Advance
from dreamgym.utils.seeds import derive_seed

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """What is known before a turn: the sheet, and the episode so far where the model reads it."""

    sheet: Sheet
    past: Past | None


async def teacher_forced(
    model: Dreamer,
    trajectories: Sequence[Trajectory],
    *,
    concurrency: int = 128,
    advance: Advance = lambda: None,
) -> list[JudgedTurn]:
    """Every real turn, from the true sheet before it; a malformed dream counts as wrong."""
    jobs = []
    for trajectory in trajectories:
        sheet = without_unseen(annotator_of(trajectory.task).hindsight(trajectory), {})
        jobs += [
            _judge(model, trajectory, turn, moment) for turn, moment in moments(model, trajectory, sheet)
        ]
    return await _all(jobs, concurrency, advance)


async def first_looks(
    model: Dreamer, trajectories: Sequence[Trajectory], *, seed: int, concurrency: int = 128
) -> list[JudgedTurn]:
    """One first look per trajectory, from what had been seen before it; the rest is imagined."""

    async def look(trajectory: Trajectory, turn: AnnotatedTurn) -> JudgedTurn:
        before = replace(trajectory, transitions=trajectory.transitions[: turn.turn])
        try:
            own_seed = derive_seed(seed, "first look", trajectory.id)
            shown = annotator_of(trajectory.task).hindsight(before)
            sheet = await model.imagine(trajectory.task, shown, own_seed)
        except InvalidDreamError as error:
            return _judged(trajectory, turn, f"(malformed: {error})", 0.0)
        *_, moment = [Moment(sheet=sheet, past=_start(model, sheet)), *after_each(model, before, sheet)]
        return await _judge(model, trajectory, turn, moment)

    jobs = []
    for number, trajectory in enumerate(trajectories):
        annotator = annotator_of(trajectory.task)
        annotated = annotator.annotate(trajectory, annotator.hindsight(trajectory))
        turns = [turn for turn in annotated if turn.first_look]
        jobs += [look(trajectory, turns[number % len(turns)])] if turns else []
    return await _all(jobs, concurrency)


def moments(model: Dreamer, trajectory: Trajectory, sheet: Sheet) -> Iterator[tuple[AnnotatedTurn, Moment]]:
    """Each turn of ``trajectory``, which started from ``sheet``, with what was known before it."""
    known = [Moment(sheet=sheet, past=_start(model, sheet)), *after_each(model, trajectory, sheet)]
    return zip(_turns(model, trajectory, sheet), known, strict=False)


def after_each(model: Dreamer, trajectory: Trajectory, sheet: Sheet) -> Iterator[Moment]:
    """What is known after each turn."""
    past, task = _start(model, sheet), trajectory.task
    for turn in _turns(model, trajectory, sheet):
        if past is not None:
            answer = written(task.instruction, turn, keeps_sheet=model.keeps_sheet, reasoning=model.reasons)
            past = past.after(turn.action, answer)
        yield Moment(sheet=with_changes(turn.sheet, turn.answer.changes), past=past)


def _turns(model: Dreamer, trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """The true turns, their reasoning as the model was fitted to it."""
    if not model.keeps_sheet and model.reasons and is_taught(trajectory):
        return taught_turns(trajectory)
    return annotator_of(trajectory.task).annotate(trajectory, sheet)


def _start(model: Dreamer, sheet: Sheet) -> Past | None:
    return Past(start=sheet) if model.reads_past else None


async def _judge(model: Dreamer, trajectory: Trajectory, turn: AnnotatedTurn, moment: Moment) -> JudgedTurn:
    try:
        dreamed = await model.dream_turn(
            task=trajectory.task,
            state=trajectory.transitions[turn.turn].state,
            action=turn.action,
            sheet=moment.sheet,
            past=moment.past,
            trajectory_id=trajectory.id,
        )
    except InvalidDreamError as error:
        return _judged(trajectory, turn, f"(malformed: {error})", 0.0)
    answer = dreamed.answer
    return _judged(trajectory, turn, answer.next_state, answer.reward, valid=answer.valid)


def _judged(
    trajectory: Trajectory, turn: AnnotatedTurn, dreamed_state: str, reward: float, *, valid: bool = True
) -> JudgedTurn:
    """The turn, judged; only in ALFWorld do the words of an answer tell whether the action worked."""
    real = trajectory.transitions[turn.turn]
    told = trajectory.task.environment != ALFWORLD
    return JudgedTurn(
        action=turn.action,
        dreamed_state=dreamed_state,
        real_state=real.next_state,
        dreamed_reward=reward,
        real_reward=real.reward,
        first_look=bool(turn.first_look),
        real_valid=real.valid if told else None,
        dreamed_valid=valid if told else None,
    )


async def _all(
    jobs: Sequence[Coroutine[Any, Any, T]], concurrency: int, advance: Advance = lambda: None
) -> list[T]:
    """Their results in order, at most ``concurrency`` at once; what could not be asked is not measured."""
    slots = asyncio.Semaphore(concurrency)

    async def one(job: Coroutine[Any, Any, T]) -> list[T]:
        try:
            async with slots:
                results = [await job]
        except EndpointError as error:
            logger.info("a turn is not measured: %s", error)
            results = []
        finally:
            job.close()  # it may never have begun, where another one ended it all
        advance()
        return results

    return [result for results in await asyncio.gather(*map(one, jobs)) for result in results]
