"""Rows for supervised fitting: turns and sheets for the experience model, episodes for the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from transformers import PreTrainedTokenizerFast

from dreamgym.core.data_structures import Experience, Sheet, Trajectory
from dreamgym.environments.alfworld.annotate import AnnotatedTurn
from dreamgym.environments.base_env import Observation
from dreamgym.models.dream_format import LINE_END, QUOTE, imagine_prompt, render_answer, turn_prompt
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


def policy_end() -> str:
    """The segment that stands for the end-of-action token; no encoded text can equal it."""
    return "\x00end"


def turn_segments(
    instruction: str, turn: AnnotatedTurn, neighbours: Sequence[Experience] = ()
) -> Iterator[Segment]:
    """Eq. 5 for one turn: the reasoning (its quotes are given, so they carry no loss), then the answer."""
    yield turn_prompt(instruction, turn.sheet, turn.action, neighbours), False
    for key in turn.quotes:
        yield f"\n> {key}{QUOTE}", True
        yield f" {quote(turn.sheet, key, instruction)}", False
    yield render_answer(turn.answer), True


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
