"""The files in which an annotation is kept as it comes, so that it can be broken off at any time.

``annotation.json`` says who annotates what; ``annotations.jsonl`` holds what is annotated, ``rejected.jsonl``
what was set aside and why, ``usage.jsonl`` what it took. A line is durable once its episode is done.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from dreamgym.core.errors import ConfigError
from dreamgym.models.llm_types import Usage
from dreamgym.training.annotating.plan import Annotation
from dreamgym.training.offline_data import MANIFEST, SPLITS
from dreamgym.utils.append import append_line
from dreamgym.utils.atomic import refuse_foreign, write_json, write_text

ABOUT, ANNOTATIONS, REJECTED, USAGE = "annotation.json", "annotations.jsonl", "rejected.jsonl", "usage.jsonl"
FILES = (ABOUT, ANNOTATIONS, REJECTED, USAGE, MANIFEST, *(f"{name}.jsonl.gz" for name in SPLITS))
Identity = Mapping[str, str]  # what must not change between the parts of one annotation
Line = TypeVar("Line")
logger = logging.getLogger(__name__)


class Annotated(Annotation):
    """A line of ``annotations.jsonl``."""

    trajectory_id: str


class Rejected(BaseModel):
    """A line of ``rejected.jsonl``: why, the teacher's last answer, and how often it was asked for."""

    trajectory_id: str
    kind: str
    reason: str
    answer: str = ""
    times: int = 1


_ANNOTATED, _REJECTED, _USAGE = TypeAdapter(Annotated), TypeAdapter(Rejected), TypeAdapter(Usage)


class Journal:
    """What is annotated and what is not; nothing is written before it is locked (``begin``)."""

    def __init__(self, folder: Path, lock: int | None = None) -> None:
        self.folder = folder
        self._lock = lock
        self._places = {line.trajectory_id: start for start, line in _lines(folder / ANNOTATIONS, _ANNOTATED)}
        rejected = {line.trajectory_id: line for _, line in _lines(folder / REJECTED, _REJECTED)}
        self.rejected = {name: line for name, line in rejected.items() if name not in self}

    @classmethod
    def begin(cls, folder: Path, identity: Identity) -> Self:
        """The journal in ``folder``, begun or gone on with, locked for this process until it is closed.

        Raises:
            ConfigError: it was begun with another teacher or on other data, or another process is at it.
            FileExistsError: the folder holds something else.
        """
        refuse_other(folder, identity)
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ConfigError(
                f"another process annotates into {folder}: wait for it, or choose another --output"
            ) from None
        write_json(folder / ABOUT, identity)
        return cls(folder, lock)

    def __contains__(self, trajectory_id: str) -> bool:
        return trajectory_id in self._places

    @property
    def episodes(self) -> int:
        """How many are annotated or set aside."""
        return len(self._places) + len(self.rejected)

    def keep(self, trajectory_id: str, annotation: Annotation) -> None:
        """An episode is annotated."""
        line = Annotated(trajectory_id=trajectory_id, **annotation.model_dump()).model_dump_json()
        path = self.folder / ANNOTATIONS
        append_line(path, line)
        self._places[trajectory_id] = path.stat().st_size - len(line.encode()) - 1
        self.rejected.pop(trajectory_id, None)

    def reject(self, trajectory_id: str, *, kind: str, reason: str, answer: str = "") -> None:
        """An episode is set aside."""
        before = self.rejected.get(trajectory_id)
        rejected = Rejected(
            trajectory_id=trajectory_id,
            kind=kind,
            reason=_whole(reason),
            answer=_whole(answer),
            times=1 + (before.times if before else 0),
        )
        append_line(self.folder / REJECTED, rejected.model_dump_json())
        self.rejected[trajectory_id] = rejected

    def annotation_of(self, trajectory_id: str) -> Annotated | None:
        """What was written of an episode; None where it is not annotated."""
        if trajectory_id not in self._places:
            return None
        with (self.folder / ANNOTATIONS).open("rb") as file:
            file.seek(self._places[trajectory_id])
            return Annotated.model_validate_json(file.readline())

    def spend(self, used: Usage) -> None:
        """Something was used."""
        if used != Usage():
            append_line(self.folder / USAGE, json.dumps(asdict(used)))

    def spent(self) -> Usage:
        """All that was used so far."""
        return sum((used for _, used in _lines(self.folder / USAGE, _USAGE)), start=Usage())

    def close(self) -> None:
        """Leave one line in ``rejected.jsonl`` for each episode that is set aside now, and unlock."""
        if (self.folder / REJECTED).exists():
            lines = [line.model_dump_json() + "\n" for line in self.rejected.values()]
            write_text(self.folder / REJECTED, "".join(lines))
        if self._lock is not None:
            os.close(self._lock)


def _whole(text: str) -> str:
    """``text`` of a server, half characters replaced: no file can hold them."""
    return text.encode("utf-8", "replace").decode()


def refuse_other(folder: Path, identity: Identity) -> None:
    """Refuse a folder with another annotation (``ConfigError``) or anything else (``FileExistsError``).

    Where nothing is annotated yet, teacher and data may still change.
    """
    refuse_foreign(folder, FILES)
    path = folder / ABOUT
    if not path.exists():
        if folder.exists() and any((folder / name).exists() for name in FILES):
            raise ConfigError(f"--output {folder} holds data that is no annotation: choose another folder")
        return
    try:
        begun = TypeAdapter(dict[str, str]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.error_count()} errors): choose another --output"
        ) from None
    for name, value in identity.items() if (folder / ANNOTATIONS).exists() else ():
        if begun.get(name) != value:
            raise ConfigError(
                f"{folder} was begun with another {name} ({begun.get(name)!r}, this one is {value!r}): "
                "go on with that one, or choose another --output"
            )


def _lines(path: Path, form: TypeAdapter[Line]) -> Iterator[tuple[int, Line]]:
    """The lines of a file with where they start; one that a kill has cut off counts as never written."""
    if not path.exists():
        return
    start = 0
    with path.open("rb") as file:
        for line in file:
            try:
                yield start, form.validate_json(line)
            except ValidationError:
                if line.strip():
                    logger.warning("%s has a line that cannot be read, at byte %d: passed over", path, start)
            start += len(line)
