"""What generated shops sell: departments, and what their products are called, made of and offered in.

Words are few and common, so that a small model can learn them. No two departments share a style, and no two
attributes or option values of a department are alike to the reward's fuzzy comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COLORS = ("black", "white", "red", "blue", "green", "brown")


@dataclass(frozen=True, kw_only=True, slots=True)
class Department:
    """Kinds of things that are offered alike; ``prices`` in whole dollars, the least and the most."""

    name: str
    kinds: tuple[str, ...]
    styles: tuple[str, ...]
    attributes: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    prices: tuple[int, int]


DEPARTMENTS = (
    Department(
        name="clothing",
        kinds=("shirt", "sweater", "jacket", "dress", "skirt"),
        styles=("slim", "loose", "plain", "striped"),
        attributes=("machine washable", "long sleeved", "wrinkle free", "quick drying", "hand made", "warm"),
        options={"color": COLORS, "size": ("small", "medium", "large")},
        prices=(10, 60),
    ),
    Department(
        name="shoes",
        kinds=("boots", "sandals", "sneakers", "slippers", "loafers"),
        styles=("flat", "sturdy", "classic", "sporty"),
        attributes=(
            "water resistant",
            "leather lined",
            "anti slip",
            "wide fitting",
            "padded",
            "light weight",
        ),
        options={"color": COLORS, "size": ("7", "8", "9", "10", "11")},
        prices=(20, 90),
    ),
    Department(
        name="home",
        kinds=("pillow", "blanket", "rug", "curtain", "lamp"),
        styles=("cozy", "modern", "rustic", "floral"),
        attributes=(
            "double sided",
            "easy to clean",
            "stain proof",
            "extra thick",
            "hand woven",
            "energy saving",
        ),
        options={"color": COLORS, "shape": ("round", "square", "oval")},
        prices=(10, 80),
    ),
    Department(
        name="beauty",
        kinds=("soap", "shampoo", "lotion", "cream", "perfume"),
        styles=("gentle", "fresh", "rich", "pure"),
        attributes=(
            "cruelty free",
            "for dry skin",
            "with coconut oil",
            "long lasting",
            "vegan",
            "paraben less",
        ),
        options={
            "scent": ("lemon", "rose", "mint", "honey", "vanilla"),
            "pack": ("single", "double", "triple"),
        },
        prices=(4, 40),
    ),
    Department(
        name="electronics",
        kinds=("speaker", "charger", "keyboard", "headset", "mouse"),
        styles=("compact", "silent", "smart", "rapid"),
        attributes=("wireless", "shock proof", "noise cancelling", "hands free", "back lit", "low power"),
        options={"color": COLORS, "cable": ("short", "long", "none")},
        prices=(10, 90),
    ),
    Department(
        name="kitchen",
        kinds=("kettle", "pan", "bowl", "mug", "teapot"),
        styles=("deep", "shiny", "heavy", "simple"),
        attributes=(
            "dishwasher safe",
            "stainless steel",
            "heat proof",
            "non stick",
            "easy grip",
            "stackable",
        ),
        options={"color": COLORS, "set": ("one piece", "two pieces", "four pieces")},
        prices=(5, 50),
    ),
)
BRANDS = (
    "Maple", "River", "Acorn", "Comet", "Harbor", "Falcon", "Meadow", "Copperfield", "Willow", "Summit",
    "Orchard", "Raven", "Canyon", "Breeze", "Lantern", "Pebble", "Thistle", "Juniper", "Beacon", "Otter",
    "Tundra", "Saffron", "Drift", "Ember", "Glacier", "Heron", "Island", "Jasper", "Kestrel", "Lagoon",
    "Marble", "Nomad", "Opal", "Prairie", "Quartz", "Robin", "Sierra", "Tulip", "Valley", "Zephyr",
)  # fmt: skip
