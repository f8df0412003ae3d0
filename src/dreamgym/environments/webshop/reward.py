"""What a purchase is worth: the original's formula, which pays in part for what fits in part.

reward = r_type · (attributes that fit + options that fit + price fits) / (attributes + options + 1)
"""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz, utils

from dreamgym.environments.webshop.catalogue import Goal, Product
from dreamgym.environments.webshop.nouns import nouns

LIKE = 85  # percent; above it two short texts mean the same
# An option with one of these words in it is that colour: everyday names; the original has a longer list.
_COLORS = """
    aqua beige black blue brown burgundy coral cream dark gold gray green grey ivory khaki lavender light
    lilac magenta maroon mint multicolor navy olive orange peach pink plum purple red rose silver tan teal
    turquoise violet white wine yellow
"""
COLORS = tuple(sorted(_COLORS.split()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The reward and what it is made of; ``attributes`` and ``options`` count those that fit."""

    reward: float
    type: float
    attributes: int
    options: int
    price: bool


def score(product: Product, chosen: dict[str, str], goal: Goal) -> Score:
    """What buying ``product`` with the options ``chosen`` is worth to who wanted ``goal``."""
    kind = type_score(product, goal)
    attributes = sum(has_attribute(product, wanted) for wanted in goal.attributes)
    options = sum(has_option(chosen, name, value) for name, value in goal.options)
    price = product.price <= goal.price_upper
    fits = attributes + options + price
    reward = fits / (len(goal.attributes) + len(goal.options) + 1) * kind
    return Score(reward=reward, type=kind, attributes=attributes, options=options, price=price)


def type_score(product: Product, goal: Goal) -> float:
    """1 for the same sort of thing, 0.5 for a doubtful one, 0.1 and 0 where titles share next to nothing."""
    wanted = nouns(goal.title)
    shared = len({*wanted} & {*nouns(product.title)}) / len(wanted) if wanted else 0.2
    if shared == 0:
        return 0.0
    if shared < 0.1:
        return 0.1
    same_categories = _categories(product.product_category) & _categories(goal.product_category)
    return 1.0 if product.query == goal.query or len(same_categories) >= 2 or shared > 0.2 else 0.5


def has_attribute(product: Product, wanted: str) -> bool:
    """Whether the product has an attribute like it, or says it in its texts."""
    if any(_alike(attribute, wanted) for attribute in product.attributes):
        return True
    texts = (product.title, " ".join(product.features), product.description)
    return any(wanted in text.lower() for text in texts)


def has_option(chosen: dict[str, str], name: str, wanted: str) -> bool:
    """Whether a chosen option is like it; as in the original, one of another name will do."""
    goal = next((color for color in COLORS if color in (name, wanted)), str((name, wanted)))
    return any(_alike(_color(value), goal) for value in chosen.values())


def _color(option: str) -> str:
    """The first colour word in an option, else the option."""
    return next((color for color in COLORS if color in option), option)


def _categories(path: str) -> set[str]:
    return {part.strip() for part in path.split("›")}


def _alike(one: str, other: str) -> bool:
    return round(fuzz.token_set_ratio(_plain(one), _plain(other))) > LIKE


def _plain(text: str) -> str:
    """ASCII letters and digits in lower case, all else a space: what thefuzz compares."""
    return utils.default_process(text.encode("ascii", "ignore").decode())
