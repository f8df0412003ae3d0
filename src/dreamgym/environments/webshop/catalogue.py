"""What a shop sells and what a shopper was asked for, as the engine reads them."""

from __future__ import annotations

from dataclasses import dataclass

Options = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """What a buyer wrote; ``score`` in stars."""

    title: str
    score: str
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One item. ``price`` is what it costs, ``price_tag`` what the pages say (it may be a range)."""

    asin: str
    title: str
    price: float
    price_tag: str
    category: str = ""
    product_category: str = ""
    query: str = ""
    description: str = ""
    features: tuple[str, ...] = ()
    options: Options = ()
    attributes: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    rating: str = "N.A."


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What is wanted: the product it was made from, and what of it counts."""

    asin: str
    instruction: str
    title: str
    category: str
    product_category: str
    query: str
    attributes: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    price_upper: float


def search_text(product: Product) -> str:
    """What of a product is searched: title, description, the first feature, the options."""
    options = ", and ".join(f"{name}: {', '.join(values)}" for name, values in product.options)
    return " ".join([product.title, product.description, *product.features[:1], options]).lower()
