"""What a shopper sees of a generated shop as its sheet stands: every page, written from its short lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dreamgym.core.data_structures import Sheet
from dreamgym.core.errors import InvalidDreamError
from dreamgym.environments.webshop import pages
from dreamgym.environments.webshop.catalogue import Options, Product
from dreamgym.environments.webshop.notes.facts import (
    BAR,
    FITS,
    ITEM,
    ITEM_NAME,
    OPTIONS,
    PAGE,
    RECEIPT,
    RIGHT,
    TRAITS,
)
from dreamgym.environments.webshop.notes.spots import BEHIND, DESCRIPTION, FEATURES
from dreamgym.environments.webshop.pages import SubPage
from dreamgym.environments.webshop.reading import Wish, read_wish
from dreamgym.models.sheet import AT, HAND

_COUNT = re.compile(r"\d{1,6}")
_NUMBERED = re.compile(rf"{PAGE} (\d{{1,6}})")
_SHARE = re.compile(r"(\d+) of (\d+)")
_SUB_PAGES = {page.value.lower(): page for page in SubPage}


def view(sheet: Sheet, instruction: str) -> str:
    """The page that is open.

    Raises:
        InvalidDreamError: the sheet is of no generated shop, or of one in which no page is open.
    """
    facts = dict(sheet.facts)
    at, hand = facts.get(AT, ""), facts.get(HAND, "")
    if hand == BAR:
        return pages.search_page(instruction)
    if hand == RECEIPT:
        return pages.short_receipt(worth(facts, at, _wish(instruction)))
    return pages.with_instruction(instruction, _page(facts, at, hand))


def _wish(instruction: str) -> Wish:
    try:
        return read_wish(instruction)
    except ValueError as error:
        raise InvalidDreamError(f"nobody can say what a purchase is worth: {error}") from None


def shown_keys(sheet: Sheet) -> Iterator[str]:
    """The lines that the open page is written from."""
    facts = dict(sheet.facts)
    at, hand = facts[AT], facts[HAND]
    if hand == RECEIPT:
        yield f"{at} {FITS}"
    elif hand == FEATURES:
        yield f"{at} {TRAITS}"
    elif hand in (ITEM, DESCRIPTION):
        yield from (at, *([f"{at} {OPTIONS}"] if hand == ITEM else []))
    elif _NUMBERED.fullmatch(hand):
        yield from (at, f"{at} {hand}", *_offered(facts, at, hand))


def worth(facts: Mapping[str, str], item: str, wish: Wish) -> float:
    """What buying ``item`` with the chosen options pays: the share of the conditions that are met."""
    share = _SHARE.search(facts.get(f"{item} {FITS}", ""))
    if share is None:
        return 0.0
    right = sum(facts.get(name) == RIGHT for name, _ in wish.options)
    return (int(share[1]) + right) / (int(share[2]) + len(wish.options))


def read_options(line: str) -> Options:
    """The options of an item's line ``color: blue, green, size: 7``."""
    options: list[tuple[str, list[str]]] = []
    for entry in line.split(", "):
        name, colon, value = entry.partition(": ")
        if colon:
            options.append((name, [value]))
        elif options:
            options[-1][1].append(entry)
    return tuple((name, tuple(values)) for name, values in options)


def _page(facts: Mapping[str, str], at: str, hand: str) -> pages.View:
    """The page below its instruction."""
    if number := _NUMBERED.fullmatch(hand):
        offered = [_product(facts, item) for item in _offered(facts, at, hand)]
        total = _COUNT.search(facts.get(at, ""))
        return pages.results_page(offered, int(number[1]), int(total[0]) if total else 0)
    if at in facts and hand == ITEM:
        return pages.item_page(_product(facts, at), show_attributes=False)
    if at in facts and hand in BEHIND:
        return pages.sub_page(_product(facts, at), _SUB_PAGES[hand])
    raise InvalidDreamError(f"no page of the shop is open at {at!r} with {hand!r} in hand")


def _offered(facts: Mapping[str, str], at: str, page: str) -> list[str]:
    """The items on a page of results, of those that there are."""
    listed = facts.get(f"{at} {page}", "").split(", ")
    return [item for item in listed if ITEM_NAME.fullmatch(item) and item in facts]


def _product(facts: Mapping[str, str], item: str) -> Product:
    """An item as its lines tell it."""
    title, price_tag, *_ = (*facts[item].split(", "), "")
    brand, style, kind = title.split(" ") if title.count(" ") == 2 else ("", title, "")
    return Product(
        asin=item.upper(),
        title=title,
        price=0.0,
        price_tag=price_tag,
        description=f"{style} {kind.lower()} by {brand}.",
        features=tuple(facts.get(f"{item} {TRAITS}", "").split(", ")),
        options=read_options(facts.get(f"{item} {OPTIONS}", "")),
    )
