"""Files that are whole or absent: written beside their place, synced, then renamed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

_PARTIAL, _OLD = ".partial-", ".old-"
KEEP = ".gitkeep"


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``; a crash leaves the old file or the new one, never a part."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON; NaN and infinity are refused, since JSON has neither."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with new_file(path) as file:
        file.write(data)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of ``path`` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(_PARTIAL + path.name)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``path`` when the block ends well.

    Whatever lies in ``path`` that the new folder does not hold would be lost, so then it is not replaced; a
    ``.gitkeep`` is carried over.

    Raises:
        FileExistsError: ``path`` holds something else, or is no folder.
    """
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = path.with_name(_PARTIAL + path.name), path.with_name(_OLD + path.name)
    _finish_swap(path, old)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        if (path / KEEP).exists():
            (partial / KEEP).touch()
        refuse_foreign(path, {entry.name for entry in partial.iterdir()})
        _sync_tree(partial)
        if path.exists():
            os.replace(path, old)
        os.replace(partial, path)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(path.parent)


def refuse_foreign(path: Path, names: Collection[str]) -> None:
    """Raise ``FileExistsError`` where ``path`` is there and holds anything not named in ``names``.

    What a killed process left half-written is nobody's.
    """
    if path.exists() and not path.is_dir():
        raise FileExistsError(errno.EEXIST, "it is a file, wanted a folder", str(path))
    found = {entry.name for entry in path.iterdir()} if path.exists() else set()
    foreign = sorted(name for name in found - {*names, KEEP} if not name.startswith(_PARTIAL))
    if foreign:
        raise FileExistsError(errno.EEXIST, f"the folder holds {foreign[0]}, which would be lost", str(path))


def _finish_swap(path: Path, old: Path) -> None:
    """What a process killed between two renames, or just after them, left behind."""
    if old.exists() and not path.exists():
        os.replace(old, path)
    shutil.rmtree(old, ignore_errors=True)


def remove_partial(folder: Path) -> None:
    """Remove what a killed process left half-written in ``folder``, and put back what it had put aside."""
    for old in folder.glob(_OLD + "*"):
        _finish_swap(old.with_name(old.name.removeprefix(_OLD)), old)
    for leftover in folder.glob(_PARTIAL + "*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def sync_folder(path: Path) -> None:
    """Make the names in ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        sync_folder(path)  # fsync through a read-only descriptor serves files and folders alike
    sync_folder(folder)
