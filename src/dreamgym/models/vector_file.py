"""Vectors in a file beside the experience store: a cache, never the truth.

A record is the key of a text, its vector and a checksum. Whatever is missing, torn or of another embedder is
embedded again from the store, so no crash can hurt, and the file may be deleted between runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dreamgym.core.errors import StoreError
from dreamgym.models.retrieval import Grid
from dreamgym.utils.atomic import write_bytes

MAGIC = b"DreamGym vectors 1"
HEADER_BYTES = 128


class VectorFile:
    """Appends vectors to a file and finds them again."""

    def __init__(self, path: Path, embedder: str, size: int) -> None:
        self._path = path
        self._record = np.dtype([("key", "<u8"), ("vector", "<i2", (size,)), ("check", "<u4")])
        identity = crc32(f"{embedder}:{size}".encode())
        self._header = (MAGIC + b" %08x" % identity).ljust(HEADER_BYTES - 1) + b"\n"
        self._count, self._is_ours = 0, False

    def __len__(self) -> int:
        """Records, those no longer needed included."""
        return self._count

    def read(self) -> tuple[NDArray[np.uint64], Grid]:
        """The keys and vectors that are whole; none where the file is absent or of another embedder."""
        content = self._path.read_bytes() if self._path.is_file() else b""
        if not content.startswith(self._header):
            content = b""
        self._is_ours = bool(content)
        self._count = 0 if not content else (len(content) - HEADER_BYTES) // self._record.itemsize
        records = np.frombuffer(content[HEADER_BYTES:], self._record, self._count)
        sound = records[records["check"] == _checks(records)]
        return sound["key"], sound["vector"]

    def append(self, keys: Sequence[int], vectors: Grid) -> None:
        """Add records behind the last whole one; a file of another embedder is written over."""
        if not self._is_ours:
            return self.replace(keys, vectors)
        try:
            with self._path.open("r+b") as file:
                file.seek(HEADER_BYTES + self._count * self._record.itemsize)
                file.write(self._records(keys, vectors).tobytes())
        except OSError as error:
            raise StoreError(
                f"vector file {self._path}: {error} (the experiences are stored; free some space and resume)"
            ) from error
        self._count += len(keys)

    def replace(self, keys: Sequence[int], vectors: Grid) -> None:
        """Hold exactly these records; a crash leaves the old file or the new one."""
        try:
            write_bytes(self._path, self._header + self._records(keys, vectors).tobytes())
        except OSError as error:
            raise StoreError(f"vector file {self._path}: {error}") from error
        self._count, self._is_ours = len(keys), True

    def _records(self, keys: Sequence[int], vectors: Grid) -> NDArray[np.void]:
        records = np.zeros(len(keys), self._record)
        records["key"], records["vector"] = keys, vectors
        records["check"] = _checks(records)
        return records


def _checks(records: NDArray[np.void]) -> NDArray[np.uint32]:
    """A checksum of each record's key and vector."""
    size, content = records.dtype.itemsize, memoryview(records.tobytes())
    starts = range(0, len(content), size)
    return np.fromiter((crc32(content[i : i + size - 4]) for i in starts), np.uint32, len(starts))
