"""The curriculum's memory: what was observed of tasks, and which synthetic ones are in play."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from random import Random
from typing import Any

from dreamgym.core.data_structures import Task, TaskOrigin
from dreamgym.core.serialization import decode, encode

HOPE = 0.25  # the value of a task not tried yet: the highest that an outcome reward can have
LEAST_WEIGHT = 0.01
REMEMBERED = 64  # observed tasks, the latest


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """A task, its latest returns and their value V_τ, and how often it was tried."""

    task: Task
    returns: tuple[float, ...]
    value: float
    groups: float  # an episode alone is a part of a group
    solved: bool


def task_key(task: Task) -> str:
    """The same for tasks that ask for the same in the same world."""
    facts = task.sheet.facts if task.sheet else ((task.opening, ""),)
    text = "\x1f".join((task.environment, task.instruction, *(part for fact in facts for part in fact)))
    return blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()


class TaskPool:
    """Synthetic tasks in play, at most ``size`` of them, and the latest observations of all tasks."""

    def __init__(self, size: int, retire_after: int) -> None:
        self._size = size
        self._retire_after = retire_after
        self.active: dict[str, Task] = {}
        self.observed: dict[str, Observed] = {}
        self.counts: Counter[str] = Counter()
        self._keys: set[str] = set()

    def know(self, task: Task) -> None:
        """Remember the task as one that exists."""
        self._keys.add(task_key(task))

    def knows(self, task: Task) -> bool:
        """True for a task that exists, or was made before."""
        return task_key(task) in self._keys

    def add(self, task: Task) -> Task:
        """Put a new synthetic task into play, under an id of its own; the oldest may have to leave."""
        root = (task.parent_id or task.environment).partition("~")[0]
        task = replace(task, id=f"{root}~{task_key(task)}", origin=TaskOrigin.SYNTHETIC)
        self.know(task)
        self.active[task.id] = task
        self.counts["generated"] += 1
        while len(self.active) > self._size:
            self._drop(next(iter(self.active)), "outdated")
        return task

    def observe(self, record: Observed) -> None:
        """Remember how a task went; a synthetic one never solved, or always, leaves."""
        before = self.observed.pop(record.task.id, None)
        if before is not None:
            record = replace(
                record, groups=before.groups + record.groups, solved=before.solved or record.solved
            )
        self.observed[record.task.id] = record
        if record.task.id in self.active:
            self._judge(record)
        forgettable = [name for name in self.observed if name not in self.active]
        for name in forgettable[: max(0, len(self.observed) - REMEMBERED)]:
            del self.observed[name]

    def draw(self, count: int, rng: Random) -> list[Task]:
        """``count`` different tasks in play, the valuable ones more often."""
        tickets = {name: rng.random() ** (1 / self._weight(name)) for name in self.active}
        names = sorted(self.active, key=tickets.__getitem__, reverse=True)
        return [self.active[name] for name in names[:count]]

    def best(self, count: int) -> list[Task]:
        """The tasks of highest value V_τ > 0, of equals the latest observed."""
        worth = [record for record in reversed(self.observed.values()) if record.value > 0]
        return [record.task for record in sorted(worth, key=lambda r: r.value, reverse=True)[:count]]

    def state(self) -> dict[str, Any]:
        """All of it, JSON-able."""
        return {
            "active": encode(tuple(self.active.values())),
            "observed": encode(tuple(self.observed.values())),
            "counts": dict(sorted(self.counts.items())),
            "keys": sorted(self._keys),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``'s value."""
        active = decode(tuple[Task, ...], state["active"], "active")
        observed = decode(tuple[Observed, ...], state["observed"], "observed")
        self.active = {task.id: task for task in active}
        self.observed = {record.task.id: record for record in observed}
        self.counts, self._keys = Counter(state["counts"]), set(state["keys"])

    def _weight(self, name: str) -> float:
        record = self.observed.get(name)
        if record is None:
            return HOPE
        doubt = 0.0 if record.solved else HOPE * 0.5**record.groups
        return max(record.value, doubt, LEAST_WEIGHT)

    def _judge(self, record: Observed) -> None:
        if not record.solved and record.groups >= self._retire_after:
            self._drop(record.task.id, "retired")
        elif record.value == 0 and all(r > 0 for r in record.returns) and record.groups >= 1:
            self._drop(record.task.id, "mastered")

    def _drop(self, task_id: str, reason: str) -> None:
        del self.active[task_id]
        self.observed.pop(task_id, None)
        self.counts[reason] += 1
