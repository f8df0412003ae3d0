"""Retrieval against brute force in whole numbers."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from dreamgym.models import retrieval
from dreamgym.models.embedding import HashingEmbedder, embed_turns
from dreamgym.models.retrieval import LARGEST_SUM, VectorIndex, to_grid


def unit_rows(count: int, size: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute_force(rows, ranks, owners, query, k, excluded) -> list[int]:
    """The k best by exact integers, ties by rank."""
    scored = [
        (-sum(int(a) * int(b) for a, b in zip(row, query, strict=True)), -rank, number)
        for number, (row, rank, owner) in enumerate(zip(rows, ranks, owners, strict=True))
        if owner != excluded
    ]
    return [number for *_, number in sorted(scored)[:k]]


@pytest.fixture(params=["numpy", "faiss"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(retrieval, "faiss", None)
    elif retrieval.faiss is None:
        pytest.skip("the extra 'faiss' is not installed")


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("count", [0, 1, 3, 40, 700])
def test_it_finds_what_brute_force_finds_with_many_ties(count: int) -> None:
    rng = Random(count)
    distinct = to_grid(unit_rows(max(1, count // 5), 16, seed=1))
    rows = distinct[[rng.randrange(len(distinct)) for _ in range(count)]]
    ranks, owners = rng.sample(range(10 * count), count), [rng.randrange(8) for _ in range(count)]
    index = VectorIndex(16, 1000)
    index.add(range(count), rows, ranks, owners)
    queries = np.concatenate([to_grid(unit_rows(6, 16, seed=2)), distinct[:1]])
    excluded = [None, 0, 1, None, 99, 2, 3]
    for k in (1, 2, 8, 1000):
        expected = [brute_force(rows, ranks, owners, q, k, e) for q, e in zip(queries, excluded, strict=True)]
        together = index.search(queries, k, excluded)
        alone = [index.search(queries[i : i + 1], k, excluded[i : i + 1])[0] for i in range(len(queries))]
        assert [[match.number for match in matches] for matches in together] == expected
        assert alone == together


def test_rows_can_leave_in_any_order() -> None:
    rng, rows = Random(5), to_grid(unit_rows(60, 8, seed=5))
    index = VectorIndex(8, 60)
    index.add(range(60), rows, range(60), [0] * 60)
    gone = rng.sample(range(60), 45)
    index.remove(gone)
    left = sorted(set(range(60)) - set(gone))
    found = index.search(rows[:1], 60, [None])[0]
    assert sorted(match.number for match in found) == left
    assert (index.vectors(left) == rows[left]).all()


@pytest.mark.parametrize("size", [1, 2, 64, 256, 1536])
def test_no_partial_sum_leaves_the_whole_numbers_of_float32(size: int) -> None:
    worst = np.concatenate([unit_rows(50, size, seed=3), np.full((1, size), size**-0.5, np.float32)])
    grid = to_grid(worst).astype(np.int64)
    assert (grid**2).sum(axis=1).max() < LARGEST_SUM


def test_similarity_is_the_cosine() -> None:
    embedder = HashingEmbedder()
    states = [f"On the shelf {n}, you see a mug {n % 3}, a book {n % 7}." for n in range(50)]
    vectors = embed_turns(embedder, states, [f"take mug {n % 4} from shelf {n}" for n in range(50)])
    index = VectorIndex(256, 50)
    index.add(range(50), to_grid(vectors), range(50), [0] * 50)
    for match in index.search(to_grid(vectors[7:8]), 50, [None])[0]:
        assert match.similarity == pytest.approx(float(vectors[7] @ vectors[match.number]), abs=1e-3)
