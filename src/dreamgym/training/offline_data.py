"""Offline data on disk: trajectories as JSON lines, a manifest beside them, whole or not at all.

The folder holds ``train.jsonl.gz``, ``heldout.jsonl.gz`` and ``manifest.json``. No scene is in both files.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamgym.core.data_structures import Task, Trajectory
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.core.serialization import decode, encode
from dreamgym.training.cast import Cast, CollectSettings
from dreamgym.training.collect import collect_trajectories, is_heldout
from dreamgym.training.settings import ALFWORLD
from dreamgym.training.split_writer import SplitWriter
from dreamgym.utils.atomic import new_folder, refuse_foreign, write_json
from dreamgym.utils.progress import Advance

if TYPE_CHECKING:
    from dreamgym.training.policy import Policy

MANIFEST = "manifest.json"
SPLITS = ("train", "heldout")


def collect_offline_data(
    folder: Path,
    *,
    episodes: int,
    settings: CollectSettings,
    cast: Cast,
    seed: int,
    fresh: range = range(0),
    policy: Policy | None = None,
    heldout_share: float = 0.1,
    include: Path | None = None,
    advance: Advance = lambda: None,
) -> dict[str, Any]:
    """Play ``episodes`` episodes on training tasks, write them into ``folder``, return the manifest.

    ``fresh``: on the tasks of no panel with these numbers, in turn. The episodes of the data set ``include``
    come first, each in the split that it is in; the new ones are then named after ``folder``.
    """
    tasks = islice(cycle(_some(cast.fresh_tasks(fresh), fresh)), episodes) if fresh else cast.tasks(episodes)
    played = collect_trajectories(tasks, settings, cast=cast, seed=seed, policy=policy)
    if include is not None:
        played = (replace(trajectory, id=f"{folder.name}-{trajectory.id}") for trajectory in played)
    return write_offline_data(
        folder,
        played,
        about={"seed": seed, "heldout_share": heldout_share, **encode(settings)},
        heldout_share=heldout_share,
        include=include,
        advance=advance,
    )


def write_offline_data(
    folder: Path,
    trajectories: Iterable[Trajectory],
    *,
    about: dict[str, Any],
    heldout_share: float = 0.1,
    include: Path | None = None,
    advance: Advance = lambda: None,
) -> dict[str, Any]:
    """Write ``trajectories`` into ``folder`` and return the data set's manifest.

    ``about`` (seed, shares, ...) is copied into the manifest; ``advance`` hears of every trajectory. A crash
    leaves what was there before.

    Raises:
        FileExistsError: ``folder`` holds something else than a data set, before anything is played.
        ValueError: a trajectory plays something else than a training task, in ALFWorld a generated one.
    """
    refuse_foreign(folder, {MANIFEST, *(f"{name}.jsonl.gz" for name in SPLITS)})
    with new_folder(folder) as partial:
        splits = {name: SplitWriter(partial / f"{name}.jsonl.gz") for name in SPLITS}
        try:
            for name, split in splits.items():
                for trajectory in () if include is None else read_trajectories(include / f"{name}.jsonl.gz"):
                    _refuse_evaluation(trajectory)
                    split.add(trajectory)
            for trajectory in trajectories:
                _refuse_evaluation(trajectory)
                splits["heldout" if is_heldout(trajectory.task, heldout_share) else "train"].add(trajectory)
                advance()
        finally:
            for split in splits.values():
                split.close()
        manifest = {**about, "splits": {name: split.summary() for name, split in splits.items()}}
        write_json(partial / MANIFEST, manifest)
    return manifest


def read_trajectories(path: Path) -> Iterator[Trajectory]:
    """The trajectories of a ``.jsonl.gz`` file, one at a time.

    Raises:
        DataError: the file is missing or cut off, or a line is no trajectory; the message has its number.
    """
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _parse(line, f"{path}, line {number}")
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: make it with `dreamgym collect`") from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read after line {number} ({error}): make it again") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a data set.

    Raises:
        DataError: there is none, or it is no JSON object.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: make the data with `dreamgym collect`") from error
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}): make the data again") from error
    if not isinstance(manifest, dict):
        raise DataError(f"{path} holds a {type(manifest).__name__}, wanted an object")
    return manifest


def _some(tasks: Iterator[Task], numbers: range) -> Iterator[Task]:
    """``tasks``, of which there is one at least."""
    first = next(tasks, None)
    if first is None:
        raise ConfigError(
            f"--fresh-tasks {numbers.start}:{numbers.stop}: no task has these numbers, take lower ones"
        )
    return chain([first], tasks)


def _refuse_evaluation(trajectory: Trajectory) -> None:
    """Official scenes are evaluated on as well: ALFWorld's valid_seen has those of its training games."""
    task = trajectory.task
    if not (task.id.startswith("gen/train/") if task.environment == ALFWORLD else task.split == "train"):
        raise ValueError(
            f"trajectory {trajectory.id} plays {task.id}: "
            "offline data must not hold what is evaluated on, only training tasks (in ALFWorld gen/train/...)"
        )


def _parse(line: str, where: str) -> Trajectory:
    try:
        return decode(Trajectory, json.loads(line), where)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is no JSON ({error.msg} at column {error.colno}): {line[:60]!r}") from error
