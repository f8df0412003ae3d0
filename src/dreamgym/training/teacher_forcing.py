"""Real turns dreamed from what was true before them, each on its own: errors do not add up here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dreamgym.core.data_structures import Sheet, Trajectory
from dreamgym.core.errors import EndpointError, InvalidDreamError
from dreamgym.environments.alfworld.hindsight import without_unseen
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.dream import Dreamer
from dreamgym.environments.judged import JudgedTurn
from dreamgym.models.dream_prompts import START, Past, PastTurn
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
    """What is known before a turn: the sheet, and the episode so far."""

    sheet: Sheet
    past: Past


Chosen = Callable[[Trajectory], Collection[int]]
"""The numbers of the turns of a trajectory that are to be dreamed."""


def every_turn(trajectory: Trajectory) -> Collection[int]:
    """All of them."""
    return range(len(trajectory.transitions))


async def teacher_forced(
    model: Dreamer,
    trajectories: Sequence[Trajectory],
    *,
    chosen: Chosen = every_turn,
    concurrency: int = 128,
    advance: Advance = lambda: None,
) -> list[JudgedTurn]:
    """The ``chosen`` real turns, from the true sheet before each; a malformed dream counts as wrong."""
    jobs = []
    for trajectory in trajectories:
        wanted = chosen(trajectory)
        sheet = without_unseen(annotator_of(trajectory.task).hindsight(trajectory), {})
        jobs += [
            _judge(model, trajectory, turn, moment)
            for turn, moment in moments(model, trajectory, sheet)
            if turn.turn in wanted
        ]
    return await _all(jobs, concurrency, advance)


async def from_what_was_seen(
    model: Dreamer, trajectories: Sequence[Trajectory], *, chosen: Chosen, seed: int, concurrency: int = 128
) -> list[JudgedTurn]:
    """The ``chosen`` real turns, from what had been seen before each; the rest is imagined."""

    async def look(trajectory: Trajectory, turn: AnnotatedTurn) -> JudgedTurn:
        before = replace(trajectory, transitions=trajectory.transitions[: turn.turn])
        try:
            own_seed = derive_seed(seed, "first look", trajectory.id)
            shown = annotator_of(trajectory.task).hindsight(before)
            sheet = await model.imagine(trajectory.task, shown, own_seed)
        except InvalidDreamError as error:
            return _judged(trajectory, turn, f"(malformed: {error})", 0.0)
        *_, moment = [Moment(sheet=sheet, past=START), *after_each(model, before, sheet)]
        return await _judge(model, trajectory, turn, moment)

    jobs = []
    for trajectory in trajectories:
        wanted = chosen(trajectory)
        jobs += [look(trajectory, turn) for turn in _annotated(trajectory) if turn.turn in wanted]
    return await _all(jobs, concurrency)


async def first_looks(
    model: Dreamer, trajectories: Sequence[Trajectory], *, seed: int, concurrency: int = 128
) -> list[JudgedTurn]:
    """One first look per trajectory, from what had been seen before it; the rest is imagined."""
    looks = {}
    for number, trajectory in enumerate(trajectories):
        turns = [turn.turn for turn in _annotated(trajectory) if turn.first_look]
        looks[trajectory.id] = {turns[number % len(turns)]} if turns else set()
    return await from_what_was_seen(
        model, trajectories, chosen=lambda t: looks[t.id], seed=seed, concurrency=concurrency
    )


def _annotated(trajectory: Trajectory) -> Iterator[AnnotatedTurn]:
    """The true turns, as far as the trajectory has shown its world."""
    annotator = annotator_of(trajectory.task)
    return annotator.annotate(trajectory, annotator.hindsight(trajectory))


def moments(model: Dreamer, trajectory: Trajectory, sheet: Sheet) -> Iterator[tuple[AnnotatedTurn, Moment]]:
    """Each turn of ``trajectory``, which started from ``sheet``, with what was known before it."""
    known = [Moment(sheet=sheet, past=START), *after_each(model, trajectory, sheet)]
    return zip(_turns(model, trajectory, sheet), known, strict=False)


def after_each(model: Dreamer, trajectory: Trajectory, sheet: Sheet) -> Iterator[Moment]:
    """What is known after each turn."""
    past, task = START, trajectory.task
    for turn in _turns(model, trajectory, sheet):
        answer = written(task.instruction, turn, keeps_sheet=model.keeps_sheet, reasoning=model.reasons)
        state = trajectory.transitions[turn.turn].state
        past = past.after(PastTurn(sheet=turn.sheet, state=state, action=turn.action, written=answer))
        yield Moment(sheet=with_changes(turn.sheet, turn.answer.changes), past=past)


def _turns(model: Dreamer, trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """The true turns, their reasoning as the model was fitted to it."""
    if not model.keeps_sheet and model.reasons and is_taught(trajectory):
        return taught_turns(trajectory)
    return annotator_of(trajectory.task).annotate(trajectory, sheet)


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
    """The turn, judged by the reward that its annotation gives: a dream pays for the whole or nothing.

    Only in ALFWorld do the words of an answer tell whether the action worked.
    """
    real = trajectory.transitions[turn.turn]
    told = trajectory.task.environment != ALFWORLD
    return JudgedTurn(
        action=turn.action,
        dreamed_state=dreamed_state,
        real_state=real.next_state,
        dreamed_reward=reward,
        real_reward=turn.answer.reward,
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
