"""Rows for supervised fitting: the experience model's turns, episodes and sheets, the policy's episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from transformers import PreTrainedTokenizerFast

from dreamgym.core.data_structures import Experience, Sheet, Task, Trajectory
from dreamgym.environments.alfworld.annotate import AnnotatedTurn
from dreamgym.environments.base_env import Observation
from dreamgym.models.dream_format import LINE_END, render_answer
from dreamgym.models.dream_prompts import (
    QUOTE,
    Past,
    action_line,
    history_prompt,
    imagine_prompt,
    sheet_prompt,
    turn_prompt,
)
from dreamgym.models.sheet import line, places, quote, unseen_places
from dreamgym.models.tokenizer import encode
from dreamgym.training import policy
from dreamgym.training.supervised import Row

Segment = tuple[str, bool]  # text, and whether it carries loss


class RowMaker:
    """Turns segments into rows; each segment is tokenized on its own, as at inference."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._end = tokenizer.eos_token_id
        self._encode: Callable[[str], tuple[int, ...]] = lru_cache(maxsize=500_000)(
            lambda text: tuple(encode(tokenizer, text))
        )

    def row(self, segments: Iterable[Segment]) -> Row:
        """One row from its segments; ``<end>`` stands for the end-of-action token."""
        ids: list[int] = []
        mask: list[bool] = []
        for text, has_loss in segments:
            piece = (self._end,) if text == policy_end() else self._encode(text)
            ids.extend(piece)
            mask.extend([has_loss] * len(piece))
        return Row(token_ids=np.asarray(ids, dtype=np.int32), mask=np.asarray(mask, dtype=bool))


def cut(rows: Sequence[Row], length: int) -> list[Row]:
    """``rows`` with at most ``length`` tokens each, what a model can read; what is cut off is not learned."""
    return [
        row if len(row.token_ids) <= length else Row(token_ids=row.token_ids[:length], mask=row.mask[:length])
        for row in rows
    ]


def policy_end() -> str:
    """The segment that stands for the end-of-action token; no encoded text can equal it."""
    return "\x00end"


def turn_segments(
    instruction: str, turn: AnnotatedTurn, neighbours: Sequence[Experience] = ()
) -> Iterator[Segment]:
    """Eq. 5 for one turn in the context ``quotes``."""
    yield turn_prompt(instruction, turn.sheet, turn.action, neighbours), False
    yield from answer_segments(instruction, turn)


def answer_segments(
    instruction: str, turn: AnnotatedTurn, *, keeps_sheet: bool = True, reasoning: bool = True
) -> Iterator[Segment]:
    """The reasoning, then the answer. The text of a quote is given and carries no loss; without a sheet the
    model must find it in its history, which tells what was shown, and no line of a sheet changes.
    """
    quoted = turn.sheet if keeps_sheet else turn.known
    for key in turn.quotes if reasoning else ():
        yield f"\n> {key}{QUOTE}", True
        yield f" {quote(quoted, key, instruction)}", not keeps_sheet
    answer = turn.answer if keeps_sheet else replace(turn.answer, changes=())
    yield render_answer(answer if reasoning else replace(answer, check="")), True


def written(instruction: str, turn: AnnotatedTurn, *, keeps_sheet: bool, reasoning: bool) -> str:
    """The true answer as the model would have written it."""
    parts = answer_segments(instruction, turn, keeps_sheet=keeps_sheet, reasoning=reasoning)
    return "".join(text for text, _ in parts)


def dream_segments(
    task: Task, turns: Sequence[AnnotatedTurn], *, keeps_sheet: bool, reasoning: bool
) -> Iterator[Segment]:
    """Eq. 5 for a whole episode in the context ``sheet`` or ``history``, with the loss on every answer."""
    past = Past(start=turns[0].sheet)
    yield sheet_prompt(task.instruction, past) if keeps_sheet else history_prompt(task, past), False
    for turn in turns:
        yield action_line(turn.action), False
        yield from answer_segments(task.instruction, turn, keeps_sheet=keeps_sheet, reasoning=reasoning)


def sheet_segments(instruction: str, sheet: Sheet) -> Iterator[Segment]:
    """The imagining of the places that were seen, as if the room held no other."""
    unseen = set(unseen_places(sheet))
    seen = Sheet(facts=tuple(fact for fact in sheet.facts if fact[0] not in unseen))
    yield imagine_prompt(instruction, seen), False
    for place in places(seen):
        yield f"\n> {place}{QUOTE}", False
        yield f" {line(seen, place)}{LINE_END}", True


def episode_segments(trajectory: Trajectory) -> Iterator[Segment]:
    """Behaviour cloning of one episode: the row that the policy would have written."""
    for turn, transition in enumerate(trajectory.transitions):
        seen = Observation(text=transition.state)
        prompt = policy.opening_prompt(trajectory.task, seen) if turn == 0 else policy.turn_prompt(seen)
        yield prompt, False
        yield f" {transition.action.text}", True
        yield policy_end(), True
