"""Shops from a seed: products, and goals that one of them meets.

A shop seed fixes what is sold, a goal seed who wants which of it. Randomness comes from
``random.Random.random`` alone, so that a seed means the same shop under every Python version and hash seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import TypeVar

from dreamgym.environments.webshop.catalogue import Goal, Product
from dreamgym.environments.webshop.stock import BRANDS, DEPARTMENTS, Department
from dreamgym.utils.draws import choose

Item = TypeVar("Item")

SHOP_PRODUCTS = 16
SHELF = 4  # products of one kind; a shopper must tell them apart
VALUES_OFFERED = 3  # of an option, at most
VALID_SHOPS = 900_000  # shop seeds from here on are kept for evaluation
LAST_SHOP = 999_999
VALID_SHARE = 51  # of 256: the instructions that only evaluation has


def generate_products(shop_seed: int, count: int = SHOP_PRODUCTS) -> tuple[Product, ...]:
    """``count`` products, four of a kind; every department has its turn before one comes again."""
    rng = Random(f"webshop products {shop_seed} {count}")
    departments = some(rng, DEPARTMENTS, len(DEPARTMENTS))
    brands = some(rng, BRANDS, len(BRANDS))
    products: list[Product] = []
    for number in range(count):
        if number % SHELF == 0:
            department = departments[number // SHELF % len(departments)]
            kind = choose(rng, department.kinds)
        again, place = divmod(number, len(brands))
        brand = f"{brands[place]} {again + 1}" if again else brands[place]
        products.append(_product(rng, f"B{number + 1:02d}", brand, kind, department))
    return tuple(products)


def _product(rng: Random, asin: str, brand: str, kind: str, department: Department) -> Product:
    style = choose(rng, department.styles)
    attributes = some(rng, department.attributes, 2)
    low, high = department.prices
    price = float(low + int(rng.random() * (high - low + 1)))
    return Product(
        asin=asin,
        title=f"{brand} {style.title()} {kind.title()}",
        price=price,
        price_tag=f"${price}",
        category=department.name,
        product_category=f"{department.name} › {kind}",
        query=kind,
        description=f"{style.title()} {kind} by {brand}.",
        features=attributes,
        options=tuple(
            (name, tuple(sorted(some(rng, values, VALUES_OFFERED), key=values.index)))
            for name, values in department.options.items()
        ),
        attributes=attributes,
    )


def generate_goal(products: Sequence[Product], shop_seed: int, goal_seed: int) -> Goal:
    """Who wants what of ``products``; instructions of evaluation are never those of training."""
    rng = Random(f"webshop goal {shop_seed} {goal_seed}")
    split = split_of(shop_seed)
    while True:
        goal = _goal(rng, choose(rng, products))
        if (hashlib.sha256(goal.instruction.encode()).digest()[0] < VALID_SHARE) == (split == "valid"):
            return goal


def _goal(rng: Random, product: Product) -> Goal:
    attributes = some(rng, product.attributes, 1 + int(rng.random() * len(product.attributes)))
    options = tuple((name, choose(rng, values)) for name, values in product.options)
    limit = 10.0 * (product.price // 10 + 1 + int(rng.random() * 3))
    listed = ", and ".join(f"{name}: {value}" for name, value in options)
    return Goal(
        asin=product.asin,
        instruction=(
            f"Find me {product.query}, {', '.join(attributes)}, with {listed}, "
            f"and price lower than {limit:.2f} dollars"
        ),
        title=product.title,
        category=product.category,
        product_category=product.product_category,
        query=product.query,
        attributes=attributes,
        options=options,
        price_upper=limit,
    )


def split_of(shop_seed: int) -> str:
    """``train`` or ``valid``: evaluation has shops of its own."""
    if not 0 <= shop_seed <= LAST_SHOP:
        raise ValueError(f"shop seed {shop_seed}: use 0 to {LAST_SHOP}")
    return "valid" if shop_seed >= VALID_SHOPS else "train"


def some(rng: Random, items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """``count`` different ones of ``items``, in the order drawn; all of them where there are fewer."""
    left = list(items)
    return tuple(left.pop(int(rng.random() * len(left))) for _ in range(min(count, len(items))))
