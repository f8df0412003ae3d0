"""From a record of the original's product files to a ``Product``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from math import isfinite
from typing import Any

from dreamgym.environments.webshop.catalogue import Options, Product

NO_PRICE = 100.0  # what the original asks for a product without a price


def product_of_record(record: Mapping[str, object], note: Mapping[str, object], *, price: float) -> Product:
    """The product of a record; ``note`` holds its attributes. Raises ValueError."""
    tag = " to ".join(f"${value}" for value in price_range(record))
    small = _field(record, "small_description", "a text or a list of texts")
    attributes = note.get("attributes", ["DUMMY_ATTR"])
    if not isinstance(attributes, list):
        raise ValueError(f"the attributes noted of it are {type(attributes).__name__}, a list was wanted")
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
        options=_options(_field(record, "customization_options", "an object of options")),
        attributes=tuple(map(str, attributes)),
    )


def price_range(record: Mapping[str, object]) -> list[float]:
    """The price, or the lowest and the highest of a range; a text with dollar signs, or numbers.

    Raises ValueError.
    """
    pricing = record.get("pricing")
    if not pricing:
        return [NO_PRICE]
    parts: list[Any] = []
    if isinstance(pricing, list):
        parts = pricing[:2]
    elif isinstance(pricing, str):
        parts = [re.sub(r"[^\d.]", "", price) for price in pricing.split("$")[1:3]]
    try:
        prices = [float(part) for part in parts]
    except (ValueError, TypeError, OverflowError):
        prices = []
    if not prices or not all(map(isfinite, prices)):
        raise ValueError(
            f"the field 'pricing' is {pricing!r:.60}, a text such as '$9.99' or '$5.00$9.99', or a list of "
            "one or two numbers was wanted"
        )
    return prices


def text_of(record: Mapping[str, object], key: str) -> str:
    """The text under ``key``. Raises ValueError where there is none."""
    value = record.get(key)
    if not isinstance(value, str):
        found = "missing" if value is None else type(value).__name__
        raise ValueError(f"the field {key!r} is {found}, text was wanted")
    return _clean(value)


def _field(record: Mapping[str, object], key: str, wanted: str) -> object:
    if key not in record:
        raise ValueError(f"the field {key!r} is missing, {wanted} was wanted")
    return record[key]


def _options(customization: object) -> Options:
    """Names and values as the pages show them."""
    if not customization:
        return ()
    if not isinstance(customization, dict):
        raise ValueError(f"customization_options are {type(customization).__name__}, an object was wanted")
    return tuple(
        (_clean(name.lower()), _values(f"customization_options[{name[:60]!r}]", contents))
        for name, contents in customization.items()
        if contents is not None
    )


def _values(where: str, contents: object) -> tuple[str, ...]:
    if not isinstance(contents, list):
        raise ValueError(f"{where} is {type(contents).__name__}, a list of values was wanted")
    for content in contents:
        if not isinstance(content, dict) or not isinstance(content.get("value"), str):
            raise ValueError(
                f"{where} has the value {content!r:.60}, an object with a text 'value' was wanted"
            )
    return tuple(text_of(content, "value").strip().replace("/", " | ").lower() for content in contents)


def _clean(text: str) -> str:
    """Without control characters and halves of characters, which no observation may hold."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
