"""Checkpoints: ``policy_iter_0100.json`` is the manifest, the folder ``policy_iter_0100`` holds the state.

The folder is written and renamed first, the manifest last: where the manifest stands, everything it names
stands too. It holds the resolved config, the counters, and every file's size and SHA-256. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from dreamgym.core.config_io import differences
from dreamgym.core.errors import CheckpointError
from dreamgym.utils import atomic

FORMAT, VERSION = "dreamgym-checkpoint", 1
_WANTED = "wanted a policy_iter_….json manifest"
_NAME = re.compile(r"policy_iter_(\d{4,})\.json")

# Settings that do not touch what is learned: a resumed run may have others.
MAY_CHANGE = frozenset(
    {
        "training.output_dir",
        "training.log_dir",
        "training.eval_every",
        "training.eval_episodes",
        "training.checkpoint_every",
        "training.use_wandb",
        "training.max_failed_share",
        "training.fidelity.gate",
        "training.fidelity.min_invalid_recognised",
        "training.fidelity.max_false_wins_per_1000_turns",
        "training.fidelity.min_whole_episodes",
        "training.fidelity.episodes",
    }
)


class Stateful(Protocol):
    """A part of the run that a checkpoint keeps."""

    def save(self, folder: Path) -> None:
        """Write everything that changes during a run into ``folder``, which exists and is empty."""
        ...

    def load(self, folder: Path) -> None:
        """Continue exactly from what ``save`` wrote."""
        ...


class Fingerprint(BaseModel):
    """A file's size and SHA-256."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What ``policy_iter_0100.json`` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = FORMAT
    version: int = VERSION
    iteration: NonNegativeInt
    counters: dict[str, int | float | None]
    parts: tuple[str, ...]
    files: dict[str, Fingerprint]
    config: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A manifest that was read and whose files were checked."""

    path: Path
    iteration: int
    config: dict[str, Any]
    counters: dict[str, Any]
    parts: tuple[str, ...]

    def restore(self, parts: Mapping[str, Stateful]) -> None:
        """Load each of ``parts``; the checkpoint may hold more of them."""
        for name, part in parts.items():
            if name not in self.parts:
                raise CheckpointError(f"{self.path} has no part '{name}', only {', '.join(self.parts)}")
            part.load(_folder(self.path) / name)


def checkpoint_path(folder: Path, iteration: int) -> Path:
    """Where the checkpoint after ``iteration`` finished iterations lies."""
    return folder / f"policy_iter_{iteration:04d}.json"


def save_checkpoint(
    folder: Path,
    iteration: int,
    parts: Mapping[str, Stateful],
    *,
    config: Mapping[str, Any],
    counters: Mapping[str, Any],
) -> Path:
    """Write the checkpoint after ``iteration`` iterations, whole or not at all; returns its manifest."""
    path = checkpoint_path(folder, iteration)
    try:
        with atomic.new_folder(_folder(path)) as filling:
            for name, part in parts.items():
                (filling / name).mkdir()
                part.save(filling / name)
            path.unlink(missing_ok=True)  # an old manifest must not vouch for new files
        manifest = Manifest(
            iteration=iteration,
            counters=dict(counters),
            parts=tuple(parts),
            files={name: _fingerprint(file) for name, file in _files(_folder(path))},
            config=dict(config),
        )
        atomic.write_json(path, manifest.model_dump(mode="json"))
    except OSError as error:
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}: make room, then continue with --resume; "
            "earlier checkpoints are whole"
        ) from error
    return path


def latest_checkpoint(folder: Path) -> Path | None:
    """The manifest with the highest iteration in ``folder``, unread."""
    found = {int(match[1]): path for path in folder.glob("*.json") if (match := _NAME.fullmatch(path.name))}
    return found[max(found)] if found else None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a manifest and check every file that it names."""
    manifest = read_manifest(path)
    folder = _folder(path)
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise CheckpointError(f"{path} names {file}, which is missing: {_remedy(path)}")
        if _fingerprint(file) != expected:
            raise CheckpointError(
                f"{file} has {file.stat().st_size} bytes and is not the file that {path.name} names "
                f"({expected.bytes} bytes): truncated or changed, {_remedy(path)}"
            )
    return Checkpoint(
        path=path,
        iteration=manifest.iteration,
        config=manifest.config,
        counters=dict(manifest.counters),
        parts=manifest.parts,
    )


def check_same_run(checkpoint: Checkpoint, config: Mapping[str, Any]) -> None:
    """Raise ``CheckpointError`` where ``config`` would not continue the run that made ``checkpoint``."""
    old, new = dict(checkpoint.config), dict(config)
    old_worlds, new_worlds = _worlds(old), _worlds(new)
    done = checkpoint.iteration
    changed = [
        f"{key} was {before!r}, now {after!r}"
        for key, before, after in differences(old, new)
        if key not in MAY_CHANGE and key != "training.phases"
    ]
    if old_worlds[:done] != new_worlds[:done]:
        changed.append(f"training.phases differs within the {done} iterations that are done")
    if changed:
        raise CheckpointError(
            f"{checkpoint.path} is of another config: {'; '.join(changed)}. Resume with the settings "
            "it was made with, or start anew in another training.output_dir"
        )


def _worlds(config: Mapping[str, Any]) -> list[str]:
    """The world of each iteration."""
    return [phase["world"] for phase in config["training"]["phases"] for _ in range(phase["iterations"])]


def read_manifest(path: Path) -> Manifest:
    """The manifest alone, its files unchecked."""
    if path.is_dir():
        newest = latest_checkpoint(path) or latest_checkpoint(path.parent)
        hint = f"wanted a manifest such as {newest}" if newest else _WANTED
        raise CheckpointError(f"{path} is a folder, {hint}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = latest_checkpoint(path.parent)
        hint = f"the newest there is {near.name}" if near else f"{path.parent} holds none"
        raise CheckpointError(f"no checkpoint {path}: {hint}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        problem = f"{path} cannot be read ({error})"
        raise CheckpointError(
            f"{problem}: {_remedy(path)}" if _is_ours(path) else f"{problem}: {_WANTED}"
        ) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a DreamGym checkpoint: {_WANTED}")
    if found.get("version") != VERSION:
        raise CheckpointError(
            f"{path} has version {found.get('version')}, this DreamGym reads version {VERSION}: "
            "use the version that wrote it"
        )
    try:
        return Manifest.model_validate(found)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise CheckpointError(f"{path} is damaged, {'; '.join(problems)}: {_remedy(path)}") from None


def _is_ours(path: Path) -> bool:
    return _NAME.fullmatch(path.name) is not None


def _remedy(path: Path) -> str:
    earlier = [p for p in sorted(path.parent.glob("policy_iter_*.json")) if p.name < path.name]
    if not earlier:
        return "start the run anew"
    return f"remove {path.name} to continue from {earlier[-1].name}"


def _folder(path: Path) -> Path:
    return path.with_suffix("")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file


def _fingerprint(file: Path) -> Fingerprint:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Fingerprint(bytes=file.stat().st_size, sha256=digest)
