"""The lines of the site's sheet, and pages as their texts show them.

A *page* is what one screen of the abstract state shows once it has loaded, on one line, with a slot in each
field: ``page 7: page: SHOPPING - shop\\n…``. ``page 7 [3]`` says what its element 3 is and where it leads
(``link, page 9``), ``page 7 down`` and ``page 7 up`` what scrolling shows, ``page 7 sends oslo`` and
``find red lamp`` where a form leads that is sent with these values; its button's line looks that up.
``hand`` holds what was filled in since the page has loaded, one entry after the other. How an episode is
paid: ``answer`` is what must be said, ``done`` whether the deed is done, ``where`` whether it matters at
which page the episode ends; then ``page 7 ends`` is right. What no line tells is ``unknown``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dreamgym.models.dream_prompts import one_line
from dreamgym.models.sheet import HAND
from dreamgym.models.slots import EMPTY, key_of, slot
from dreamgym.models.spoken import named

SAY = "send_msg_to_user"
ANSWER, DONE, WHERE, TOLD = "answer", "done", "where", "told"
ANY, SOME, YES, NO, RIGHT, KNOWN = "any", "some", "yes", "no", "right", "known"
BLANK, GOAL = "blank", "goal"
TEXT, LINK, BUTTON, FIELD, CHOICE = "text", "link", "button", "field", "choice"
KINDS = {"link": LINK, "button": BUTTON, "textbox": FIELD, "combobox": CHOICE}
FINDING = {"Search": "find", "Show": "show"}  # forms that only ask, by their buttons
NO_FILE = "No file chosen"
BETWEEN = " - "  # the values of a form
DOWN, UP = "down", "up"
SENDS, ENDS = "sends", "ends"
MORE = re.compile(r"more: (\d+), scroll to see them")
_ELEMENT = re.compile(
    r'\[(?P<id>\d+)\] (?P<type>\w+): "(?P<name>[^"]*)"(?: - (?P<value>.*?))?'
    r"(?: \((?P<options>[^()]* \| [^()]*)\))?"
)
_WORD = re.compile(r"[a-z_]+|\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """An element as its line tells it."""

    id: str
    type: str
    name: str
    value: str = ""
    options: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What can be done with it; a button that chooses a file does nothing where nobody uploads one."""
        return TEXT if self.value == NO_FILE else KINDS.get(self.type, TEXT)


def page_text(observation: str) -> str:
    """An observation without what is told before the page; empty where there is none."""
    start = observation.find("page: ")
    while start > 0 and observation[start - 1] != "\n":
        start = observation.find("page: ", start + 1)
    return observation[start:] if start >= 0 else ""


def address_of(text: str) -> str:
    """Where a page is."""
    return text.partition("\n")[0].removeprefix("page: ").partition(" - ")[0]


def elements(text: str) -> list[Shown]:
    """The elements of a page's text."""
    found = (_ELEMENT.fullmatch(line) for line in text.splitlines())
    return [
        Shown(
            id=m["id"],
            type=m["type"],
            name=m["name"],
            value=m["value"] or "",
            options=tuple((m["options"] or "").split(" | ")) if m["options"] else (),
        )
        for m in found
        if m
    ]


def count_of(text: str) -> int:
    """How many elements the whole page has."""
    more = MORE.fullmatch(text.splitlines()[-1])
    return len(elements(text)) + (int(more[1]) if more else 0)


def slotted(text: str) -> str:
    """A page's text with a slot for what each field holds."""
    return "\n".join(map(_slotted, text.splitlines()))


def _slotted(line: str) -> str:
    match = _ELEMENT.fullmatch(line)
    if match is None or KINDS.get(match["type"]) not in (FIELD, CHOICE):
        return line
    options = f" ({match['options']})" if match["options"] else ""
    held = slot(f"[{match['id']}]", " - ", match["value"] or "")
    return f'[{match["id"]}] {match["type"]}: "{match["name"]}"{held}{options}'


def with_values(text: str, values: Mapping[str, str]) -> str:
    """A page's text with these values in its fields."""
    return "\n".join(_valued(line, values) for line in text.splitlines())


def _valued(line: str, values: Mapping[str, str]) -> str:
    match = _ELEMENT.fullmatch(line)
    if match is None or match["id"] not in values:
        return line
    value = values[match["id"]]
    options = f" ({match['options']})" if match["options"] else ""
    return f'[{match["id"]}] {match["type"]}: "{match["name"]}"' + (f" - {value}" if value else "") + options


def element_key(page: str, id: str) -> str:
    """The key of an element's line."""
    return f"{page} [{id}]"


def sent_key(start: str, values: Sequence[str]) -> str:
    """The key of what a form leads to, sent with ``values``; ``start`` is ``page 7 sends`` or ``find``."""
    return key_of(f"{start} {BETWEEN.join(value or EMPTY for value in values)}")


def with_entry(id: str, text: str) -> str:
    """The hand as an answer names it, with ``text`` in the element ``id`` besides; the last entry counts."""
    return f"{named(HAND)} [{id}] {text}"


def spoken(message: str, exact: bool) -> str:
    """What an action must say, as a quote compares it: nothing but ``message``, or that among other words."""
    words = " ".join(_WORD.findall(message.lower()))
    return f"{SAY} {words} ." if exact else words


def stored(text: str) -> str:
    """A page's text as a line holds it."""
    return one_line(slotted(text))
