"""Checkpoints: ``policy_iter_0100.json`` is the manifest, the folder ``policy_iter_0100`` holds the state.

The folder is written and renamed first, the manifest last: where the manifest stands, everything it names
stands too. It holds the resolved config, the counters, and every file's size and SHA-256. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dreamgym.core.config_io import differences
from dreamgym.core.errors import CheckpointError
from dreamgym.training.manifest import Fingerprint, Manifest, read_manifest, remedy
from dreamgym.utils import atomic

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


def save_checkpoint(
    path: Path,
    iteration: int,
    parts: Mapping[str, Stateful],
    *,
    config: Mapping[str, Any],
    counters: Mapping[str, Any],
) -> Path:
    """Write the manifest ``path`` and, before it, all that it names; whole or not at all."""
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


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a manifest and check every file that it names."""
    manifest = read_manifest(path)
    folder = _folder(path)
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise CheckpointError(f"{path} names {file}, which is missing: {remedy(path)}")
        if _fingerprint(file) != expected:
            raise CheckpointError(
                f"{file} has {file.stat().st_size} bytes and is not the file that {path.name} names "
                f"({expected.bytes} bytes): truncated or changed, {remedy(path)}"
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
        if key not in MAY_CHANGE and key != "training.phases" and key.partition(".")[0] != "llm"
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
