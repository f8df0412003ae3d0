"""The whole sheet of a generated shop, to measure a dream beside the real one; training never sees it."""

from __future__ import annotations

from collections.abc import Iterator

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.webshop.catalogue import Goal
from dreamgym.environments.webshop.notes.facts import (
    OPTIONS,
    TRAITS,
    complete,
    first_facts,
    found,
    options_line,
    page_key,
    page_line,
    product_line,
    query_key,
)
from dreamgym.environments.webshop.reading import Wish, read_wish
from dreamgym.environments.webshop.shop import Shop
from dreamgym.models.sheet import make_sheet


def true_sheet(shop: Shop, goal: Goal) -> Sheet:
    """Everything that the pages would tell, of the searches that a shopper may think of."""
    wish = read_wish(goal.instruction)
    facts = first_facts(wish)
    for asin, product in shop.products.items():
        item = asin.lower()
        facts[item] = product_line(product.title, product.price_tag, wish)
        facts[f"{item} {OPTIONS}"] = options_line(product.options)
        facts[f"{item} {TRAITS}"] = ", ".join(product.features)
    for query in _queries(shop, goal, wish):
        facts |= _list(shop, query, goal.instruction)
    return make_sheet(complete(facts, wish))


def _queries(shop: Shop, goal: Goal, wish: Wish) -> Iterator[str]:
    """What may be searched for: the instruction and its parts, titles, and their words."""
    yield goal.instruction
    yield wish.need
    yield " ".join((wish.kind, *reversed(wish.attributes)))
    texts = [goal.instruction, *(product.title for product in shop.products.values())]
    yield from (product.title for product in shop.products.values())
    yield from (word for text in texts for word in text.split())
    parts = (*wish.attributes, *(value for _, value in wish.options))
    yield from parts
    yield from (f"{wish.kind} {part}" for part in parts)
    yield from (f"{part} {wish.kind}" for part in parts)


def _list(shop: Shop, query: str, instruction: str) -> dict[str, str]:
    """What a search finds, page by page; nothing where it finds nothing."""
    items, size = [asin.lower() for asin in shop.found(query.lower())], shop.layout.page_size
    if not items:
        return {}
    key, total = query_key(query, instruction), len(items)
    pages = {
        page_key(key, start // size + 1): page_line(items[start : start + size])
        for start in range(0, total, size)
    }
    return {key: found(total), **pages}
