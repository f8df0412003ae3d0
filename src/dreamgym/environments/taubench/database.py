"""The database behind the tools: tables of JSON records, shared by all episodes and changed by none of them.

An episode owns the records that it has changed and reads the rest, so that a reset costs nothing however
large the database is.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
Tables: TypeAlias = Mapping[str, Mapping[str, Record]]
Changes: TypeAlias = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Base:
    """The tables as every episode finds them; nobody may change a record of it."""

    tables: Tables

    @cached_property
    def texts(self) -> dict[str, dict[str, str]]:
        """Each record as it enters the hash, by table and key, sorted."""
        return {
            name: {key: canonical(table[key]) for key in sorted(table)}
            for name, table in sorted(self.tables.items())
        }

    @cached_property
    def hash(self) -> str:
        """The hash of the unchanged database."""
        return Database(self).rendered_hash()


@dataclass
class Database:
    """One episode's database: ``own`` holds the records that it changed or added."""

    base: Base
    own: dict[str, dict[str, Record]] = field(default_factory=dict)
    _hash: str = ""

    def table(self, name: str) -> Mapping[str, Record]:
        """The records of a table, to be read; those of the base first, then those that were added."""
        own = self.own.get(name)
        return ChainMap(own, self.base.tables[name]) if own else self.base.tables[name]  # type: ignore[arg-type]

    def edit(self, name: str, key: str) -> Record:
        """The record, to be changed. Raises KeyError."""
        own = self.own.setdefault(name, {})
        if key not in own:
            own[key] = deepcopy(self.base.tables[name][key])
        self._hash = ""
        return own[key]

    def put(self, name: str, key: str, record: Record) -> None:
        """Add a record, or replace one."""
        self.own.setdefault(name, {})[key] = record
        self._hash = ""

    def copy(self) -> Database:
        """A database of its own, as it is now."""
        return Database(self.base, deepcopy(self.own), self._hash)

    @property
    def hash(self) -> str:
        """SHA-256 of the whole database; tau-bench's own definition, so that recorded hashes compare."""
        if not self._hash:
            self._hash = self.rendered_hash() if self.changes() else self.base.hash
        return self._hash

    def changes(self) -> Changes:
        """The records that are not as they were, as they enter the hash, by table and key.

        Two databases of one base have equal hashes where their changes are equal.
        """
        return {
            (name, key): text
            for name, records in self.own.items()
            for key, record in records.items()
            if (text := canonical(record)) != self.base.texts[name].get(key)
        }

    def rendered_hash(self) -> str:
        """The hash, without a look at what may be known already."""
        digest, parts = sha256(), []
        for name, texts in self.base.texts.items():
            if own := self.own.get(name):
                texts = {**texts, **{key: canonical(record) for key, record in own.items()}}
                texts = {key: texts[key] for key in sorted(texts)}
            parts.append(f"({name!r}, {_tuple([f'({key!r}, {text})' for key, text in texts.items()])})")
        digest.update(_tuple(parts).encode())
        return digest.hexdigest()


def canonical(value: object) -> str:
    """``value`` as it enters the hash: objects as sorted pairs, lists as tuples."""
    if isinstance(value, dict):
        return _tuple([f"({key!r}, {canonical(inner)})" for key, inner in sorted(value.items())])
    if isinstance(value, list):
        return _tuple([canonical(inner) for inner in value])
    return repr(value)


def _tuple(parts: list[str]) -> str:
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
