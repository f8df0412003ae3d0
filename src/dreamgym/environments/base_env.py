"""The environment protocol: real worlds and dreams look the same to policies, rollouts and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dreamgym.core.data_structures import Origin, Sheet, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What the agent sees: text, and the actions the world would accept where it can list them."""

    text: str
    admissible: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """The answer to one action. ``terminated``: the world ended; ``truncated``: the turn limit did.

    ``valid`` is false where the world refused the action. ``reasoning`` is the dream's trace R_t and
    ``changes`` what it set in its sheet, both empty in a real environment.
    """

    observation: Observation
    reward: float
    terminated: bool
    truncated: bool
    won: bool = False
    valid: bool = True
    reasoning: str = ""
    changes: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class Environment(Protocol):
    """One episode at a time; single-use or reset again, never shared between episodes that run together."""

    name: str
    origin: Origin

    async def reset(self, task: Task, seed: int) -> Observation:
        """Start ``task``. The same task and seed give the same episode under the same actions."""
        ...

    async def step(self, action: str) -> StepResult:
        """Act. An action that the world does not understand is its error observation, never an exception."""
        ...

    def snapshot(self) -> object:
        """An immutable value from which ``restore`` continues exactly here."""
        ...

    def restore(self, snapshot: object) -> None:
        """Continue from ``snapshot``."""
        ...

    @property
    def sheet(self) -> Sheet | None:
        """The sheet that a dream started from; None in a real environment."""
        ...

    async def close(self) -> None:
        """Free everything; may be called twice."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """An environment that has more to tell than the agent sees, for those who watch."""

    def report(self) -> Mapping[str, str]:
        """Named facts about where the episode stands, such as the hash of its database."""
        ...
