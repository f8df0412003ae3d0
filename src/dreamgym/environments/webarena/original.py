"""WebArena's own task files, from the user's copy: each task is read when it is asked for."""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.data_folder import level_hint
from dreamgym.environments.webarena.specs import TaskSpec, read_spec

DATA_VARIABLE = "DREAMGYM_DATA"
FOLDER = "webarena"
FILES = {"webarena": "webarena_test.raw.json.xz", "webarena_lite": "test_webarena_lite.raw.json.xz"}
MAX_FILE = 200_000_000  # characters, unpacked


@dataclass(frozen=True, slots=True)
class TaskFile:
    """The tasks of a file as it has them, by id in its order."""

    path: Path
    records: Mapping[str, Mapping[str, Any]]

    def spec(self, id: str) -> TaskSpec:
        """The task with this id, which must be there. Raises ``DataError`` where it alone is malformed."""
        try:
            return read_spec(self.records[id], id)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None


def load_file(name: str, data_dir: Path | None = None) -> TaskFile:
    """One of the original's files; ``data_dir`` or DREAMGYM_DATA names the folder around theirs.

    Raises:
        DataError: it is no list of tasks.
        UnavailableError: it is not there.
    """
    folder = data_dir or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if folder is None:
        raise UnavailableError(
            f"{name} are WebArena's own tasks, which are not part of this package: set {DATA_VARIABLE} or "
            f"environment.data_dir to the folder that holds {FOLDER}/{FILES[name]}"
        )
    return _load(folder / FOLDER / FILES[name], name)


@lru_cache(maxsize=4)
def _load(path: Path, name: str) -> TaskFile:
    records = _read(path)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path}: wanted a list of WebArena tasks")
    return TaskFile(path, {f"{name}:{record.get('task_id')}": record for record in records})


def _read(path: Path) -> object:
    try:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            return json.loads(file.read(MAX_FILE))
    except FileNotFoundError:
        hint = level_hint(path.parent, FILES.values()) or "wanted WebArena's tasks as JSON, packed with xz"
        raise UnavailableError(f"there is no {path}: {hint}") from None
    except (OSError, EOFError, lzma.LZMAError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
