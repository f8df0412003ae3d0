"""The sheet of a generated shop: which keys it has, and how their values are written.

::

    at: search boots                      the list of results, or the item, where the shopper is; start; empty
    hand: page 1                          what is open: bar, a page of results, item, features, …, receipt
    back: search boots                    the list that the item was opened from, and which page of it
    back page: page 1
    wanted: color: green, size: 8         the options that the instruction names
    color: open                           whether that option was chosen, right or wrong
    b07: Marble Classic Boots, $60.0, cheap    title and price; dear above the limit
    b07 fits: whole, 2 of 2               of attributes and price, how many are met; other, of another kind
    b07 options: color: blue, green, brown, size: 7, 8, 9
    b07 traits: light weight, leather lined    what its page of features says
    search boots: 4 found                 what a search finds; no key for one that finds nothing
    search boots page 1: b07, b05, b08, b06    its pages that hold any
    search *: 12 found                    the search for the instruction itself

Nothing is here twice: a page's text is written from these lines (``view``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from dreamgym.environments.webshop.reading import Wish
from dreamgym.models.sheet import AT, HAND, UNSEEN
from dreamgym.models.spoken import WHOLE_TASK, plain_words

START, EMPTY, BACK, BACK_PAGE, WANTED = "start", "empty", "back", "back page", "wanted"
BAR, ITEM, PAGE, RECEIPT = "bar", "item", "page", "receipt"  # what is open
OPEN, RIGHT, WRONG = "open", "right", "wrong"
CHEAP, DEAR = "cheap", "dear"
OTHER, WHOLE = "other", "whole"
FITS, OPTIONS, TRAITS = "fits", "options", "traits"  # in the order in which they are imagined
SEARCH = "search"
TASK_SEARCH = f"{SEARCH} {WHOLE_TASK}"
ITEM_NAME = re.compile(r"b\d+")


def query_key(words: str, instruction: str = "") -> str:
    """The list that a search for ``words`` shows; the whole ``instruction`` has a short name."""
    return f"{SEARCH} {plain_words(words, instruction)}"


def page_key(query: str, number: int) -> str:
    """Page ``number`` of a list."""
    return f"{query} {PAGE} {number}"


def first_facts(wish: Wish) -> dict[str, str]:
    """What the instruction alone tells; what the likeliest searches find is ``unseen``."""
    facts = {AT: START, HAND: BAR, START: BAR, EMPTY: found(0), WANTED: wanted_line(wish)}
    facts |= {BACK: START, BACK_PAGE: BAR}
    facts |= {name: OPEN for name, _ in wish.options}
    for query in (TASK_SEARCH, query_key(wish.need), query_key(wish.kind)):
        facts |= {query: UNSEEN, page_key(query, 1): UNSEEN}
    return facts


def wanted_line(wish: Wish) -> str:
    """The value of ``wanted``."""
    return ", ".join(f"{name}: {value}" for name, value in wish.options)


def found(total: int) -> str:
    """The value of a list."""
    return f"{total} found"


def page_line(items: Iterable[str]) -> str:
    """The value of a page of results that holds any."""
    return ", ".join(items)


def product_line(title: str, price_tag: str, wish: Wish) -> str:
    """The value of an item: title, price, and whether it is below the limit."""
    return f"{title}, {price_tag}, {CHEAP if float(price_tag.lstrip('$')) <= wish.limit else DEAR}"


def options_line(options: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The value of an item's options."""
    return ", ".join(f"{name}: {', '.join(values)}" for name, values in options)


def fits_line(met: int, wish: Wish) -> str:
    """The value of what an item meets, chosen options apart."""
    total = len(wish.attributes) + 1
    return f"{WHOLE}, {total} of {total}" if met == total else f"{met} of {total}"


def fits_of(product: str, traits: str, wish: Wish) -> str:
    """What an item meets, by its other lines; ``unseen`` where they do not tell."""
    if product == UNSEEN:
        return UNSEEN
    title, _, price = product.split(", ")
    if title.rpartition(" ")[2].lower() != wish.kind:
        return OTHER
    if traits == UNSEEN:
        return UNSEEN
    has = traits.split(", ")
    return fits_line(sum(wanted in has for wanted in wish.attributes) + (price == CHEAP), wish)


def complete(facts: Mapping[str, str], wish: Wish) -> dict[str, str]:
    """``facts`` with what follows from them, and all else of the items that they name ``unseen``."""
    whole = dict(facts)
    for item in filter(ITEM_NAME.fullmatch, facts):
        for part in (FITS, OPTIONS, TRAITS):
            whole.setdefault(f"{item} {part}", UNSEEN)
        if whole[f"{item} {FITS}"] == UNSEEN:
            whole[f"{item} {FITS}"] = fits_of(facts[item], whole[f"{item} {TRAITS}"], wish)
    return whole
