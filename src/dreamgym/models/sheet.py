"""The state sheet: the facts of a dreamed world, as lines of text that can be quoted and changed.

A sheet is a list of ``key: value`` facts. ``at`` says where the agent is. A key whose value starts with
``in`` is a *thing* and lies in the named place (``mug 1: in cabinet 2, hot``); every other key is a *place*
(``cabinet 2: closed``), ``hand`` among them. The *line* of a place is its value and what lies in it; the line
of a *kind*, a thing's name without its number, says where all of them are. The value of a place may be a
list (``color: blue, green, size: 7``); the line of an *entry*, ``green in PLACE``, says under which label it
stands there. What a quote of it says is in ``models.quoting``. Nothing here knows the environment: only
this language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dreamgym.core.data_structures import Sheet
from dreamgym.core.errors import InvalidDreamError

AT = "at"
HAND = "hand"
NONE = "none"
NOTHING = "nothing"
UNSEEN = "unseen"
HERE = "here"
LISTED = "listed"
INSIDE = " in "
NAME = re.compile(r"[a-z]+ \d+")


def place_of(value: str) -> str | None:
    """The place in a thing's value, ``cabinet 2`` of ``in cabinet 2, hot``; None for a place's own value."""
    return value[3:].split(",", 1)[0] if value.startswith("in ") else None


def marks_of(value: str) -> tuple[str, ...]:
    """What follows the place in a thing's value: ``("hot", "clean")``."""
    return tuple(mark.strip() for mark in value.split(",")[1:])


def thing_value(place: str, marks: Iterable[str] = ()) -> str:
    """The value of a thing in ``place``."""
    return ", ".join((f"in {place}", *marks))


def natural_order(name: str) -> tuple[str, int]:
    """Sort key of listings: by kind, higher numbers first."""
    kind, _, number = name.rpartition(" ")
    return (kind, -int(number)) if number.isdigit() else (name, 0)


def make_sheet(facts: dict[str, str]) -> Sheet:
    """A sheet in reading order: ``at``, ``hand``, the places, the things."""
    places = sorted((k for k, v in facts.items() if place_of(v) is None), key=natural_order)
    things = sorted((k for k, v in facts.items() if place_of(v) is not None), key=natural_order)
    agent = [key for key in (AT, HAND) if key in facts]
    keys = agent + [key for key in places if key not in agent] + things
    return Sheet(facts=tuple((key, facts[key]) for key in keys))


def what_is_known(sheet: Sheet) -> tuple[int, int]:
    """To be compared: how little of what the task is about is unseen, then how much is known at all."""
    return -len(_untold(sheet)), sum(UNSEEN not in value for _, value in sheet.facts)


def is_told(sheet: Sheet) -> bool:
    """Whether all is known that has no number: who asks, and for what. The things of a world have numbers."""
    return not _untold(sheet)


def _untold(sheet: Sheet) -> list[str]:
    return [key for key, value in sheet.facts if UNSEEN in value and kind_of(key) == key]


def joined(sheets: Sequence[Sheet]) -> Sheet:
    """What several episodes that began in one world have shown of it; who saw a thing first tells of it."""
    facts: dict[str, str] = {}
    for sheet in sheets:
        for key, value in sheet.facts:
            if key not in facts or (UNSEEN in facts[key] and UNSEEN not in value):
                facts[key] = value
    return make_sheet(facts)


def places(sheet: Sheet) -> list[str]:
    """The places of the room in reading order, without the hand."""
    return [k for k, v in sheet.facts if place_of(v) is None and k not in (AT, HAND)]


def contents(sheet: Sheet, place: str) -> list[str]:
    """The things in ``place`` with their marks: ``["apple 1 hot", "mug 2"]``."""
    return [" ".join((name, *marks_of(value))) for name, value in things_in(sheet, place)]


