"""Choosing rows so that rare kinds are seen as often as common ones."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from random import Random

Stratum = tuple[Hashable, ...]


def balanced_choice(strata: Mapping[Stratum, Collection[int]], count: int, rng: Random) -> list[int]:
    """``count`` different rows (all, where there are fewer), in random order.

    ``count`` is shared evenly among the values of a stratum's first part, each share among those of the
    second part, and so on; what a small stratum cannot give goes to its siblings. Within a stratum all rows
    are equally likely.
    """
    chosen = _choose(dict(strata), 0, count, rng)
    rng.shuffle(chosen)
    return chosen


def _choose(strata: Mapping[Stratum, Collection[int]], depth: int, count: int, rng: Random) -> list[int]:
    if count <= 0 or not strata:
        return []
    if depth == len(next(iter(strata))):
        (rows,) = strata.values()
        return rng.sample(sorted(rows), min(count, len(rows)))
    branches: dict[str, dict[Stratum, Collection[int]]] = {}
    for stratum, rows in strata.items():
        branches.setdefault(str(stratum[depth]), {})[stratum] = rows
    sizes = {name: sum(len(rows) for rows in branch.values()) for name, branch in branches.items()}
    shares = fair_shares(sizes, count, rng)
    return [row for name in sorted(branches) for row in _choose(branches[name], depth + 1, shares[name], rng)]


def fair_shares(sizes: Mapping[str, int], count: int, rng: Random) -> dict[str, int]:
    """How many to take of each: as equal as sizes allow; who gets one more than another is drawn."""
    names: Sequence[str] = sorted(sizes)
    # Smallest first, so that what it cannot give is still to share; equal sizes stay in random order.
    order = sorted(rng.sample(names, len(names)), key=sizes.__getitem__)
    shares: dict[str, int] = {}
    left = min(count, sum(sizes.values()))
    for position, name in enumerate(order):
        shares[name] = min(sizes[name], left // (len(order) - position))
        left -= shares[name]
    return shares
