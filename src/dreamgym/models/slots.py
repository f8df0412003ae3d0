"""Slots: places in a sheet's line that say what the hand says, so that no reader has to put them together.

A slot ``{[6]| - |old}`` is what the hand says of ``[6]`` (``hand: [6] new [7] other``), else what follows the
last bar, with what stands before it; where that is empty, nothing is written. A slot with nothing before it,
``{[6]||old}``, says ``empty`` then. A look-up ``{= find {[6]||old}}`` is the line of the key that its slots
make, ``unknown`` where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

EMPTY, UNKNOWN = "empty", "unknown"
_SLOT = re.compile(r"\{(\[\d+\])\|([^{}|]*)\|([^{}|]*)\}")
_LOOK_UP = re.compile(r"\{= ((?:[^{}]|\{[^{}]*\})*)\}")
_ENTRY = re.compile(r"(\[\d+\]) (.*?)(?= \[\d+\] |$)")


def with_slots(line: str, hand: str) -> str:
    """``line`` with what its slots say; ``hand`` is the value of the hand."""
    held = dict(_ENTRY.findall(hand)) if "|" in line else {}

    def fill(place: re.Match[str]) -> str:
        value = held.get(place[1], place[3]) or EMPTY
        return "" if value == EMPTY and place[2] else f"{place[2]}{value}"

    return _SLOT.sub(fill, line)


def slot(name: str, before: str, value: str) -> str:
    """A slot that holds ``value`` until the hand says otherwise."""
    return f"{{{name}|{before}|{value}}}"


def with_lines(line: str, hand: str, line_of: Callable[[str], str | None]) -> str:
    """``line`` with what its look-ups find; ``line_of`` tells the line of a key."""

    def find(place: re.Match[str]) -> str:
        return line_of(key_of(with_slots(place[1], hand))) or UNKNOWN

    return _LOOK_UP.sub(find, line)


def look_up(key: str) -> str:
    """A look-up of ``key``, which may hold slots."""
    return f"{{= {key}}}"


def key_of(text: str) -> str:
    """``text`` without what no key may hold."""
    return re.sub("[:=]", " ", text)
