"""Files of a run read with patience: what is corrupt or cut off is counted and named, the rest is used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from dreamgym.core.errors import DataError

T = TypeVar("T")
MAX_LINE = 16_000_000  # bytes
MAX_LINES = 200_000
MAX_FILE = 64_000_000  # bytes of a file that is read whole
NAMED = 3  # corrupt lines that are named one by one


@dataclass
class Problems:
    """What could not be read, in the order found."""

    found: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """One more; a file that is read twice is told once."""
        if text not in self.found:
            self.found.append(text)


def read_records(path: Path, parse: Callable[[Any], T], problems: Problems) -> list[T]:
    """The lines of a JSON-lines file that ``parse`` accepts; empty where there is no such file."""
    if not path.is_file():
        return []
    corrupt: list[str] = []
    records = list(_parsed(path, parse, corrupt, problems))
    if corrupt:
        more = f" and {len(corrupt) - NAMED} more" if len(corrupt) > NAMED else ""
        of = f"{len(corrupt)} of {len(corrupt) + len(records)} lines cannot be read and are left out"
        problems.add(f"{path.name}: {of}: {', '.join(corrupt[:NAMED])}{more}")
    return records


def _parsed(path: Path, parse: Callable[[Any], T], corrupt: list[str], problems: Problems) -> Iterator[T]:
    """What the lines hold; those that cannot be read are added to ``corrupt``."""
    try:
        with path.open("rb") as file:
            for number, raw in _numbered(file):
                if number > MAX_LINES:
                    problems.add(f"{path.name} has more than {MAX_LINES:,} lines: the rest is left out")
                    return
                try:
                    yield parse(json.loads(raw))
                except (ValueError, RecursionError, DataError) as error:
                    if not raw.endswith(b"\n") and len(raw) < MAX_LINE:
                        problems.add(f"{path.name}: the last line is cut off, it was just being written")
                    else:
                        corrupt.append(f"line {number} ({_short(error)})")
    except OSError as error:
        problems.add(f"{path.name} cannot be read ({error.strerror})")


def read_object(path: Path, parse: Callable[[str], Any], problems: Problems) -> dict[str, Any]:
    """The mapping in a JSON or YAML file; empty where it is missing or something else."""
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > MAX_FILE:
            raise ValueError(f"it has more than {MAX_FILE:,} bytes")
        value = parse(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        problems.add(f"{path.name} cannot be read and is left out ({_short(error)})")
        return {}
    if not isinstance(value, dict):
        problems.add(f"{path.name} holds a {type(value).__name__}, wanted a mapping: it is left out")
        return {}
    return value


def _numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, none longer than ``MAX_LINE``: the rest of a longer one is skipped."""
    for number in count(1):
        raw = file.readline(MAX_LINE)
        if not raw:
            return
        rest = raw
        while len(rest) == MAX_LINE and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE)
        if raw.strip():
            yield number, raw


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:119] + "…"
