"""Rows for supervised fitting: the experience model's turns, episodes and sheets, the policy's episodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import repeat

import numpy as np
from transformers import PreTrainedTokenizerBase

from dreamgym.core.data_structures import Experience, Sheet, Trajectory
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.base_env import Observation
from dreamgym.models.dream_format import LINE_END, render_answer
from dreamgym.models.dream_prompts import (
    QUOTE,
    action_line,
    history_prompt,
    imagine_prompt,
    likes,
    sheet_prompt,
    turn_prompt,
)
from dreamgym.models.quoting import quote
from dreamgym.models.sheet import line, places, unseen_places
from dreamgym.models.tokenizer import encode
from dreamgym.training.dialogue import Dialogues
from dreamgym.training.supervised import Part, Row

Segment = tuple[str, Part]

# What the lines of an answer are of; those of the verdict and of the task's check are reasoning.
_PARTS = {"next": Part.NEXT_STATE, "set": Part.NEXT_STATE, "reward": Part.REWARD, "done": Part.REWARD}
_LINE = re.compile(r"\n(?P<head>[a-z]+)[^\n]*")


class RowMaker:
    """Turns segments into rows; each segment is tokenized on its own, as at inference."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._encode: Callable[[str], tuple[int, ...]] = lru_cache(maxsize=500_000)(
            lambda text: tuple(encode(tokenizer, text))
        )

    def row(self, segments: Iterable[Segment]) -> Row:
        """One row from its segments."""
        ids: list[int] = []
        parts: list[int] = []
        for text, part in segments:
            piece = self._encode(text)
            ids.extend(piece)
            parts.extend([part] * len(piece))
        return _row(ids, parts)


def _row(ids: Sequence[int], parts: Sequence[int]) -> Row:
    return Row(token_ids=np.asarray(ids, dtype=np.int32), parts=np.asarray(parts, dtype=np.uint8))


def cut(rows: Sequence[Row], length: int) -> list[Row]:
    """``rows`` with at most ``length`` tokens each, what a model can read; what is cut off is not learned."""
    return [
        (
            row
            if len(row.token_ids) <= length
            else Row(token_ids=row.token_ids[:length], parts=row.parts[:length])
        )
        for row in rows
    ]


def turn_segments(
    instruction: str, turn: AnnotatedTurn, neighbours: Sequence[Experience] = ()
) -> Iterator[Segment]:
    """Eq. 5 for one turn in the context ``quotes``."""
    yield turn_prompt(instruction, turn.sheet, turn.action, neighbours), Part.GIVEN
    yield from answer_segments(instruction, turn)


def answer_segments(
    instruction: str, turn: AnnotatedTurn, *, keeps_sheet: bool = True, reasoning: bool = True
) -> Iterator[Segment]:
    """The reasoning, then the answer. The text of a quote is given and carries no loss; without a sheet the
    model must find it in its history, which tells what was shown, and no line of a sheet changes.
    """
    for key, told in turn.told if reasoning else ():
        yield f"\n> {key}{QUOTE} {told}", Part.REASONING
    quoted = turn.sheet if keeps_sheet else turn.known
    fact_part = Part.GIVEN if keeps_sheet else Part.REASONING
    for key in turn.quotes if reasoning else ():
        yield f"\n> {key}{QUOTE}", Part.REASONING
        yield f" {quote(quoted, key, instruction, turn.action)}", fact_part
    answer = turn.answer if keeps_sheet else replace(turn.answer, changes=())
    if keeps_sheet and turn.written is not None:
        answer = turn.written
    for match in _LINE.finditer(render_answer(answer if reasoning else replace(answer, check=""))):
        yield match.group(), _PARTS.get(match["head"], Part.REASONING)


def written(instruction: str, turn: AnnotatedTurn, *, keeps_sheet: bool, reasoning: bool) -> str:
    """The true answer as the model would have written it."""
    parts = answer_segments(instruction, turn, keeps_sheet=keeps_sheet, reasoning=reasoning)
    return "".join(text for text, _ in parts)


def dream_segments(
    instruction: str,
    state: str,
    turns: Sequence[AnnotatedTurn],
    neighbours: Sequence[Sequence[Experience]] = (),
    *,
    keeps_sheet: bool,
    reasoning: bool,
) -> Iterator[Segment]:
    """Eq. 5 for turns in a row in the context ``sheet`` or ``history``, with the loss on every answer.

    ``state`` is the observation before the first; ``neighbours`` were retrieved for each turn, if any were.
    """
    start = sheet_prompt(instruction, turns[0].sheet) if keeps_sheet else history_prompt(instruction, state)
    yield start, Part.GIVEN
    for turn, near in zip(turns, neighbours or repeat(()), strict=False):
        yield likes(near) + action_line(turn.action), Part.GIVEN
        yield from answer_segments(instruction, turn, keeps_sheet=keeps_sheet, reasoning=reasoning)


def sheet_segments(instruction: str, sheet: Sheet) -> Iterator[Segment]:
    """The imagining of the places that were seen, as if the room held no other."""
    unseen = set(unseen_places(sheet))
    seen = Sheet(facts=tuple(fact for fact in sheet.facts if fact[0] not in unseen))
    yield imagine_prompt(instruction, seen), Part.GIVEN
    for place in places(seen):
        yield f"\n> {place}{QUOTE}", Part.GIVEN
        yield f" {line(seen, place)}{LINE_END}", Part.SHEET


def episode_rows(trajectory: Trajectory, dialogues: Dialogues) -> Iterator[Row]:
    """Behaviour cloning of one episode: the rows that the policy would have lived through, tokens and all."""
    dialogue = dialogues.begin(trajectory.task)
    ids: list[int] = []
    parts: list[int] = []
    for transition in trajectory.transitions:
        prompt = dialogue.read(Observation(text=transition.state))
        if prompt.starts_row:
            yield _row(ids, parts)
            ids, parts = [], []
        answer = dialogue.written(transition.action.text)
        dialogue.said(answer)
        ids += [*prompt.token_ids, *answer]
        parts += [Part.GIVEN] * len(prompt.token_ids) + [Part.ACTION] * len(answer)
    yield _row(ids, parts)
