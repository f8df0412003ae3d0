"""Answers that name what stands elsewhere: the model writes a key, plain strings put the text in its place.

``{ page 7 }`` in a next state is the line of the key ``page 7``, forced as that of a quote is, with its slots
filled (``models.slots``); ``{ wish [2] }`` is the second argument of a line that is a call, and
``{ was wish [2] }`` that of the line before the turn, as a key in a change is. ``{ [2] }`` is the action's
second argument (``models.spoken``), and ``{ view }`` what the world shows as the sheet stands after the turn,
where its own plain code can tell. What is no key and no argument stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from dreamgym.core.data_structures import Sheet
from dreamgym.models.dream_format import Answer
from dreamgym.models.dream_prompts import many_lines
from dreamgym.models.sheet import HAND, value_of, with_changes
from dreamgym.models.slots import with_slots
from dreamgym.models.spoken import NAMED_TEXT, arguments, said_by

WAS = "was "
VIEW = "view"
View = Callable[[Sheet, str], str]
"""What is seen of a sheet by who has an instruction; InvalidDreamError where it does not tell."""
_PART = re.compile(r"(.+) \[(\d+)\]")
_WORD = re.compile(r"[a-z]+ \d+(?!\w)|\S+")


def told(
    answer: Answer, sheet: Sheet, action: str, instruction: str = "", view: View | None = None
) -> Answer:
    """``answer`` to ``action`` with the texts that it names; ``sheet`` is the one before it.

    Raises:
        InvalidDreamError: a change names a key or a place that the sheet does not hold, or after it nothing
            can be seen.
    """
    said = arguments(action)

    def filled(text: str, now: Sheet) -> str:
        def tell(match: re.Match[str]) -> str:
            if view is not None and match[1] == VIEW:
                return view(now, instruction)
            text = said_by(match[1], said, instruction)
            text = _line(match[1], now, sheet) if text is None else text
            return match[0] if text is None else text

        return NAMED_TEXT.sub(tell, text)

    changes = tuple((key, filled(value, sheet)) for key, value in answer.changes)
    after = with_changes(sheet, changes)
    return replace(answer, next_state=filled(answer.next_state, after), changes=changes)


def words_of(call: str) -> list[str]:
    """A call on one line: what is done, and its arguments, names with their numbers."""
    return _WORD.findall(call)


def _line(name: str, now: Sheet, before: Sheet) -> str | None:
    """The text of a line, or of an argument of one."""
    key = name.removeprefix(WAS)
    sheet = now if key == name else before
    if part := _PART.fullmatch(key):
        return _argument(words_of(value_of(sheet, part[1]) or ""), int(part[2]))
    line = value_of(sheet, key)
    return None if line is None else with_slots(many_lines(line), value_of(sheet, HAND) or "")


def _argument(words: Sequence[str], number: int) -> str | None:
    return words[number] if number < len(words) else None
