"""Experiences in one SQLite file: durable, and readable with any SQLite client.

Rows are numbered in the order they came; a number is never used twice. Write-ahead logging keeps a killed
writer's last whole batch, and lets others read while a run writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from dreamgym.core.data_structures import Experience, Origin
from dreamgym.core.errors import StoreError

APPLICATION_ID = 0x44474D31  # "DGM1": the format of this table
LOCK_SECONDS = 5.0
_TYPES = {"float": "REAL", "int": "INTEGER", "bool": "INTEGER"}
_COLUMNS = tuple(field.name for field in fields(Experience))
_encoded = attrgetter(*_COLUMNS)
_TABLE = ", ".join(
    f"{field.name} {_TYPES.get(str(field.type), 'TEXT')} NOT NULL" for field in fields(Experience)
)
_CREATE = f"CREATE TABLE IF NOT EXISTS {{}}experiences (number INTEGER PRIMARY KEY, {_TABLE})"
_INSERT = f"INSERT INTO experiences VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"


@dataclass(frozen=True, slots=True)
class StoredExperience:
    """An experience under its number."""

    number: int
    experience: Experience


class ExperienceStore:
    """A table of experiences in a file, or in memory where ``path`` is None."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        with _told(self._path):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            # One caller at a time, but not always the opening thread: the gymnasium view has its own.
            self._connection = sqlite3.connect(
                path or ":memory:", timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        found = self._connection.execute("PRAGMA application_id").fetchone()[0]
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and found != APPLICATION_ID:
            raise StoreError(
                f"{self._path} is a SQLite file, but not one of this version's experience stores: "
                "name another file in buffer.path"
            )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if not tables:
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(_CREATE.format(""))

    def write(self, added: Sequence[StoredExperience], removed: Sequence[int]) -> None:
        """Add rows, then remove others; all of it or, where it raises, nothing."""
        values = ((row.number, *_encoded(row.experience)) for row in added)
        with _told(self._path), self._transaction():
            self._connection.executemany(_INSERT, values)
            self._connection.executemany("DELETE FROM experiences WHERE number = ?", ((n,) for n in removed))

    def fetch(self, numbers: Sequence[int]) -> tuple[Experience, ...]:
        """The experiences under ``numbers``, in their order."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM experiences WHERE number = ?"
        with _told(self._path):
            found = [self._connection.execute(query, (number,)).fetchone() for number in numbers]
        if None in found:
            raise StoreError(f"{self._path} lost rows of this run: does another process write to it?")
        return tuple(_decoded(row) for row in found)

    def scan(self) -> Iterator[StoredExperience]:
        """Every experience in the order of arrival."""
        query = f"SELECT number, {', '.join(_COLUMNS)} FROM experiences ORDER BY number"
        with _told(self._path):
            for number, *row in self._connection.execute(query):
                yield StoredExperience(number, _decoded(row))

    def copy_to(self, path: Path) -> None:
        """A new file with the same rows; equal rows give equal bytes."""
        path.unlink(missing_ok=True)
        with _told(self._path), self._attached(path):
            self._connection.execute("PRAGMA copy.journal_mode = OFF")
            self._connection.execute(f"PRAGMA copy.application_id = {APPLICATION_ID}")
            with self._transaction():
                self._connection.execute(_CREATE.format("copy."))
                self._connection.execute(
                    "INSERT INTO copy.experiences SELECT * FROM experiences ORDER BY number"
                )

    def replace_from(self, path: Path) -> None:
        """Hold exactly the rows of ``path``, which ``copy_to`` wrote; all or nothing."""
        if not path.is_file():
            raise StoreError(f"{path} is missing: the checkpoint is not whole, take an earlier one")
        with _told(path), self._attached(path):
            if self._connection.execute("PRAGMA copy.application_id").fetchone()[0] != APPLICATION_ID:
                raise StoreError(f"{path} is not an experience store of this version")
            with self._transaction():
                self._connection.execute("DELETE FROM experiences")
                self._connection.execute("INSERT INTO experiences SELECT * FROM copy.experiences")

    def close(self) -> None:
        """Fold the log into the file; may be called twice."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have rolled back already
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _attached(self, path: Path) -> Iterator[None]:
        self._connection.execute("ATTACH ? AS copy", (str(path),))
        try:
            yield
        finally:
            self._connection.execute("DETACH copy")


_ADVICE = {
    "SQLITE_BUSY": "another process holds it: end that process, or give this run its own buffer.path",
    "SQLITE_LOCKED": "another process holds it: end that process, or give this run its own buffer.path",
    "SQLITE_FULL": "the disk is full: free some space and resume, everything stored before is kept",
    "SQLITE_READONLY": "it cannot be written to: change its permissions, or name another file in buffer.path",
    "SQLITE_CANTOPEN": "it cannot be opened: name a file in a folder that can be written to in buffer.path",
    "SQLITE_NOTADB": "it is no SQLite file: name another one in buffer.path",
    "SQLITE_CORRUPT": "it is damaged: resume from a checkpoint, or move it away and start anew",
    "SQLITE_CONSTRAINT": "another process writes to it too: give each run its own buffer.path",
}


@contextmanager
def _told(path: Path | None) -> Iterator[None]:
    """SQLite's error as one that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")  # absent where Python's own layer raised
        advice = next((text for key, text in _ADVICE.items() if name.startswith(key)), "see the message")
        raise StoreError(f"experience store {path or 'in memory'}: {error} ({advice})") from error
    except OSError as error:
        raise StoreError(f"experience store {path}: {error}") from error


def _decoded(row: Sequence[str | float]) -> Experience:
    values = dict(zip(_COLUMNS, row, strict=True))
    values |= {
        "origin": Origin(str(values["origin"])),
        "terminated": bool(values["terminated"]),
        "success": bool(values["success"]),
    }
    return Experience(**values)  # type: ignore[arg-type]
