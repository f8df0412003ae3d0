"""The pages of the shop as the original's text mode shows them, and what can be clicked on each.

A page is the texts of its elements joined by ``[SEP]``; the instruction stands at its head. A blank element
is left out, or shown as nothing between two separators where it has no line break: so an HTML parser does it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dreamgym.environments.webshop.catalogue import Product

SEPARATOR = " [SEP] "
BLANKS = " \t\r\f\n"


class Link(StrEnum):
    """What a click does."""

    SEARCH = "search"
    BACK = "back to search"
    PREVIOUS = "< prev"
    NEXT = "next >"
    BUY = "buy now"
    ITEM = "item"
    SUB_PAGE = "sub page"
    OPTION = "option"


class SubPage(StrEnum):
    """The pages behind an item, by the names of their buttons."""

    DESCRIPTION = "Description"
    FEATURES = "Features"
    REVIEWS = "Reviews"
    ATTRIBUTES = "Attributes"


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A page below its instruction. ``clickables``: name → what it does, and the asin, sub-page or option."""

    text: str
    clickables: dict[str, tuple[Link, str]]


def search_page(instruction: str) -> str:
    """Where an episode starts."""
    return _joined(["WebShop", "Instruction:", instruction, "Search"])


SEARCH_CLICKABLES = {"search": (Link.SEARCH, "")}


def with_instruction(instruction: str, view: View) -> str:
    """A page below the search page, whole."""
    return _joined(["Instruction:", instruction]) + SEPARATOR + view.text


def results_page(products: Sequence[Product], number: int, total: int) -> View:
    """Page ``number`` of the results: ``products``, of ``total``."""
    buttons = ["< Prev", "Next >"] if number > 1 else ["Next >"]
    texts = ["Back to Search", f"Page {number} (Total results: {total})", *buttons]
    clickables = _buttons(["Back to Search", *buttons])
    for product in products:
        texts += [product.asin, product.title, product.price_tag]
        clickables[product.asin.lower()] = (Link.ITEM, product.asin)
    return View(text=_joined(texts), clickables=clickables)


def item_page(product: Product, *, show_attributes: bool) -> View:
    """The options, what it is and costs, and the buttons that lead on."""
    sub_pages = [page for page in SubPage if show_attributes or page is not SubPage.ATTRIBUTES]
    texts = ["Back to Search", "< Prev"]
    for name, values in product.options:
        texts += [name, *values]
    texts += [product.title, f"Price: {product.price_tag}", f"Rating: {product.rating}"]
    texts += [*sub_pages, "Buy Now"]
    clickables = _buttons(["Back to Search", "< Prev"])
    clickables |= {page.lower(): (Link.SUB_PAGE, page.value) for page in sub_pages}
    clickables |= _buttons(["Buy Now"])
    buttons = set(clickables)
    for name, values in product.options:
        clickables |= {value: (Link.OPTION, name) for value in values if value not in buttons}
    return View(text=_joined(texts), clickables=clickables)


def sub_page(product: Product, page: SubPage) -> View:
    """What stands behind one of an item's buttons."""
    buttons = ["Back to Search", "< Prev"]
    return View(text=_joined([*buttons, *_details(product, page)]), clickables=_buttons(buttons))


def _details(product: Product, page: SubPage) -> Iterator[str]:
    match page:
        case SubPage.DESCRIPTION:
            yield product.description
        case SubPage.FEATURES:
            yield from (f" {feature}" for feature in product.features)
        case SubPage.ATTRIBUTES:
            yield from (f" {attribute}" for attribute in product.attributes)
            yield from (product.category, product.query, product.product_category)
        case SubPage.REVIEWS:
            for review in product.reviews:
                yield from (f'"{review.title}"', review.score, review.body)


def receipt(asin: str, chosen: dict[str, str], reward: float) -> str:
    """The page after a purchase, with the labels of what it keeps to itself, spelled as the original does."""
    options = json.dumps(chosen, sort_keys=True)
    for character in "<>&'":
        options = options.replace(character, f"\\u{ord(character):04x}")
    purchased = ["asin", asin, "options", options]
    for label in ("attrs", "category", "query", "product category"):
        purchased += [label, "None"]
    target = ["asin", "options", "attrs", "price upper", "instuction text", "category", "product category"]
    return _joined(
        [
            *("Thank you for shopping with us!", "Your code:", "None", "(Paste it in your MTurk interface.)"),
            *("Purchased", *purchased, "Target", *target, "query", "Goal", "None"),
            *("Reward", "Your score (min 0.0, max 1.0)", str(reward), "Reward Details", "None"),
        ]
    )


def short_receipt(reward: float) -> str:
    """The page after a purchase in a shop of our own."""
    return _joined(["Thank you for shopping with us!", "Your score (min 0.0, max 1.0)", str(reward)])


def _buttons(names: Iterable[str]) -> dict[str, tuple[Link, str]]:
    return {name.lower(): (Link(name.lower()), "") for name in names}


def _joined(texts: Iterable[str]) -> str:
    shown = (text for text in texts if text.strip(BLANKS) or (text and "\n" not in text))
    return SEPARATOR.join(text.strip() for text in shown)


_FIND, _PRICED = "Instruction: [SEP] Find me", ", and price lower than"
PHRASES = (  # what never changes on the pages of a generated shop, and the clicks on its buttons
    f" WebShop [SEP] {_FIND}",
    f" {_FIND}",
    " Find me",
    _PRICED,
    " dollars [SEP] Back to Search [SEP]",
    " dollars [SEP] Search",
    " < Prev [SEP]",
    " (Total results:",
    ") [SEP] Next >",
    ") [SEP] < Prev [SEP] Next >",
    " [SEP] $",
    " [SEP] Price: $",
    " [SEP] Rating: N.A. [SEP] Description [SEP] Features [SEP] Reviews [SEP] Buy Now",
    " Thank you for shopping with us! [SEP] Your score (min 0.0, max 1.0) [SEP]",
    " [SEP]",
    " click[",
    " search[",
    *(f" click[{button}]" for button in (Link.BACK, Link.PREVIOUS, Link.NEXT, Link.BUY)),
    *(f" click[{page.lower()}]" for page in SubPage if page is not SubPage.ATTRIBUTES),
)
