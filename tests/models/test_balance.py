"""Balanced choice: shares by hand, and nobody left out."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.models.balance import balanced_choice, fair_shares

STRATA = {("real", True): range(3), ("real", False): range(100, 200), ("dreamed", False): range(200, 300)}


@pytest.mark.parametrize(
    ("count", "shares"),
    [
        (40, {("real", True): 3, ("real", False): 17, ("dreamed", False): 20}),
        (4, {("real", True): 1, ("real", False): 1, ("dreamed", False): 2}),
        (1000, {("real", True): 3, ("real", False): 100, ("dreamed", False): 100}),
        (0, {}),
    ],
)
def test_each_level_is_shared_evenly(count: int, shares: dict[tuple[str, bool], int]) -> None:
    chosen = balanced_choice(STRATA, count, Random(1))
    counts = {name: len(set(rows) & set(chosen)) for name, rows in STRATA.items()}
    assert {name: n for name, n in counts.items() if n} == shares
    assert len(set(chosen)) == len(chosen)


def test_the_odd_one_is_drawn_and_rows_are_equally_likely() -> None:
    rng = Random(3)
    odd = Counter(
        name for _ in range(2000) for name, n in fair_shares({"a": 9, "b": 9}, 3, rng).items() if n == 2
    )
    assert odd["a"] == pytest.approx(1000, abs=120)
    rows = Counter(row for _ in range(2000) for row in balanced_choice({("x",): range(10)}, 3, rng))
    assert all(count == pytest.approx(600, abs=120) for count in rows.values())


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 20)), st.integers(0, 60))
def test_no_share_is_too_large_or_needlessly_small(sizes: dict[str, int], count: int) -> None:
    shares = fair_shares(sizes, count, Random(0))
    assert sum(shares.values()) == min(count, sum(sizes.values()))
    assert all(0 <= shares[name] <= size for name, size in sizes.items())
    most = max(shares.values(), default=0)
    assert all(shares[name] >= most - 1 or shares[name] == size for name, size in sizes.items())
