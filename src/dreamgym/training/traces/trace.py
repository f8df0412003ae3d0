"""One trace as every format tells it: what was asked, what was done, what came back, and how it ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


class TraceProblem(ValueError):
    """Why a record is no trace; the message is counted and shown with its place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceTurn:
    """An action and the world's answer; None where the trace ends with the action.

    ``valid`` is false where the world refused the action.
    """

    action: str
    answer: str | None
    valid: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """A finished episode of somebody else's.

    ``opening`` is what the agent saw before its first action. ``reward`` is the outcome as the trace has it,
    None where it says nothing. ``ended`` is true where the episode came to an end of its own, false where it
    was cut off. ``notes`` count what a turn has no place for.
    """

    instruction: str
    opening: str
    turns: tuple[TraceTurn, ...]
    reward: float | None
    ended: bool
    notes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One JSON value of a file; ``place`` is its line, or its number in a JSON array, from 1."""

    place: int
    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """What could not be used, and why."""

    place: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A trace, and where it stood."""

    place: int
    trace: Trace


def as_object(value: Any, what: str) -> dict[str, Any]:
    """``value``, which must be a JSON object."""
    if not isinstance(value, dict):
        raise TraceProblem(f"{what} is {_kind(value)}, wanted an object")
    return value


def as_list(value: Any, what: str) -> list[Any]:
    """``value``, which must be a JSON array."""
    if not isinstance(value, list):
        raise TraceProblem(f"{what} is {_kind(value)}, wanted a list")
    return value


def as_number(value: Any, what: str) -> float | None:
    """A number, or None where there is none."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise TraceProblem(f"{what} is {_kind(value)}, wanted a number")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "missing"}
    return names.get(type(value), "a number")
