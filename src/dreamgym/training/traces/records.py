"""The JSON values of a trace file, one at a time: lines, the items of an array, or of a list in an object.

Whatever the size of the file, one value is in memory. What cannot be read is told with its place; the other
values are read all the same, but for an array's, where nothing behind a syntax error can be trusted.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import ijson

from dreamgym.training.traces.source import HEAD, MEBIBYTE, Source
from dreamgym.training.traces.trace import Record, Skipped

MAX_BYTES = 64 * MEBIBYTE  # of one trace: what is longer would fill the memory, and no model reads it
CUT_OFF = "the file is cut off here"
_PARTS = frozenset({"role", "obs"})  # keys of a message, of a step
_LISTS = {"simulations": "simulations.item"}  # the list of traces in a document, by its key
_BEFORE = frozenset({"info", "tasks"})  # come before ``simulations``, and may be longer than a head
_BROKEN = (OSError, EOFError, zlib.error)
_FIRST_LINE_OF_MANY = re.compile(rb"\s*\{\s*\n[ \t]+\"|\s*\{\s*\n\s*\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Where a file's traces stand: on its lines (no ``prefix``), or at an ijson ``prefix``."""

    prefix: str | None = None

    @property
    def unit(self) -> str:
        """What a place counts."""
        return "line" if self.prefix is None else "item"


def shape_of(head: bytes) -> Shape:
    """The shape of a file that begins with ``head``."""
    text = head.lstrip()
    if text[:1] == b"[":
        return Shape() if _is_whole_trace(text.partition(b"\n")[0]) else Shape(prefix="item")
    keys, whole = _top_keys(text)
    for key in keys:
        if key in _LISTS:
            return Shape(prefix=_LISTS[key])
    if not whole and _BEFORE.issubset(keys):
        return Shape(prefix=_LISTS["simulations"])
    return Shape(prefix="") if _FIRST_LINE_OF_MANY.match(head) else Shape()


def _is_whole_trace(line: bytes) -> bool:
    """Whether a line that begins like an array is one: of messages or steps, and none of traces."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and not _PARTS.isdisjoint(first)


def _top_keys(head: bytes) -> tuple[list[str], bool]:
    """The keys of the first object, as far as ``head`` shows them, and whether that is all of it."""
    keys: list[str] = []
    try:
        for prefix, event, value in ijson.parse(head):
            if event == "map_key" and prefix == "":
                keys.append(value)
            elif event == "end_map" and prefix == "":
                return keys, True
    except (ijson.JSONError, UnicodeDecodeError):
        pass
    return keys, False


def read_records(source: Source, shape: Shape) -> Iterator[Record | Skipped]:
    """The values of ``source``, and what could not be read of it."""
    return _lines(source) if shape.prefix is None else _items(source, shape.prefix)


def _lines(source: Source) -> Iterator[Record | Skipped]:
    number = 0
    try:
        while line := source.readline(MAX_BYTES + 1):
            number += 1
            if len(line) > MAX_BYTES:
                _drain(source)
                yield Skipped(place=number, reason=_too_long())
            elif line.strip():
                yield _parse(line, number)
    except _BROKEN as error:
        yield Skipped(place=number + 1, reason=_broken(error))


def _drain(source: Source) -> None:
    """Read to the end of a line, without keeping it."""
    while (piece := source.readline(MEBIBYTE)) and not piece.endswith(b"\n"):
        pass


def _parse(line: bytes, number: int) -> Record | Skipped:
    try:
        return Record(place=number, value=json.loads(line.decode("utf-8")))
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte 0x{line[error.start]:02x}"
    except json.JSONDecodeError as error:
        reason = "no JSON" if line.endswith(b"\n") else f"no JSON: {CUT_OFF}"
        reason += f" ({error.msg})" if line.endswith(b"\n") else ""
    except (ValueError, RecursionError):
        reason = "no JSON that can be read: nested too deeply, or a number of thousands of digits"
    return Skipped(place=number, reason=reason)


def _items(source: Source, prefix: str) -> Iterator[Record | Skipped]:
    number, guarded = 0, _Guarded(source)
    try:
        for value in ijson.items(guarded, prefix, use_float=True, multiple_values=prefix == ""):
            number += 1
            guarded.read_since = 0
            yield Record(place=number, value=value)
    except _TooLong:
        yield Skipped(place=number + 1, reason=f"{_too_long()}; nothing behind it is read")
    except ijson.IncompleteJSONError as error:
        yield Skipped(place=number + 1, reason=CUT_OFF if guarded.at_end else _syntax(error))
    except (ijson.JSONError, UnicodeDecodeError, ValueError, RecursionError) as error:
        yield Skipped(place=number + 1, reason=_syntax(error))
    except _BROKEN as error:
        yield Skipped(place=number + 1, reason=_broken(error))


class _TooLong(Exception):
    pass


class _Guarded:
    """Reads for ijson, and stops it where one value takes too much."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.read_since = 0  # the last value
        self.at_end = False

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes."""
        data = self._source.read(size)
        self.at_end = self.at_end or (size > 0 and not data)
        self.read_since += len(data)
        if self.read_since > MAX_BYTES + HEAD:
            raise _TooLong
        return data


def _too_long() -> str:
    return f"longer than {MAX_BYTES // MEBIBYTE} MiB"


def _broken(error: Exception) -> str:
    if isinstance(error, EOFError):
        return CUT_OFF
    return f"the file cannot be read on: {error}" if not isinstance(error, gzip.BadGzipFile) else str(error)


def _syntax(error: Exception) -> str:
    """The parser's own words, without the piece of the file that it quotes: that may hold a secret."""
    words = re.match(r"(?:b['\"])?([\w ().:-]*)", str(error))
    return f"no JSON, and nothing behind it is read ({words[1].strip() if words else 'syntax'})"
