"""A record with a value of another type in each of its places, for tests of what reads a user's files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WRONG: tuple[Any, ...] = (None, True, 7, 0.5, "x", "", [], [3], [[]], [{}], {}, {"a": 1}, {"a": [None]})


def with_wrong_values(record: Any) -> Iterator[Any]:
    """``record`` with each wrong value instead of the whole, and of each part at whatever depth."""
    yield from WRONG
    if isinstance(record, dict):
        for name, value in record.items():
            yield {inner: part for inner, part in record.items() if inner != name}
            yield from (record | {name: wrong} for wrong in with_wrong_values(value))
    elif isinstance(record, list):
        for number, value in enumerate(record):
            for wrong in with_wrong_values(value):
                yield [*record[:number], wrong, *record[number + 1 :]]
