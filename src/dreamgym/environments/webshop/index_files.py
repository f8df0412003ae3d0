"""Builds a search index from a stream of texts, stores it, and opens it again memory-mapped.

A build holds the postings (12 bytes each, and as much again while they are sorted) and the vocabulary, never
the texts.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dreamgym.core.errors import DataError
from dreamgym.environments.webshop.analyzer import terms
from dreamgym.environments.webshop.search_index import SearchIndex, document_scores
from dreamgym.utils.atomic import new_folder

VERSION = 1
ARRAYS = ("starts_V1", "documents_P", "scores_P", "peaks_V", "ids_N", "order_N")


def build_index(documents: Iterable[tuple[str, str]]) -> SearchIndex:
    """The index of ``(id, text)`` pairs, in their order. Raises DataError for ids that repeat."""
    vocabulary: dict[str, int] = {}
    rows, numbers, counts, lengths = array("i"), array("i"), array("i"), array("i")
    ids: list[bytes] = []
    for number, (id, text) in enumerate(documents):
        ids.append(id.encode())
        found = terms(text)
        lengths.append(len(found))
        for term, times in Counter(found).items():
            rows.append(vocabulary.setdefault(term, len(vocabulary)))
            numbers.append(number)
            counts.append(times)
    if len(set(ids)) != len(ids):
        twice, _ = Counter(ids).most_common(1)[0]
        raise DataError(f"the id {twice.decode()!r} stands for more than one document: wanted every id once")
    return _index_of(vocabulary, ids, *(np.frombuffer(a, np.int32) for a in (rows, numbers, counts, lengths)))


def _index_of(
    vocabulary: dict[str, int],
    ids: list[bytes],
    rows_P: np.ndarray[tuple[int], np.dtype[np.int32]],
    documents_P: np.ndarray[tuple[int], np.dtype[np.int32]],
    counts_P: np.ndarray[tuple[int], np.dtype[np.int32]],
    lengths_N: np.ndarray[tuple[int], np.dtype[np.int32]],
) -> SearchIndex:
    by_term = np.argsort(rows_P, kind="stable")
    starts = np.zeros(len(vocabulary) + 1, np.int64)
    np.cumsum(np.bincount(rows_P, minlength=len(vocabulary)), out=starts[1:])
    ids_N = np.array(ids, dtype=np.bytes_)
    order_N = np.empty(len(ids), np.int32)
    order_N[np.argsort(ids_N, kind="stable")] = np.arange(len(ids), dtype=np.int32)
    scores_P = document_scores(counts_P, rows_P, documents_P, lengths_N) if ids else np.zeros(0, np.float32)
    scores_P = scores_P[by_term]
    return SearchIndex(
        vocabulary=vocabulary,
        starts_V1=starts,
        documents_P=documents_P[by_term],
        scores_P=scores_P,
        peaks_V=np.maximum.reduceat(scores_P, starts[:-1]) if vocabulary else scores_P,
        ids_N=ids_N,
        order_N=order_N,
    )


def save_index(index: SearchIndex, folder: Path) -> None:
    """Write the index to ``folder``; a crash leaves what was there before."""
    with new_folder(folder) as new:
        for name in ARRAYS:
            np.save(new / f"{name}.npy", getattr(index, name))
        content = {"version": VERSION, "vocabulary": list(index.vocabulary)}
        (new / "index.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def open_index(folder: Path) -> SearchIndex:
    """The index in ``folder``; its arrays are mapped, read when a search needs them. Raises DataError."""
    try:
        content = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ValueError(f"it is of version {content['version']}, wanted {VERSION}")
        vocabulary = {term: row for row, term in enumerate(content["vocabulary"])}
        starts, documents, scores, peaks, ids, order = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{folder}: no search index can be read there ({error}); build it again") from error
    return SearchIndex(
        vocabulary=vocabulary,
        starts_V1=starts,
        documents_P=documents,
        scores_P=scores,
        peaks_V=peaks,
        ids_N=ids,
        order_N=order,
    )
