"""Episodes turn by turn: the dream beside the real world from one start, the first difference marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from dreamgym.core.data_structures import Origin
from dreamgym.training.episode_records import EpisodeRecord, TurnRecord, cut

_SPACES = re.compile(r"(\s+)")  # in brackets: splitting keeps them
MAX_ROWS = 50  # turns shown of an episode
MAX_TEXT = 2_500  # characters shown of one text
REPLAYED = "the same actions, replayed in the real rules"
PLAYED = "the same policy in the real game, its own actions"


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text around the part in which two texts differ; ``marked`` is empty where they do not."""

    before: str
    marked: str = ""
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One world's half of a turn."""

    action: Words
    answer: Words
    reward: float
    refused: bool = False
    reasoning: str = ""
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One turn in one or both worlds; None where a world's episode is over."""

    number: int
    left: Side | None
    right: Side | None
    first_difference: bool = False
    same: bool = False  # told word for word alike, so that it need not be read twice


@dataclass(frozen=True, kw_only=True)
class EpisodeView:
    """An episode to read; ``beside`` says what stands on the right, empty where nothing does."""

    record: EpisodeRecord
    beside: str
    ended: str
    rows: tuple[Row, ...]
    difference: int | None
    left_out: int


def alone(record: EpisodeRecord) -> EpisodeView:
    """An episode without a counterpart."""
    rows = [
        Row(number=n, left=_side(turn), right=None) for n, turn in enumerate(record.turns[:MAX_ROWS], start=1)
    ]
    return _view(record, "", "", rows)


def beside_replay(record: EpisodeRecord) -> EpisodeView:
    """A dreamed episode beside what the real rules answer to its actions."""
    pairs = [(turn, _real_turn(turn)) for turn in record.turns]
    ended = "solved" if record.real_success else "not solved"
    return _view(record, REPLAYED, ended, _rows(pairs), total=len(record.turns))


def beside_played(record: EpisodeRecord, real: EpisodeRecord) -> EpisodeView:
    """A dreamed episode beside one that the same policy played in the real game, from the same start."""
    pairs = list(zip_longest(record.turns, real.turns))
    return _view(record, PLAYED, real.outcome, _rows(pairs), total=len(pairs))


def views(records: Sequence[EpisodeRecord], real: Sequence[EpisodeRecord]) -> list[EpisodeView]:
    """Every record beside what there is of the real world: its replay, else a real episode of its task."""
    played = {record.task_id: record for record in real if record.origin is Origin.REAL}
    shown: list[EpisodeView] = []
    for record in records:
        is_dream, counterpart = record.origin is Origin.DREAMED, played.get(record.task_id)
        if is_dream and record.real_success is not None:
            shown.append(beside_replay(record))
        if is_dream and counterpart is not None:
            shown.append(beside_played(record, counterpart))
        if not is_dream or (record.real_success is None and counterpart is None):
            shown.append(alone(record))
    return shown


def _view(
    record: EpisodeRecord, beside: str, ended: str, rows: Sequence[Row], *, total: int | None = None
) -> EpisodeView:
    difference = next((row.number for row in rows if row.first_difference), None)
    turns = len(record.turns) if total is None else total
    return EpisodeView(
        record=replace(
            record, opening=cut(record.opening, MAX_TEXT), instruction=cut(record.instruction, 300)
        ),
        beside=beside,
        ended=ended,
        rows=tuple(rows[:MAX_ROWS]),
        difference=difference,
        left_out=turns - min(len(rows), MAX_ROWS) + record.left_out,
    )


def _rows(pairs: Sequence[tuple[TurnRecord | None, TurnRecord | None]]) -> list[Row]:
    rows, differed = [], False
    for number, (left, right) in enumerate(pairs, start=1):
        same = left is not None and right is not None and _told(left) == _told(right)
        is_first = not same and not differed
        differed = differed or not same
        halves = _marked(left, right) if is_first and left and right else (_side(left), _side(right))
        rows.append(Row(number=number, left=halves[0], right=halves[1], first_difference=is_first, same=same))
    return rows


def _told(turn: TurnRecord) -> tuple[str, str, bool]:
    return turn.action, turn.answer, turn.reward > 0


def _real_turn(turn: TurnRecord) -> TurnRecord:
    return TurnRecord(action=turn.action, answer=turn.real_answer or "", reward=turn.real_reward)


def _side(turn: TurnRecord | None) -> Side | None:
    if turn is None:
        return None
    return Side(
        action=Words(before=cut(turn.action, MAX_TEXT)),
        answer=Words(before=cut(turn.answer, MAX_TEXT)),
        reward=turn.reward,
        refused=not turn.valid,
        reasoning=cut(turn.reasoning.strip("\n"), MAX_TEXT),
        changes=tuple((cut(key, 200), cut(value, 400)) for key, value in turn.changes[:40]),
    )


def _marked(left: TurnRecord, right: TurnRecord) -> tuple[Side | None, Side | None]:
    """Both halves, the words in which they differ marked."""
    halves = []
    for one, other in ((left, right), (right, left)):
        side = _side(one)
        assert side is not None  # it was made from a turn
        action = differing(cut(one.action, MAX_TEXT), cut(other.action, MAX_TEXT))
        answer = differing(cut(one.answer, MAX_TEXT), cut(other.answer, MAX_TEXT))
        halves.append(replace(side, action=action, answer=answer))
    return halves[0], halves[1]


def differing(text: str, other: str) -> Words:
    """``text`` with the words between its common beginning and end with ``other`` marked."""
    mine, theirs = _SPACES.split(text), _SPACES.split(other)
    most = min(len(mine), len(theirs))
    start = next((n for n in range(most) if mine[n] != theirs[n]), most)
    end = next((n for n in range(most - start) if mine[-1 - n] != theirs[-1 - n]), most - start)
    stop = len(mine) - end
    before, marked, after = ("".join(part) for part in (mine[:start], mine[start:stop], mine[stop:]))
    return Words(before=before, marked=marked, after=after)
