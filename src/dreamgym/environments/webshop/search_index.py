"""A search index that ranks as Lucene's BM25 does, in numpy arrays that may lie in memory-mapped files.

The ranks equal the original's (Anserini on Lucene 9): k1 = 0.9, b = 0.4; a text's length is kept in eight
bits, rounded down from 40 on; a term's score is a 32-bit float; equal scores are told apart by the id.
All that a term adds to a document is worked out when the index is built, so a search adds up columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamgym.environments.webshop.analyzer import terms

K1, B = np.float32(0.9), np.float32(0.4)
BLOCK = 1024  # documents; the best score of each block bounds what can be among the best of all
FEW = 20_000  # documents for which looking a term up beats adding it to all
ROUNDING = 1e-6  # relative; more than scores differ by that are equal in 32 bits

Numbers = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SearchIndex:
    """Postings by term: ``starts_V1`` cuts ``documents_P`` and ``scores_P`` (V terms, P postings).

    ``peaks_V`` is the most that a term adds to any document. ``ids_N`` are the documents' ids as bytes,
    ``order_N`` their places when sorted by id.
    """

    vocabulary: dict[str, int]
    starts_V1: NDArray[np.int64]
    documents_P: Numbers
    scores_P: Floats
    peaks_V: Floats
    ids_N: NDArray[np.bytes_]
    order_N: Numbers

    def search(self, query: str, count: int) -> list[str]:
        """The ids of the ``count`` best documents, best first; fewer where fewer hold a word of the query."""
        wanted = self._wanted(query)
        candidates_C, scores_C, added = self._promising(wanted, count)
        for row, times in wanted[added:]:
            scores_C += self._looked_up(row, times, candidates_C)
        ranks = np.lexsort((self.order_N[candidates_C], -scores_C.astype(np.float32)))[:count]
        return [self.ids_N[document].decode() for document in candidates_C[ranks]]

    def _promising(
        self, wanted: Sequence[tuple[int, int]], count: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], int]:
        """The documents that may be among the best, their scores so far, and how many terms are in these.

        Terms are added up from the weightiest on, until those left cannot bring up a document that is far
        behind.
        """
        scores_N = np.zeros(len(self.ids_N))
        for added, (row, times) in enumerate(wanted, start=1):
            documents, scores = self._postings(row, times)
            scores_N[documents] += scores
            rest = float(sum(self.peaks_V[row] * times for row, times in wanted[added:]))
            bound = _at_least(scores_N, count)
            if bound > rest:
                candidates = np.flatnonzero(scores_N >= (bound - rest) * (1 - ROUNDING))
                if len(candidates) <= FEW or added == len(wanted):
                    return candidates, scores_N[candidates], added
        candidates = np.flatnonzero(scores_N)
        return candidates, scores_N[candidates], len(wanted)

    def _wanted(self, query: str) -> list[tuple[int, int]]:
        """The known terms of a query with how often each is in it, the weightiest first."""
        known = [
            (self.vocabulary[t], times) for t, times in Counter(terms(query)).items() if t in self.vocabulary
        ]
        return sorted(known, key=lambda term: -self.peaks_V[term[0]] * term[1])

    def _postings(self, row: int, times: int) -> tuple[Numbers, Floats]:
        """The documents with a term, ascending, and what it adds to each."""
        start, end = self.starts_V1[row], self.starts_V1[row + 1]
        added = self.scores_P[start:end]
        return self.documents_P[start:end], added if times == 1 else added * np.float32(times)

    def _looked_up(self, row: int, times: int, candidates_C: NDArray[np.intp]) -> Floats:
        """What a term adds to each candidate."""
        documents, added = self._postings(row, times)
        places = np.minimum(np.searchsorted(documents, candidates_C), len(documents) - 1)
        return np.where(documents[places] == candidates_C, added[places], np.float32(0))


def _at_least(scores_N: NDArray[np.float64], count: int) -> float:
    """A score that ``count`` documents reach, the best of their blocks; 0 where there are few blocks."""
    whole = len(scores_N) // BLOCK
    if whole <= count:
        return 0.0
    peaks = scores_N[: whole * BLOCK].reshape(-1, BLOCK).max(axis=1)
    return float(np.partition(peaks, -count)[-count])


def document_scores(counts_P: Numbers, rows_P: Numbers, documents_P: Numbers, lengths_N: Numbers) -> Floats:
    """What each posting adds to its document's score: Lucene's BM25, in its order of 32-bit operations.

    ``counts_P``: how often the term is in the document; ``rows_P``: the term; ``lengths_N``: in terms.
    """
    total = len(lengths_N)
    frequency_V = np.bincount(rows_P)
    idf_V = np.log(1 + (total - frequency_V + 0.5) / (frequency_V + 0.5)).astype(np.float32)
    average = np.float32(lengths_N.sum() / total)
    one = np.float32(1)
    norms_256 = one / (K1 * ((one - B) + B * _kept_length(np.arange(256)).astype(np.float32) / average))
    norm_N = norms_256[_length_code(lengths_N)].astype(np.float32)
    weight_P = idf_V[rows_P]
    return (weight_P - weight_P / (one + counts_P.astype(np.float32) * norm_N[documents_P])).astype(
        np.float32
    )


def _length_code(lengths_N: Numbers) -> NDArray[np.int64]:
    """Lengths in eight bits: exact below 24, then four significant bits of what exceeds 24."""
    rest = np.maximum(lengths_N.astype(np.int64) - 24, 0)
    shift = np.maximum(np.frexp(rest)[1] - 4, 0)
    coded = np.where(rest < 8, rest, ((rest >> shift) & 7) | ((shift + 1) << 3))
    return np.where(lengths_N < 24, lengths_N, 24 + coded)


def _kept_length(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The length that a code stands for."""
    rest = np.maximum(codes - 24, 0)
    shift = (rest >> 3) - 1
    decoded = np.where(shift < 0, rest, ((rest & 7) | 8) << np.maximum(shift, 0))
    return np.where(codes < 24, codes, 24 + decoded)
