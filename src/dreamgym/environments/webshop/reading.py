"""What a page says, read off its text alone: results, an item, what stands behind it, a receipt."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dreamgym.environments.webshop.pages import SEPARATOR
from dreamgym.environments.webshop.stock import DEPARTMENTS

OPTION_NAMES = frozenset(name for department in DEPARTMENTS for name in department.options)
_COUNT = re.compile(r"Page (?P<number>\d+) \(Total results: (?P<total>\d+)\)")
_INSTRUCTION = re.compile(
    r"Find me (?P<kind>[a-z]+), (?P<attributes>.+), with (?P<options>.+), "
    r"and price lower than (?P<limit>\d+\.\d+) dollars"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What an instruction of a generated shop asks for; ``options`` by name."""

    kind: str
    attributes: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    limit: float

    @property
    def need(self) -> str:
        """The kind and what it shall be like: a query."""
        return " ".join((self.kind, *self.attributes))

    @property
    def parts(self) -> int:
        """How many conditions there are, the price's among them."""
        return len(self.attributes) + len(self.options) + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A product on a page of results."""

    item: str
    title: str
    price_tag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """A page of results: which one, of how many results, and what is on it."""

    number: int
    total: int
    offers: tuple[Offer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemPage:
    """An item: its options in the page's order."""

    title: str
    price_tag: str
    options: tuple[tuple[str, tuple[str, ...]], ...]


def read_wish(instruction: str) -> Wish:
    """The wish of an instruction.

    Raises:
        ValueError: it is no instruction of a generated shop.
    """
    match = _INSTRUCTION.fullmatch(instruction)
    if match is None:
        raise ValueError(f"{instruction[:80]!r} is no instruction of a generated shop")
    options = (part.partition(": ") for part in match["options"].split(", and "))
    return Wish(
        kind=match["kind"],
        attributes=tuple(match["attributes"].split(", ")),
        options=tuple((name, value) for name, _, value in options),
        limit=float(match["limit"]),
    )


def read_results(text: str) -> Results | None:
    """A page of results; None where the text is none."""
    fields = text.split(SEPARATOR)
    count = _COUNT.fullmatch(fields[3]) if len(fields) > 4 else None
    if count is None:
        return None
    listed = fields[fields.index("Next >") + 1 :]
    offers = zip(listed[::3], listed[1::3], listed[2::3], strict=True)
    return Results(
        number=int(count["number"]),
        total=int(count["total"]),
        offers=tuple(Offer(item=asin.lower(), title=title, price_tag=tag) for asin, title, tag in offers),
    )


def read_item(text: str) -> ItemPage | None:
    """An item's page; None where the text is none."""
    fields = text.split(SEPARATOR)
    if fields[-1] != "Buy Now":
        return None
    price = next(place for place, field in enumerate(fields) if field.startswith("Price: "))
    options: list[tuple[str, list[str]]] = []
    for field in fields[4 : price - 1]:
        if field in OPTION_NAMES:
            options.append((field, []))
        else:
            options[-1][1].append(field)
    return ItemPage(
        title=fields[price - 1],
        price_tag=fields[price].removeprefix("Price: "),
        options=tuple((name, tuple(values)) for name, values in options),
    )


def read_details(text: str) -> tuple[str, ...]:
    """What stands on a page behind an item."""
    return tuple(text.split(SEPARATOR)[4:])


def read_score(text: str) -> float:
    """What a receipt says that the purchase was worth."""
    return float(text.rpartition(SEPARATOR)[2])
