"""A trace file as a stream of bytes, plain or gzip; what cannot be read at all is refused before."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from dreamgym.core.errors import DataError
from dreamgym.utils.progress import Advance

MEBIBYTE = 2**20
HEAD = 2**20  # bytes that are looked at to tell what a file is
EXPORT_ADVICE = "export its steps as JSON (docs/your_own_traces.md says how)"
_GZIP = b"\x1f\x8b"
_UTF8_BOM = b"\xef\xbb\xbf"
_PICKLES = tuple(b"\x80" + bytes([version]) for version in range(2, 6))
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Source:
    """Reads bytes, and tells ``advance`` of every mebibyte that was read from the disk."""

    def __init__(self, raw: BufferedReader, head: bytes, advance: Advance) -> None:
        self._packed = raw.read(2) == _GZIP
        raw.seek(0)
        self._raw, self._advance, self._told = raw, advance, 0
        self._bytes = gzip.GzipFile(fileobj=raw) if self._packed else raw
        self.head = head
        if head.startswith(_UTF8_BOM):
            self._bytes.read(len(_UTF8_BOM))
            self.head = head[len(_UTF8_BOM) :]

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; where a packed file breaks off, what there is comes before the error."""
        return self._tell(self._bytes.read1(size))

    def readline(self, size: int) -> bytes:
        """A line, or its first ``size`` bytes."""
        return self._tell(self._bytes.readline(size))

    def _tell(self, data: bytes) -> bytes:
        while self._raw.tell() >= (self._told + 1) * MEBIBYTE:
            self._told += 1
            self._advance()
        return data


def mebibytes(path: Path) -> int:
    """The file's size, at least 1."""
    return max(1, path.stat().st_size // MEBIBYTE)


@contextmanager
def open_source(path: Path, advance: Advance = lambda: None) -> Iterator[Source]:
    """The file at ``path``, from its beginning.

    Raises:
        DataError: it is missing, empty, a folder, pickled, or no UTF-8 by its first bytes.
    """
    check_source(path)
    with path.open("rb") as raw:
        yield Source(raw, _head(path), advance)


def check_source(path: Path) -> None:
    """Refuse what cannot be a file of traces, before anything is read."""
    if not path.exists():
        raise DataError(f"{path} does not exist: name a file of traces")
    if path.is_dir():
        raise DataError(f"{path} is a folder, wanted a file of traces{_inside(path)}")
    head = _head(path)
    if not head.strip():
        raise DataError(f"{path} is empty: it holds no trace")
    if head.startswith(_PICKLES):
        raise DataError(
            f"{path} holds pickled Python objects, which may run any program when they are opened, so they "
            f"never are: {EXPORT_ADVICE}"
        )
    if head.startswith(_UTF16):
        raise DataError(f"{path} is UTF-16, wanted UTF-8: convert it with `iconv -f UTF-16 -t UTF-8`")


def _inside(folder: Path) -> str:
    """What to name instead of a folder."""
    if any(folder.rglob("step_*.pkl.gz")):
        return ": AgentLab's results there are pickles, which are never opened, so " + EXPORT_ADVICE
    inside = next((path for path in sorted(folder.iterdir()) if path.is_file()), None)
    return f" such as {inside}" if inside else ""


def _head(path: Path) -> bytes:
    """The first bytes, unpacked; of a packed file that breaks off, as many as there are."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        head = b""
        try:
            while len(head) < HEAD and (piece := stream.read1(HEAD - len(head))):
                head += piece
        except (EOFError, zlib.error):
            pass  # what follows is read, and told of, when the file is read
        except gzip.BadGzipFile as error:
            raise DataError(f"{path} cannot be unpacked: {error}") from None
        return head
