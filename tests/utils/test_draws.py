"""Draws follow their weights and stay what they are."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from dreamgym.utils.draws import choose, draw


def test_draws_follow_the_weights() -> None:
    rng = Random(1)
    found = Counter(draw(rng, {"a": 1, "b": 3, "c": 0}) for _ in range(4000))
    assert found["c"] == 0
    assert found["b"] / found["a"] == pytest.approx(3, rel=0.1)
    assert Counter(choose(rng, "ab") for _ in range(4000))["a"] == pytest.approx(2000, rel=0.1)
    with pytest.raises(ValueError, match="every weight is 0"):
        draw(rng, {"a": 0})
