"""What a generated shop answers to an action, by a sheet's lines alone: which decide, and what changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.webshop.actions import Search, parse_action
from dreamgym.environments.webshop.notes.facts import (
    BACK,
    BACK_PAGE,
    BAR,
    EMPTY,
    FITS,
    ITEM,
    OPEN,
    OPTIONS,
    PAGE,
    RECEIPT,
    RIGHT,
    SEARCH,
    START,
    WANTED,
    WHOLE,
    WRONG,
)
from dreamgym.environments.webshop.notes.spots import BEHIND
from dreamgym.environments.webshop.notes.view import view
from dreamgym.environments.webshop.pages import Link
from dreamgym.environments.webshop.reading import Wish
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import AT, HAND, INSIDE, NONE, line, value_of
from dreamgym.models.shown_lines import VIEW, told
from dreamgym.models.spoken import WORDS, key_meant, named

CLICKED = named("[1]")
FOUND = f"{SEARCH} {named(WORDS)}"  # the list that a search leads to
OFFERED = f"{CLICKED}{INSIDE}{named(AT)} {named(HAND)}"  # whether what is clicked is on the page of results
OPTION = f"{CLICKED}{INSIDE}{named(AT)} {OPTIONS}"  # which option of the item it is
ASKED = f"{CLICKED}{INSIDE}{WANTED}"
FITTING = f"{named(AT)} {FITS}"
KEYS = (FOUND, OFFERED, OPTION, ASKED, FITTING)

Changes = tuple[tuple[str, str], ...]


class _RefusedError(Exception):
    """The shop leaves the page as it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What happens: the keys that decide it, the answer, and the answer as it names what stands elsewhere."""

    quotes: tuple[str, ...]
    answer: Answer
    written: Answer


@dataclass(slots=True)
class _Moment:
    """A turn: the sheet, and the lines that were looked at."""

    sheet: Sheet
    action: str
    instruction: str
    wish: Wish
    quotes: list[str] = field(default_factory=list)

    @property
    def hand(self) -> str:
        return self.value(HAND)

    def value(self, key: str) -> str:
        """The value of a line that there is."""
        return value_of(self.sheet, key) or NONE

    def look(self, key: str) -> str:
        """The line that ``key`` means, which is quoted."""
        self.quotes.append(key)
        return line(self.sheet, key_meant(key, self.action, self.instruction, self.value))


def respond(sheet: Sheet, action: str, instruction: str, wish: Wish) -> Response:
    """What the lines of ``sheet`` say happens."""
    moment = _Moment(sheet, action, instruction, wish)
    try:
        written = _answer(_changes(moment))
    except _RefusedError:
        written = _answer(None)
    if (HAND, RECEIPT) in written.changes:
        written = _judged(moment, written)
    answer = told(written, sheet, action, instruction, view)
    return Response(quotes=tuple(moment.quotes), answer=answer, written=written)


def _answer(changes: Changes | None) -> Answer:
    """The page as it is after ``changes``; None refuses the action."""
    return Answer(
        valid=changes is not None, next_state=named(VIEW), changes=changes or (), reward=0.0, done=False
    )


def _judged(moment: _Moment, written: Answer) -> Answer:
    """A purchase, and whether all was met that was wanted, condition by condition."""
    options = [(name, moment.look(name).startswith(RIGHT)) for name, _ in moment.wish.options]
    conditions = [(ITEM, moment.look(FITTING).startswith(WHOLE)), *options]
    won = all(met for _, met in conditions)
    return Answer(
        valid=True,
        next_state=written.next_state,
        changes=written.changes,
        reward=float(won),
        done=won,
        check=", ".join(f"{name} {'yes' if met else 'no'}" for name, met in conditions),
    )


def _changes(moment: _Moment) -> Changes:
    parsed = parse_action(moment.action)
    if isinstance(parsed, Search) and moment.hand != RECEIPT:
        found = moment.look(FOUND) != NONE
        return (AT, FOUND if found else EMPTY), (HAND, f"{PAGE} 1")
    if parsed is None or isinstance(parsed, Search) or moment.hand in (BAR, RECEIPT):
        raise _RefusedError
    if parsed.name == Link.BACK:
        return (AT, START), (HAND, BAR)
    if moment.hand in BEHIND:
        if parsed.name != Link.PREVIOUS:
            raise _RefusedError
        return ((HAND, ITEM),)
    return tuple(_on_item(moment, parsed.name) if moment.hand == ITEM else _on_page(moment, parsed.name))


def _on_page(moment: _Moment, name: str) -> Iterator[tuple[str, str]]:
    """What a click on a page of results changes."""
    number = int(moment.hand.removeprefix(PAGE))
    if name == Link.NEXT or (name == Link.PREVIOUS and number > 1):
        yield HAND, f"{PAGE} {number + (1 if name == Link.NEXT else -1)}"
        return
    if moment.look(OFFERED) == NONE:
        raise _RefusedError
    yield AT, CLICKED
    yield HAND, ITEM
    yield BACK, named(AT)
    yield BACK_PAGE, named(HAND)
    yield from ((option, OPEN) for option, _ in moment.wish.options)


def _on_item(moment: _Moment, name: str) -> Iterator[tuple[str, str]]:
    """What a click on an item's page changes."""
    if name == Link.PREVIOUS:
        yield AT, named(BACK)
        yield HAND, named(BACK_PAGE)
    elif name in BEHIND or name == Link.BUY:
        yield HAND, RECEIPT if name == Link.BUY else name
    else:
        label = moment.look(OPTION)
        if label == NONE:
            raise _RefusedError
        wanted = moment.look(ASKED)
        if wanted != NONE:
            yield wanted, RIGHT
        elif moment.look(label) != NONE:
            yield label, WRONG
