"""The pages of a site as they are found one after the other, and where their elements were seen to lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from dreamgym.environments.webarena.notes.facts import (
    BETWEEN,
    BUTTON,
    CHOICE,
    DOWN,
    FIELD,
    FINDING,
    GOAL,
    LINK,
    SENDS,
    UP,
    Shown,
    address_of,
    count_of,
    element_key,
    elements,
    sent_key,
    stored,
)
from dreamgym.environments.webarena.state import SHOWN
from dreamgym.models.slots import UNKNOWN, look_up, slot

MOST_PAGES = 399
CONTEXTUAL = ("next page", "previous page", "sort by")  # links that lead elsewhere on every page
HOMES = ("Shop", "Sales", "Forums")


@dataclass(slots=True, eq=False)
class Document:
    """A page that was loaded: its screens by number, its elements by id, and where they lead.

    ``sent``: where a button leads, by the values of its form; ``age`` counts the deeds before it was seen.
    """

    name: str
    age: int
    screens: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # the keys of the screens
    things: dict[str, Shown] = field(default_factory=dict)
    targets: dict[str, Document] = field(default_factory=dict)
    sent: dict[tuple[str, tuple[str, ...]], Document] = field(default_factory=dict)
    goals: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)

    @property
    def address(self) -> str:
        """Where it is."""
        return address_of(self.screens[0])

    @property
    def total(self) -> int:
        """How many elements it has."""
        return count_of(self.screens[0])

    @property
    def last(self) -> int:
        """The number of its last screen."""
        return max(0, -(-self.total // SHOWN) - 1)

    def show(self, number: int, text: str, name: str) -> None:
        """Note a screen that was not seen before."""
        self.screens[number], self.names[number] = text, name
        self.things |= {thing.id: thing for thing in elements(text)}

    def form(self, button: str) -> list[Shown]:
        """The fields that a button sends, as they have loaded."""
        fields: list[Shown] = []
        for thing in sorted(self.things.values(), key=lambda thing: int(thing.id)):
            if thing.id == button:
                return fields
            if thing.kind in (FIELD, CHOICE):
                fields.append(thing)
            elif thing.kind == BUTTON:
                fields = []
        return []

    def sender(self, field: str) -> str:
        """The button that sends a field's form; empty where none was seen."""
        later = (
            thing for thing in self.things.values() if thing.kind == BUTTON and int(thing.id) > int(field)
        )
        return min((thing.id for thing in later), key=int, default="")

    def values(self, button: str, filled: Mapping[str, str]) -> tuple[str, ...]:
        """What a button's form holds."""
        return tuple(filled.get(thing.id, thing.value) for thing in self.form(button))


class SiteMap:
    """All documents, by what their first screens show; ``finds`` are those that were asked for by words."""

    def __init__(self, rng: Random) -> None:
        self._numbers = rng.sample(range(1, MOST_PAGES + 1), MOST_PAGES)
        self.documents: dict[str, Document] = {}
        self.finds: dict[str, Document] = {}
        self._links: dict[tuple[int, str, str], Document | None] = {}
        self._menus: dict[tuple[str, str], Shown] = {}

    def open(self, text: str, age: int) -> Document:
        """The document whose first screen is ``text``."""
        if text not in self.documents:
            name = self.new_name()
            document = Document(name=name, age=age)
            document.show(0, text, name)
            self.documents[text] = document
            self.note_menu(document)
        return self.documents[text]

    def note_menu(self, document: Document) -> None:
        """Note the links before a page's heading, which stand on every page of the site."""
        for thing in document.things.values():
            if thing.type == "heading":
                return
            self._menus.setdefault((_site(document), thing.id), thing)

    def new_name(self) -> str:
        """A key that no page has."""
        return f"page {self._numbers.pop()}"

    @property
    def room(self) -> int:
        """How many more pages can have a name."""
        return len(self._numbers)

    def lead(self, source: Document, id: str, filled: Mapping[str, str], target: Document, age: int) -> None:
        """Note where an element was seen to lead."""
        thing = self._thing(source, id)
        if thing is not None and thing.kind == BUTTON and source.form(id):
            values = source.values(id, filled)
            if thing.name in FINDING:
                self.finds.setdefault(sent_key(FINDING[thing.name], values), target)
            else:
                source.sent.setdefault((id, values), target)
            return
        source.targets.setdefault(id, target)
        if thing is not None and thing.kind == LINK and not thing.name.startswith(CONTEXTUAL):
            key = (age, _site(source), thing.name)
            self._links[key] = target if self._links.get(key, target) is target else None

    def target(self, document: Document, thing: Shown, home: Document) -> Document | None:
        """Where a link or button leads, by itself or as one of its name did at that time."""
        if thing.id in document.targets:
            return document.targets[thing.id]
        if thing.kind != LINK:
            return None
        if thing.name in HOMES:
            return home
        return self._links.get((document.age, _site(document), thing.name))

    def facts(self, home: Document) -> Iterator[tuple[str, str]]:
        """The lines of all pages, their elements and forms."""
        for document in self.documents.values():
            for number, text in document.screens.items():
                yield document.names[number], stored(text)
                yield from _screens(document, number)
                for id in map(str, range(1, document.total + 1)):
                    yield element_key(document.names[number], id), self._line(document, id, home)
            for (id, values), target in document.sent.items():
                goal = f", {GOAL}" if (id, values) in document.goals else ""
                yield sent_key(f"{document.name} {SENDS}", values), f"{target.name}{goal}"
        yield from ((key, target.name) for key, target in self.finds.items())

    def _thing(self, document: Document, id: str) -> Shown | None:
        """An element, also one of the menu that this page's screens have left out."""
        return document.things.get(id) or self._menus.get((_site(document), id))

    def _line(self, document: Document, id: str, home: Document) -> str:
        """What an element is and where it leads."""
        thing = self._thing(document, id)
        if thing is None:
            return f"{LINK}, {document.targets[id].name}" if id in document.targets else UNKNOWN
        if thing.kind not in (LINK, BUTTON):
            by = document.sender(id) if thing.kind == FIELD else ""
            offered = "".join(f", {option}" for option in thing.options)
            return f"{thing.kind}, {document.name}" + (f", by {by}" if by else "") + offered
        if thing.kind == BUTTON and (fields := document.form(id)):
            start = FINDING.get(thing.name, f"{document.name} {SENDS}")
            held = (slot(f"[{thing.id}]", "", thing.value) for thing in fields)
            return f"{BUTTON}, {look_up(f'{start} {BETWEEN.join(held)}')}"
        target = self.target(document, thing, home)
        goal = f", {GOAL}" if (id, ()) in document.goals else ""
        return f"{thing.kind}, {UNKNOWN if target is None else target.name}{goal}"


def _screens(document: Document, number: int) -> Iterator[tuple[str, str]]:
    """What scrolling shows."""
    name = document.names[number]
    for word, other in ((DOWN, min(number + 1, document.last)), (UP, max(number - 1, 0))):
        yield f"{name} {word}", document.names.get(other, UNKNOWN)


def _site(document: Document) -> str:
    return document.address.partition("/")[0]


def names_of(documents: Sequence[Document]) -> list[str]:
    """The keys of all screens of ``documents``."""
    return [name for document in documents for name in document.names.values()]
