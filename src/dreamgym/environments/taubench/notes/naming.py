"""How an answer of the shop names what its quotes and its action hold, so that nothing long is spelt out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.taubench.notes.facts import CUSTOMER, HINT, LINES, NEXT, NOBODY, THOUGHT, WISH
from dreamgym.environments.taubench.shop_tools import POLICY
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import AT, HAND, NONE, value_of, with_changes
from dreamgym.models.shown_lines import WAS, told, words_of
from dreamgym.models.spoken import arguments, named

SPEAKER = "customer: "
FIXED = (POLICY, *(f": {form.example}" for form in LINES.values()))  # whatever their words are
_NAMES = re.compile(r"(\{ [^{}]* \})")


def naming(answer: Answer, sheet: Sheet, action: str, quotes: tuple[str, ...]) -> Answer | None:
    """``answer`` with names of lines and arguments for their texts; None where it must be spelt out."""
    after = with_changes(sheet, answer.changes)
    text = answer.next_state
    for said, name in () if text.endswith(FIXED) else _sayings(text, after, action, quotes):
        text = _put(text, said, name)
    if text.startswith(SPEAKER):
        for said, name in _arguments(CUSTOMER, value_of(sheet, CUSTOMER) or ""):
            text = _put(text, said, name.replace(CUSTOMER, f"{WAS}{CUSTOMER}"))
    changes = tuple((key, _named_change(key, value, sheet, action)) for key, value in answer.changes)
    written = replace(answer, next_state=text, changes=changes)
    return written if written != answer and told(written, sheet, action) == answer else None


def _named_change(key: str, value: str, sheet: Sheet, action: str) -> str:
    """What the hand takes from the action, and a wish from the one that comes later."""
    if key == HAND:
        for number, said in enumerate(arguments(action), start=1):
            value = _put(value, said, named(f"[{number}]"))
    later = NEXT.get(key, "")
    return named(later) if later and value == value_of(sheet, later) != NONE else value


def _sayings(text: str, after: Sheet, action: str, quotes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What may stand in ``text``, the longest first, and its name."""
    if text.startswith(SPEAKER):
        yield from _of_customer(text, after)
        return
    for key in quotes:
        value = value_of(after, key) or ""
        if value.count(" ") > 1:
            yield value, named(key)
    yield from ((said, named(f"[{n}]")) for n, said in enumerate(arguments(action), start=1))
    if (value := value_of(after, AT) or "") != NOBODY:
        yield value, named(AT)


def _of_customer(text: str, after: Sheet) -> Iterator[tuple[str, str]]:
    """What a customer may say of itself, of what is in a forgotten order, and of what it wants."""
    customer = value_of(after, CUSTOMER) or ""
    yield customer, named(CUSTOMER)
    yield from _arguments(CUSTOMER, customer)
    if text.endswith("is in it."):
        yield value_of(after, HINT) or "", named(HINT)
    speaks = THOUGHT if value_of(after, THOUGHT) not in (None, NONE) else WISH
    yield from _arguments(speaks, value_of(after, speaks) or "")


def _arguments(key: str, value: str) -> Iterator[tuple[str, str]]:
    for number, word in enumerate(words_of(value)):
        if number and word[-1].isalnum():
            yield word, named(f"{key} [{number}]")


def _put(text: str, said: str, name: str) -> str:
    """``text`` with ``name`` for the first whole ``said`` in it that is in no name yet."""
    if not said:
        return text
    whole = re.compile(rf"(?<!\w){re.escape(said)}(?!\w)")
    parts = _NAMES.split(text)
    for index in range(0, len(parts), 2):
        parts[index], found = whole.subn(lambda _: name, parts[index], count=1)
        if found:
            break
    return "".join(parts)
