"""Draws that mean the same under every Python version: ``random.Random.random`` alone is promised to stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


def choose(rng: Random, items: Sequence[Item]) -> Item:
    """One of ``items``, uniformly."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: Random, items: Iterable[Item]) -> list[Item]:
    """The items in a random order."""
    keyed = [(rng.random(), number, item) for number, item in enumerate(items)]
    return [item for _, _, item in sorted(keyed, key=lambda entry: entry[:2])]


def draw(rng: Random, weights: Mapping[Item, int]) -> Item:
    """A key in proportion to its weight."""
    left = rng.random() * sum(weights.values())
    for item, weight in weights.items():
        left -= weight
        if left < 0:
            return item
    raise ValueError("nothing to draw from: every weight is 0")
