"""verl-agent's rollouts: one row per step, the rows of an episode held together by their ``traj_uid``.

A row has the agent's answer (``output``, its action between ``<action>`` tags), what it saw (``anchor_obs``,
else the observation that the prompt in ``input`` quotes), and the episode's reward (``episode_rewards``, else
``score``). verl's own dump leaves ``traj_uid`` out, and then nobody can tell which rows are one episode.

verl-agent fills a batch up with copies of rows and sorts it by length before it dumps it. So the rows of an
episode are put in the order of their ``turn``, else of the number of steps that their prompts tell, and only
where neither is there in the order of the file.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dreamgym.training.traces.trace import (
    Found,
    Record,
    Skipped,
    Trace,
    TraceProblem,
    TraceTurn,
    as_number,
    as_object,
)

MOST_OPEN = 1_024  # episodes whose rows may still come; the one that waits longest is closed first
_ACTION = re.compile(r"<action>(.*?)</action>", re.DOTALL | re.IGNORECASE)
_SEES = re.compile(r"current observation is:\s*(.*?)\s*\n\s*(?:Your admissible|Now it)", re.DOTALL)
_TASK = re.compile(r"[Yy]our (?:task is to:?|task is:|question:)\s*(.*?)\s*(?:\n|$)")
_TAKEN = re.compile(r"you have already taken (\d+) step")
_VALID = ("is_action_valid", "action_valid")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One step."""

    place: int
    number: int | None  # of the turn, where it is told
    task: str
    seen: str
    answer: str
    action: str
    valid: bool
    reward: float | None
    length: int | None


@dataclass(slots=True)
class _Episode:
    rows: list[Row] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.rows[0].length is not None and len({*map(_identity, self.rows)}) >= self.rows[0].length


def read_verl_agent(records: Iterable[Record | Skipped]) -> Iterator[Found | Skipped]:
    """The episodes of a file of rows, each where its last row stood."""
    waiting: OrderedDict[str, _Episode] = OrderedDict()
    whole: set[str] = set()
    for record in records:
        if isinstance(record, Skipped):
            yield record
            continue
        try:
            name, row = _row(record)
        except TraceProblem as problem:
            yield Skipped(place=record.place, reason=str(problem))
            continue
        if name in whole:
            yield Skipped(place=record.place, reason="a copy: the episode of this row was whole before it")
            continue
        episode = waiting.setdefault(name, _Episode())
        episode.rows.append(row)
        if episode.is_whole:
            whole.add(name)
            yield _found(waiting.pop(name))
        elif len(waiting) > MOST_OPEN:
            yield _found(waiting.popitem(last=False)[1])
    while waiting:
        yield _found(waiting.popitem(last=False)[1])


def _row(record: Record) -> tuple[str, Row]:
    row = as_object(record.value, "the row")
    if "traj_uid" not in row:
        raise TraceProblem("a row without 'traj_uid': which rows are one episode is not told")
    length = as_number(row.get("episode_lengths"), "'episode_lengths'")
    prompt = row["input"] if isinstance(row.get("input"), str) else ""
    answer = row.get("output")
    if not isinstance(answer, str) or not answer.strip():
        raise TraceProblem("a row without an 'output'")
    return str(row["traj_uid"]), Row(
        place=record.place,
        number=_number(row, prompt),
        task=_task(row, prompt),
        seen=_seen(row, prompt),
        answer=answer,
        action=_action(answer),
        valid=all(bool(row.get(name, True)) for name in _VALID),
        reward=as_number(row.get("episode_rewards", row.get("score")), "the reward"),
        length=None if length is None else int(length),
    )


def _seen(row: Mapping[str, Any], prompt: str) -> str:
    anchor = row.get("anchor_obs")
    if isinstance(anchor, str) and anchor.strip():
        return anchor
    if match := _SEES.search(prompt):
        return match[1]
    raise TraceProblem("a row that does not say what the agent saw: no 'anchor_obs', none in its prompt")


def _number(row: Mapping[str, Any], prompt: str) -> int | None:
    """Which turn a row is; only an episode's first prompt tells of no steps taken."""
    number = as_number(row.get("turn"), "'turn'")
    if number is not None:
        return int(number)
    return int(match[1]) if (match := _TAKEN.search(prompt)) else None


def _task(row: Mapping[str, Any], prompt: str) -> str:
    task = row.get("task")
    if isinstance(task, str) and task.strip():
        return task
    for text in (prompt, str(row.get("anchor_obs") or "")):
        if found := _TASK.findall(text):
            return str(found[-1])  # a prompt may show an example before
    return ""


def _action(answer: str) -> str:
    """The action in the first pair of tags, which is the one that verl-agent takes."""
    match = _ACTION.search(answer)
    return (match[1] if match else answer.rpartition("</think>")[2]).strip() or "(nothing)"


def _identity(row: Row) -> tuple[int | None, str, str]:
    """What a row and its copies have in common."""
    return row.number, row.seen, row.answer


def _in_order(rows: Sequence[Row]) -> list[Row]:
    """The turns of an episode: rows in their order, each once.

    Raises:
        TraceProblem: one in the middle is missing, so that what its neighbours saw is not their answer.
    """
    if any(row.number is not None for row in rows):
        numbered = {row.number or 0: row for row in reversed(rows)}
        if max(numbered) - min(numbered) >= len(numbered):
            raise TraceProblem("rows of the episode are missing between others")
        return [numbered[number] for number in sorted(numbered)]
    length, seen, kept = rows[0].length, set(), []
    spare = 0 if length is None else len(rows) - length
    for row in rows:
        # An agent that goes in circles has equal rows, too: no more are copies than are too many.
        if spare > 0 and _identity(row) in seen:
            spare -= 1
        else:
            kept.append(row)
        seen.add(_identity(row))
    return kept


def _found(episode: _Episode) -> Found | Skipped:
    last = episode.rows[-1]
    try:
        rows = _in_order(episode.rows)
    except TraceProblem as problem:
        return Skipped(place=last.place, reason=str(problem))
    task = next((row.task for row in rows if row.task), "")
    if not task:
        return Skipped(place=last.place, reason="no task: no row of the episode says 'Your task is to: …'")
    answers = [row.seen for row in rows[1:]] + [None]
    rewards = [row.reward for row in rows if row.reward is not None]
    trace = Trace(
        instruction=task,
        opening=rows[0].seen,
        turns=tuple(
            TraceTurn(action=row.action, answer=answer, valid=row.valid)
            for row, answer in zip(rows, answers, strict=True)
        ),
        reward=max(rewards, default=None),  # a score is less by a penalty where the action was invalid
        ended=last.length is not None and len(rows) == last.length,
        notes=_notes(episode.rows, rows),
    )
    return Found(place=last.place, trace=trace)


def _notes(given: Sequence[Row], kept: Sequence[Row]) -> Counter[str]:
    unnumbered = len(kept) if len(kept) > 1 and all(row.number is None for row in kept) else 0
    notes = Counter({"copies of rows, left out": len(given) - len(kept)})
    notes["rows without a 'turn', taken in the order of the file"] = unnumbered
    return +notes
