"""The state of a ``random.Random`` as JSON, for checkpoints."""

from __future__ import annotations

from random import Random
from typing import Any


def random_state(rng: Random) -> list[Any]:
    """What ``set_random_state`` needs to continue ``rng`` exactly here."""
    version, words, gauss = rng.getstate()
    return [version, list(words), gauss]


def set_random_state(rng: Random, state: list[Any]) -> None:
    """Continue from ``random_state``'s value, also after a round trip through JSON."""
    version, words, gauss = state
    rng.setstate((version, tuple(words), gauss))