def things_in(sheet: Sheet, place: str) -> list[tuple[str, str]]:
    """The names and values of the things in ``place``."""
    return [(key, value) for key, value in sheet.facts if place_of(value) == place]


def value_of(sheet: Sheet, key: str) -> str | None:
    """The fact of ``key``; None where there is no such key."""
    return next((value for name, value in sheet.facts if name == key), None)


def kind_of(name: str) -> str:
    """``mug 2`` is a ``mug``; a name without a number is its own kind."""
    kind, _, number = name.rpartition(" ")
    return kind if number.isdigit() else name


def label_of(entry: str, listed: str) -> str:
    """The label under which an entry stands in a list such as ``color: blue, green, size: 7``.

    ``listed`` where it stands before any label; ``none`` where it is no entry. A label is none.
    """
    label = LISTED
    for part in listed.split(", "):
        name, colon, text = part.rpartition(": ")
        label = name if colon else label
        if text == entry:
            return label
    return NONE


def line(sheet: Sheet, key: str) -> str:
    """The sheet's current line of ``key``; ``none`` without such a key.

    A place says what lies in it, a kind which things of it there are, an entry of a list what it is there;
    places and things that the agent is at say ``here``, so that no reader has to compare names.
    """
    value, at = value_of(sheet, key), value_of(sheet, AT)
    if value is None:
        entry, inside, place = key.rpartition(INSIDE)
        if inside and (listed := value_of(sheet, place)) is not None:
            return label_of(entry, listed)
        things = [(name, fact) for name, fact in sheet.facts if place_of(fact) and kind_of(name) == key]
        return "; ".join(f"{name} {_thing_line(fact, at)}" for name, fact in things) or NONE
    if key == AT:
        return value
    if place_of(value) is not None:
        return _thing_line(value, at)
    here = f"{HERE}, " if key == at else ""
    return f"{here}{value}; {', '.join(contents(sheet, key)) or NOTHING}"


def _thing_line(value: str, at: str | None) -> str:
    return f"{value}, {HERE}" if place_of(value) == at else value


def with_changes(sheet: Sheet, changes: Iterable[tuple[str, str]]) -> Sheet:
    """The sheet after ``set key: value`` lines; a change may not make up keys or places.

    Raises:
        InvalidDreamError: a change names a key or a place that the sheet does not hold.
    """
    facts, rooms = dict(sheet.facts), places(sheet)
    for key, value in changes:
        place = value if key == AT else place_of(value)
        is_nowhere = place not in (None, *rooms) and not (place == HAND and key != AT)
        if key not in facts or is_nowhere or (place_of(facts[key]) is None) != (place_of(value) is None):
            raise InvalidDreamError(
                f"the dream sets {key!r} to {value!r}, but its sheet has no such key or place"
            )
        facts[key] = value
    return Sheet(facts=tuple(facts.items()))


def parse_line(place: str, text: str) -> dict[str, str]:
    """Facts from a place's line: ``closed; apple 1 hot`` gives the place's value and where its things are.

    Raises:
        InvalidDreamError: the text is not a line of a place.
    """
    value, separator, listing = text.strip().partition("; ")
    if not separator or not value or "\n" in text or UNSEEN in value or place_of(value) is not None:
        raise InvalidDreamError(
            f"{place!r} was imagined as {text!r}, wanted 'VALUE; THING, THING' or 'VALUE; nothing'"
        )
    facts = {place: value}
    for entry in [] if listing == NOTHING else listing.split(", "):
        match = NAME.match(entry)
        if match is None or match.group() in facts:
            raise InvalidDreamError(
                f"{place!r} was imagined as {text!r}: {entry!r} is no thing, or there twice"
            )
        facts[match.group()] = thing_value(place, entry[match.end() :].split())
    return facts


def unseen_places(sheet: Sheet) -> list[str]:
    """The places whose contents nobody has seen, to be imagined."""
    return [key for key in places(sheet) if UNSEEN in dict(sheet.facts)[key]]
