"""Answers that name what stands elsewhere: the model writes a key, plain strings put the text in its place.

``{ page 7 }`` in a next state is the line of the key ``page 7``, forced as that of a quote is, with its slots
filled (``models.slots``); ``{ wish [2] }`` is the second argument of a line that is a call, and
``{ was wish [2] }`` that of the line before the turn, as a key in a change is. ``{ [2] }`` is the action's
second argument. What is no key and no argument stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dreamgym.core.data_structures import Sheet
from dreamgym.models.dream_format import Answer
from dreamgym.models.dream_prompts import many_lines
from dreamgym.models.sheet import HAND, value_of, with_changes
from dreamgym.models.slots import EMPTY, with_slots

WAS = "was "
LONGEST = 200  # characters of an argument
_NAMED = re.compile(r"\{ ([^{}|\n]+) \}")
_NUMBER = re.compile(r"\[(\d+)\]")
_PART = re.compile(r"(.+) \[(\d+)\]")
_WORD = re.compile(r"[a-z]+ \d+(?!\w)|\S+")
_ARGUMENT = re.compile(
    r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(?<![\w.])((?:[a-z]+ )?\d+)(?![\w.])", re.DOTALL
)


def told(answer: Answer, sheet: Sheet, action: str) -> Answer:
    """``answer`` to ``action`` with the texts that it names; ``sheet`` is the one before it.

    Raises:
        InvalidDreamError: a change names a key or a place that the sheet does not hold.
    """
    said = arguments(action)
    changes = tuple((key, _filled(value, sheet, sheet, said)) for key, value in answer.changes)
    after = with_changes(sheet, changes)
    return replace(answer, next_state=_filled(answer.next_state, after, sheet, said), changes=changes)


def arguments(action: str) -> list[str]:
    """What an action is given, in order: texts in quotes, names and whole numbers, on one line each.

    A ``[7]`` in a text is written ``(7)``: it would be another entry of the hand.
    """
    found = (next((text for text in match if text), "") for match in _ARGUMENT.findall(action))
    plain = (_NUMBER.sub(r"(\1)", re.sub(r"\\(.)", r"\1", text)) for text in found)
    return [" ".join(text.split())[:LONGEST] or EMPTY for text in plain]


def words_of(call: str) -> list[str]:
    """A call on one line: what is done, and its arguments, names with their numbers."""
    return _WORD.findall(call)


def _filled(text: str, now: Sheet, before: Sheet, said: Sequence[str]) -> str:
    def tell(match: re.Match[str]) -> str:
        name = match[1].removeprefix(WAS)
        sheet = now if name == match[1] else before
        if number := _NUMBER.fullmatch(name):
            return said[int(number[1]) - 1] if 0 < int(number[1]) <= len(said) else match[0]
        if part := _PART.fullmatch(name):
            words = words_of(value_of(sheet, part[1]) or "")
            return words[int(part[2])] if int(part[2]) < len(words) else match[0]
        line = value_of(sheet, name)
        return match[0] if line is None else with_slots(many_lines(line), value_of(sheet, HAND) or "")

    return _NAMED.sub(tell, text)


def named(key: str) -> str:
    """How an answer names a line, or an argument: ``[2]``."""
    return f"{{ {key} }}"
