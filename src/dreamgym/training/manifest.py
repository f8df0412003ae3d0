"""``policy_iter_0100.json``, the manifest of a checkpoint: what it holds, and what is wrong with one.

It names the resolved config, the counters, and every file of the state with its size and SHA-256.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from dreamgym.core.errors import CheckpointError

FORMAT, VERSION = "dreamgym-checkpoint", 1
_WANTED = "wanted a policy_iter_….json manifest"
_NAME = re.compile(r"policy_iter_(\d{4,})\.json")


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
    counters: dict[str, int | float | tuple[tuple[int, ...], ...] | None]
    parts: tuple[str, ...]
    files: dict[str, Fingerprint]
    config: dict[str, Any]


def checkpoint_path(folder: Path, iteration: int) -> Path:
    """Where the checkpoint after ``iteration`` finished iterations lies."""
    return folder / f"policy_iter_{iteration:04d}.json"


def latest_checkpoint(folder: Path) -> Path | None:
    """The manifest with the highest iteration in ``folder``, unread."""
    found = checkpoints_in(folder)
    return found[-1][1] if found else None


def checkpoints_in(folder: Path) -> list[tuple[int, Path]]:
    """Iterations and manifests of the checkpoints in ``folder``, in order, unread."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("*.json"))
    return sorted((int(match[1]), path) for match, path in named if match)


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
            f"{problem}: {remedy(path)}" if _is_ours(path) else f"{problem}: {_WANTED}"
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
        raise CheckpointError(f"{path} is damaged, {'; '.join(problems)}: {remedy(path)}") from None


def _is_ours(path: Path) -> bool:
    return _NAME.fullmatch(path.name) is not None


def remedy(path: Path) -> str:
    """What to do about a damaged checkpoint."""
    earlier = [p for p in sorted(path.parent.glob("policy_iter_*.json")) if p.name < path.name]
    if not earlier:
        return "start the run anew"
    return f"remove {path.name} to continue from {earlier[-1].name}"
