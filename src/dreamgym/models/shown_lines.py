"""Next states that are told by the sheet: the model names a line, and what is seen is the line's own text.

``{ page 7 }`` in a next state is the line of the key ``page 7``, forced as that of a quote is. In such a line
a *slot* such as ``{[6]| - |old}`` is what the hand says of ``[6]`` (``hand: [6] new``), else what follows the
last bar; what stands before it is written where there is anything. What is no key of the sheet stays as it is.
"""

from __future__ import annotations

import re

from dreamgym.core.data_structures import Sheet
from dreamgym.models.dream_prompts import many_lines
from dreamgym.models.sheet import HAND, value_of

EMPTY = "empty"
_KEY = re.compile(r"\{ ([^{}|\n]+) \}")
_SLOT = re.compile(r"\{(\[\d+\])\|([^{}|]*)\|([^{}|]*)\}")
_ENTRY = re.compile(r"(\[\d+\]) (.*?)(?= \[\d+\] |$)")


def shown(text: str, sheet: Sheet) -> str:
    """``text`` with the sheet's lines for their keys."""
    held = dict(_ENTRY.findall(value_of(sheet, HAND) or ""))

    def fill(slot: re.Match[str]) -> str:
        value = held.get(slot[1], slot[3])
        return f"{slot[2]}{value}" if value not in ("", EMPTY) else ""

    def tell(key: re.Match[str]) -> str:
        line = value_of(sheet, key[1])
        return key[0] if line is None else _SLOT.sub(fill, many_lines(line))

    return _KEY.sub(tell, text)


def named(key: str) -> str:
    """How a next state names a line."""
    return f"{{ {key} }}"


def slot(name: str, before: str, value: str) -> str:
    """A slot that holds ``value`` until the hand says otherwise."""
    return f"{{{name}|{before}|{value}}}"
