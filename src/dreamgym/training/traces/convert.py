"""From a trace to our trajectory: texts made clean, secrets masked, the outcome at the last turn.

A dream knows one reward, 1 where the task is done, at the end (paper §3). So a trace that was paid in full is
a win at its last turn, and every other one ends like an episode without a win.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.training.settings import TRACES
from dreamgym.training.traces.outcome import SUCCESS
from dreamgym.training.traces.trace import Trace, TraceTurn

OVER = "(the episode is over)"  # where a trace ends without an answer, or is lost
EMPTY = "(nothing)"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HALVES = re.compile("[\ud800-\udfff]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origins:
    """Where a trace stood, for the trajectory's ``detail``."""

    id: str
    file: str
    place: int
    unit: str
    format: str


def to_trajectory(trace: Trace, origins: Origins, mask: Callable[[str], str] = str) -> Trajectory:
    """The trajectory of ``trace``, its texts cleaned and masked."""

    def shown(text: str) -> str:
        return mask(clean(text)) or EMPTY

    won = trace.reward is not None and trace.reward >= SUCCESS
    instruction, opening = shown(trace.instruction), shown(trace.opening)
    states = [opening, *(_after(turn, shown) for turn in trace.turns)]
    if trace.ended and not won and not states[-1].endswith(OVER):
        states[-1] = f"{states[-1]}\n{OVER}"
    return Trajectory(
        id=origins.id,
        task=Task(
            id=task_id(instruction, opening),
            environment=TRACES,
            instruction=instruction,
            opening=opening,
        ),
        origin=Origin.REAL,
        transitions=_transitions([(shown(turn.action), turn.valid) for turn in trace.turns], states, won),
        stop_reason=StopReason.TERMINATED if won else StopReason.TURN_LIMIT,
        detail=_detail(trace, origins),
    )


def _transitions(
    actions: Sequence[tuple[str, bool]], states: Sequence[str], won: bool
) -> tuple[Transition, ...]:
    last = len(actions) - 1
    return tuple(
        Transition(
            state=states[turn],
            action=Action(text=action),
            reward=float(won and turn == last),
            next_state=states[turn + 1],
            terminated=won and turn == last,
            truncated=not won and turn == last,
            # The action that wins was not refused, whatever its answer looks like.
            valid=valid or (won and turn == last),
        )
        for turn, (action, valid) in enumerate(actions)
    )


def _after(turn: TraceTurn, shown: Callable[[str], str]) -> str:
    return OVER if turn.answer is None else shown(turn.answer)


def _detail(trace: Trace, origins: Origins) -> str:
    about = {"file": origins.file, origins.unit: origins.place, "format": origins.format}
    return json.dumps({**about, "reward": trace.reward}, ensure_ascii=False)


def reward_told(trajectory: Trajectory) -> bool:
    """Whether the trace that this was said how it ended."""
    return json.loads(trajectory.detail).get("reward") is not None


def task_id(instruction: str, opening: str) -> str:
    """The same for the same task, however often it was tried."""
    asked = "\0".join((instruction, opening)).encode()
    return f"{TRACES}/{hashlib.sha256(asked).hexdigest()[:16]}"


def clean(text: str) -> str:
    """``text`` with line breaks of one kind, no other control characters, and no half characters."""
    if _HALVES.search(text):  # two halves that belong together are a character, one alone is none
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _CONTROL.sub("", text).strip()
