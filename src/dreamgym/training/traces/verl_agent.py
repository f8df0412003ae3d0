"""verl-agent's rollouts: one row per step, the rows of an episode held together by their ``traj_uid``.

A row has the agent's answer (``output``, its action between ``<action>`` tags), what it saw (``anchor_obs``,
else the observation that the prompt in ``input`` quotes), and the episode's reward (``episode_rewards``, else
``score``). verl's own dump leaves ``traj_uid`` out, and then nobody can tell which rows are one episode.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
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
_ACTION = re.compile(r"<action>(.*?)</action>", re.DOTALL)
_SEES = re.compile(r"current observation is:\s*(.*?)\s*\n\s*(?:Your admissible|Now it)", re.DOTALL)
_TASK = re.compile(r"[Yy]our task is to:?\s*(.*?)\s*(?:\n|$)")
_VALID = ("is_action_valid", "action_valid")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One step."""

    place: int
    task: str
    seen: str
    action: str
    valid: bool
    reward: float | None
    length: int | None


@dataclass(slots=True)
class _Episode:
    rows: list[Row] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.rows[0].length is not None and len(self.rows) >= self.rows[0].length


def read_verl_agent(records: Iterable[Record | Skipped]) -> Iterator[Found | Skipped]:
    """The episodes of a file of rows, each where its last row stood."""
    waiting: OrderedDict[str, _Episode] = OrderedDict()
    for record in records:
        if isinstance(record, Skipped):
            yield record
            continue
        try:
            name, row = _row(record)
        except TraceProblem as problem:
            yield Skipped(place=record.place, reason=str(problem))
            continue
        episode = waiting.setdefault(name, _Episode())
        episode.rows.append(row)
        if episode.is_whole:
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
    prompt = row.get("input") if isinstance(row.get("input"), str) else ""
    return str(row["traj_uid"]), Row(
        place=record.place,
        task=_task(row, str(prompt)),
        seen=_seen(row, str(prompt)),
        action=_action(row.get("output")),
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


def _task(row: Mapping[str, Any], prompt: str) -> str:
    task = row.get("task")
    match = _TASK.search(prompt) or _TASK.search(str(row.get("anchor_obs") or ""))
    if isinstance(task, str) and task.strip():
        return task
    return match[1] if match else ""


def _action(answer: Any) -> str:
    if not isinstance(answer, str) or not answer.strip():
        raise TraceProblem("a row without an 'output'")
    tagged = _ACTION.findall(answer)
    return (tagged[-1] if tagged else answer.rpartition("</think>")[2]).strip() or "(nothing)"


def _found(episode: _Episode) -> Found | Skipped:
    rows = episode.rows
    task = next((row.task for row in rows if row.task), "")
    last = rows[-1]
    if not task:
        return Skipped(place=last.place, reason="no task: no row of the episode says 'Your task is to: …'")
    answers = [row.seen for row in rows[1:]] + [None]
    trace = Trace(
        instruction=task,
        opening=rows[0].seen,
        turns=tuple(
            TraceTurn(action=row.action, answer=answer, valid=row.valid)
            for row, answer in zip(rows, answers, strict=True)
        ),
        reward=last.reward,
        ended=last.length is not None and len(rows) == last.length,
    )
    return Found(place=last.place, trace=trace)
