"""Neighbouring turns: φ(s, a) of every stored experience, in memory and in the vector file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamgym.core.data_structures import Experience
from dreamgym.models.embedding import Embedder, embed_turns
from dreamgym.models.ledger import Row
from dreamgym.models.retrieval import Grid, Match, VectorIndex, to_grid
from dreamgym.models.vector_file import VectorFile

Reader = Callable[[Sequence[int]], Sequence[Experience]]  # experiences by number
ROWS_AT_ONCE = 1024  # embedded, written and evicted together


class TurnIndex:
    """Embeds turns, keeps their vectors, finds the most similar ones."""

    def __init__(self, embedder: Embedder, capacity: int, path: Path | None) -> None:
        self._embedder = embedder
        self._capacity = capacity
        self._file = None if path is None else VectorFile(path, embedder.name, embedder.size)
        self._index = self._empty()

    def _empty(self) -> VectorIndex:
        # A chunk is added before what it pushes out is removed.
        return VectorIndex(self._embedder.size, self._capacity + ROWS_AT_ONCE)

    def embed(self, turns: Sequence[tuple[str, str]]) -> Grid:
        """φ(s, a) of (state, action) pairs."""
        return to_grid(
            embed_turns(self._embedder, [state for state, _ in turns], [action for _, action in turns])
        )

    def update(self, added: Sequence[Row], vectors: Grid, removed: Sequence[Row]) -> None:
        """Take new rows, then forget others."""
        self._add(added, vectors)
        self._index.remove([row.number for row in removed])
        if self._file is not None:
            self._file.append([row.turn_key for row in added], vectors)

    def search(
        self, turns: Sequence[tuple[str, str]], k: int, excluded: Sequence[int | None]
    ) -> list[tuple[Match, ...]]:
        """The ``k`` most similar rows of each turn, without those of the owner excluded for it."""
        return self._index.search(self.embed(turns), k, excluded)

    @property
    def is_wasteful(self) -> bool:
        """True where most of the vector file is of rows long gone."""
        return self._file is not None and len(self._file) > 2 * (len(self._index) + ROWS_AT_ONCE)

    def compact(self, rows: Sequence[Row]) -> None:
        """Write the vector file anew with these rows alone."""
        if self._file is not None:
            self._write(self._file, rows)

    def save(self, path: Path, rows: Sequence[Row]) -> None:
        """Write the vectors of ``rows`` to a file of their own."""
        self._write(self._file_at(path), rows)

    def restore(self, rows: Sequence[Row], read: Reader, path: Path | None = None) -> None:
        """Hold exactly ``rows``: vectors from the file (or from ``path``), the others embedded again."""
        self._index = self._empty()
        file = self._file if path is None else self._file_at(path)
        keys, vectors = self._nothing() if file is None else file.read()
        places = {key: place for place, key in enumerate(keys.tolist())}
        known = [row for row in rows if row.turn_key in places]
        self._add(known, vectors[[places[row.turn_key] for row in known]])
        missing = [row for row in rows if row.turn_key not in places]
        for start in range(0, len(missing), ROWS_AT_ONCE):
            part = missing[start : start + ROWS_AT_ONCE]
            turns = [(e.state, e.action) for e in read([row.number for row in part])]
            self._add(part, self.embed(turns))
        if missing or path is not None or self.is_wasteful:
            self.compact(rows)

    def _nothing(self) -> tuple[NDArray[np.uint64], Grid]:
        return np.empty(0, np.uint64), np.empty((0, self._embedder.size), np.int16)

    def _file_at(self, path: Path) -> VectorFile:
        return VectorFile(path, self._embedder.name, self._embedder.size)

    def _write(self, file: VectorFile, rows: Sequence[Row]) -> None:
        file.replace([row.turn_key for row in rows], self._index.vectors([row.number for row in rows]))

    def _add(self, rows: Sequence[Row], vectors: Grid) -> None:
        self._index.add(
            [row.number for row in rows], vectors, [row.rank for row in rows], [row.owner for row in rows]
        )
