"""Exact top-k retrieval of turns (paper §3): {d_j} = TopK cos(φ(s_t, a_t), φ(s_i, a_i)).

Vectors are rounded to whole numbers small enough that float32 adds their products without any error, in
every order. So one query or many, numpy or faiss, one thread or eight, find the same neighbours, and a
resumed run dreams what the uninterrupted one dreamed. The rounding moves a cosine by less than 0.001.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

try:
    import faiss
except ImportError:  # the extra; numpy finds the same
    faiss = None

LARGEST_SUM = 2**24  # up to here float32 holds every whole number
QUERIES_AT_ONCE = 64  # bounds the scores held at a time
BLOCK = 64
Grid = NDArray[np.int16]  # [N, D]


def grid_scale(size: int) -> float:
    """How long a unit vector becomes: rounding D numbers adds at most √D / 2 to it."""
    return math.isqrt(LARGEST_SUM) - 1 - math.sqrt(size) / 2


def to_grid(unit_ND: NDArray[np.float32]) -> Grid:
    """Unit vectors as whole numbers x with |x|² < 2²⁴, hence |Σ x_i y_i| < 2²⁴ for every part of the sum."""
    return np.rint(unit_ND.astype(np.float64) * grid_scale(unit_ND.shape[1])).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Match:
    """A row that was found; ``similarity`` is the cosine."""

    number: int
    similarity: float


class VectorIndex:
    """Rows of vectors under numbers; equal similarities prefer the higher rank."""

    def __init__(self, size: int, capacity: int) -> None:
        self._matrix = np.empty((capacity, size), np.float32)  # memory is taken as rows are written
        self._numbers = np.empty(capacity, np.int64)
        self._ranks = np.empty(capacity, np.int64)
        self._owners = np.empty(capacity, np.int64)
        self._slots: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def size(self) -> int:
        """D."""
        return self._matrix.shape[1]

    def add(self, numbers: Sequence[int], vectors: Grid, ranks: Sequence[int], owners: Sequence[int]) -> None:
        """New rows; ``owners`` name what a query may exclude (64 bits)."""
        start, end = len(self), len(self) + len(numbers)
        self._matrix[start:end] = vectors
        self._numbers[start:end] = numbers
        self._ranks[start:end] = ranks
        self._owners[start:end] = owners
        self._slots.update(zip(numbers, range(start, end), strict=True))

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget rows: the last one takes the place of each."""
        for number in numbers:
            slot, last = self._slots.pop(number), len(self._slots)
            if slot != last:
                for column in (self._matrix, self._numbers, self._ranks, self._owners):
                    column[slot] = column[last]
                self._slots[int(self._numbers[slot])] = slot

    def vectors(self, numbers: Sequence[int]) -> Grid:
        """The rows of ``numbers``."""
        return self._matrix[[self._slots[number] for number in numbers]].astype(np.int16)

    def search(self, queries: Grid, k: int, excluded: Sequence[int | None]) -> list[tuple[Match, ...]]:
        """The ``k`` most similar rows of each query, best first, without the rows of its excluded owner."""
        found: list[tuple[Match, ...]] = []
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            part = queries[start : start + QUERIES_AT_ONCE].astype(np.float32)
            found.extend(self._search(part, k, excluded[start : start + QUERIES_AT_ONCE]))
        return found

    def _search(
        self, queries_QD: NDArray[np.float32], k: int, excluded: Sequence[int | None]
    ) -> list[tuple[Match, ...]]:
        if k <= 0 or not len(self):
            return [()] * len(queries_QD)
        if faiss is not None and len(queries_QD) == 1:
            alone = self._faiss_search(queries_QD, k, excluded[0])
            if alone is not None:
                return [alone]
        scores_NQ = self._scores(queries_QD)
        for query, owner in enumerate(excluded):
            if owner is not None:
                scores_NQ[self._owners[: len(self)] == owner, query] = -np.inf
        slots, queries = np.nonzero(scores_NQ >= _lower_bound(scores_NQ, k))
        by_query = [slots[queries == query] for query in range(len(queries_QD))]
        return [self._best(own, scores_NQ[own, query], k) for query, own in enumerate(by_query)]

    def _scores(self, queries_QD: NDArray[np.float32]) -> NDArray[np.float32]:
        """All inner products [N, Q]; a product of matrices pays from a few queries on."""
        rows_ND = self._matrix[: len(self)]
        if len(queries_QD) > 4:
            return rows_ND @ queries_QD.T
        return np.stack([np.vecdot(rows_ND, query_D) for query_D in queries_QD], axis=1)

    def _best(self, slots: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> tuple[Match, ...]:
        order = np.lexsort((-self._ranks[slots], -scores))[:k]
        unit = grid_scale(self.size) ** 2
        return tuple(Match(int(self._numbers[slots[i]]), float(scores[i]) / unit) for i in order)

    def _faiss_search(
        self, query_1D: NDArray[np.float32], k: int, owner: int | None
    ) -> tuple[Match, ...] | None:
        """The same by faiss; None where more rows are equally similar than were asked for."""
        count = len(self)
        own = 0 if owner is None else int((self._owners[:count] == owner).sum())
        wanted = min(count, k + own + BLOCK)
        scores_1K, slots_1K = faiss.knn(
            query_1D, self._matrix[:count], wanted, metric=faiss.METRIC_INNER_PRODUCT
        )
        kept = np.ones(wanted, bool) if owner is None else self._owners[slots_1K[0]] != owner
        scores, slots = scores_1K[0][kept], slots_1K[0][kept]
        if wanted < count and scores[k - 1] == scores[-1]:
            return None
        return self._best(slots, scores, k)


def _lower_bound(scores_NQ: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """A finite score per query that its ``k`` best rows reach: the best of the k-th best block."""
    count, queries = scores_NQ.shape
    block = max(1, min(BLOCK, count // (4 * k)))
    whole = scores_NQ[: count - count % block]  # leaving rows out can only lower the bound
    best_BQ = whole.reshape(-1, block, queries).max(axis=1)
    lowest = np.full(queries, np.finfo(np.float32).min)  # above the -inf of excluded rows
    return lowest if len(best_BQ) < k else np.maximum(np.partition(best_BQ, -k, axis=0)[-k], lowest)
