"""From a record of the original's product files to a ``Product``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from dreamgym.environments.webshop.catalogue import Options, Product

NO_PRICE = 100.0  # what the original asks for a product without a price


def product_of_record(record: Mapping[str, object], note: Mapping[str, object], *, price: float) -> Product:
    """The product of a record; ``note`` holds its attributes. Raises ValueError."""
    prices = price_range(record)
    tag = " to ".join(f"${value}" for value in prices)
    small = record["small_description"]
    attributes = note.get("attributes", ["DUMMY_ATTR"])
    if not isinstance(attributes, list):
        raise ValueError(f"its attributes are {type(attributes).__name__}, wanted a list")
    return Product(
        asin=text_of(record, "asin"),
        title=text_of(record, "name"),
        price=price,
        price_tag=tag,
        category=text_of(record, "category"),
        product_category=text_of(record, "product_category"),
        query=text_of(record, "query").lower().strip(),
        description=text_of(record, "full_description"),
        features=tuple(_clean(str(text)) for text in (small if isinstance(small, list) else [small])),
        options=_options(record["customization_options"]),
        attributes=tuple(map(str, attributes)),
    )


def price_range(record: Mapping[str, object]) -> list[float]:
    """The price, or the lowest and the highest of a range; a text with dollar signs, or numbers."""
    pricing = record.get("pricing")
    if not pricing:
        return [NO_PRICE]
    if isinstance(pricing, list):
        return [float(price) for price in pricing[:2]]
    return [float(re.sub(r"[^\d.]", "", price)) for price in str(pricing).split("$")[1:3]]


def text_of(record: Mapping[str, object], key: str) -> str:
    """The text under ``key``. Raises ValueError where there is none."""
    value = record.get(key)
    if not isinstance(value, str):
        found = "missing" if value is None else type(value).__name__
        raise ValueError(f"the field {key!r} is {found}, text was wanted")
    return _clean(value)


def _options(customization: object) -> Options:
    """Names and values as the pages show them."""
    if not customization:
        return ()
    if not isinstance(customization, dict):
        raise ValueError(f"customization_options are {type(customization).__name__}, wanted an object")
    return tuple(
        (_clean(name.lower()), tuple(_value(content) for content in contents))
        for name, contents in customization.items()
        if contents is not None
    )


def _value(content: object) -> str:
    if not isinstance(content, dict):
        raise ValueError(f"the value of an option is {type(content).__name__}, wanted an object")
    return text_of(content, "value").strip().replace("/", " | ").lower()


def _clean(text: str) -> str:
    """Without control characters and halves of characters, which no observation may hold."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
