"""What a quote of the state sheet says: a line, with marks for what no reader shall have to compare.

A small model copies a line well and compares two badly, so plain strings do the comparing. A quoted key may
name what it means (``models.spoken``), and a line may have slots and look-ups (``models.slots``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dreamgym.core.data_structures import Sheet
from dreamgym.models.sheet import AT, HAND, NONE, NOTHING, kind_of, line, value_of
from dreamgym.models.slots import with_lines, with_slots
from dreamgym.models.spoken import key_meant

NAMED = "named"
SAID = "said"
_WORDS = re.compile(r"[a-z]+")
_SPOKEN = re.compile(r"[a-z_]+|\d+")


def quote(sheet: Sheet, key: str, instruction: str, action: str) -> str:
    """What a quote of ``key`` must say: the line that it means, slots filled, and marks (see ``marked``)."""

    def told(name: str) -> str | None:
        return value_of(sheet, name)

    hand = value_of(sheet, HAND) or ""
    meant = key_meant(key, action, instruction, told)
    return with_slots(with_lines(marked(sheet, meant, instruction, action), hand, told), hand)


def marked(sheet: Sheet, key: str, instruction: str, action: str) -> str:
    """The line of ``key``, with what no reader shall have to compare word for word.

    ``named``: the task's own words name its kind. ``said``: the action says entries of its value, which come
    first, then those that are left. Only keys without a number are compared: what has one is named by it.
    """
    text = line(sheet, key)
    if text == NONE:
        return text
    if kind_of(key) in _WORDS.findall(instruction.lower()):
        return f"{NAMED}, {text}"
    value = value_of(sheet, key)
    if value is None or key == AT or any(map(str.isdigit, key)):
        return text
    said, left = entries_said(value, action)
    return f"{SAID} {', '.join(said)}; {', '.join(left) or NOTHING}" if said else text


def entries_said(value: str, action: str) -> tuple[list[str], list[str]]:
    """The entries of ``value`` that ``action`` says word for word, and the others.

    An entry that ends in `` .`` must be what it says last.
    """
    words = f" {' '.join(_SPOKEN.findall(action.lower()))} . "
    said: list[str] = []
    left: list[str] = []
    for entry in value.split(", "):
        (said if f" {entry} " in words else left).append(entry)
    return said, left


def unfounded(sheet: Sheet, quoted: Iterable[str], check: str, instruction: str) -> list[str]:
    """The kinds that ``check`` wrongly says ``yes`` to: those that the task does not name, and those of which
    no key was quoted. ``check`` reads ``mug yes, shelf no``; what is no kind of the sheet may say anything.
    """
    kinds = {kind_of(key) for key, _ in sheet.facts if key not in (AT, HAND)}
    seen = {kind_of(key) for key in quoted}.intersection(_WORDS.findall(instruction.lower()))
    claims = [words.removesuffix(" yes") for words in check.split(", ") if words.endswith(" yes")]
    return [kind for kind in claims if kind in kinds and kind not in seen]
