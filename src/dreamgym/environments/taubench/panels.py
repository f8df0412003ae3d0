"""Pinned panels: ``train`` and ``valid`` of our own shop, tau-bench's splits where their files are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import UnavailableError
from dreamgym.environments.panel import Panel
from dreamgym.environments.taubench.official import SPLITS, data_folder
from dreamgym.environments.taubench.official_tasks import load_scripts
from dreamgym.environments.taubench.tau2_package import MODES, is_tau2, tau2_task, tau2_tasks
from dreamgym.environments.taubench.world import SHOP, World, world_of

SIZES = {"train": 1000, "valid": 240}
OFFICIAL = tuple(f"{domain}:{split}" for domain, splits in SPLITS.items() for split in splits)


def panel(name: str, size: int | None = None, data_dir: Path | None = None) -> Panel:
    """The panel ``name``, or the first ``size`` tasks of it.

    Raises:
        UnavailableError: no panel has this name, or tau-bench's files are not there.
        ValueError: the panel is smaller than ``size``.
    """
    if name in SIZES:
        return _shop_panel(name, _checked(name, size, SIZES[name]))
    if name in OFFICIAL:
        domain, _, split = name.partition(":")
        there = len(load_scripts(data_folder(data_dir, name), domain, split))
        ids = [f"{name}:{number}" for number in range(_checked(name, size, there))]
        return _panel_of(name, [world_of(id, data_dir) for id in ids])
    if is_tau2(name):
        return _tau2_panel(name, size)
    raise UnavailableError(
        f"no panel {name!r}: choose one of {', '.join((*SIZES, *OFFICIAL))}, tau2:DOMAIN:solo"
    )


def task_named(name: str, data_dir: Path | None = None) -> Task:
    """The task ``name``, such as ``shop:valid:7`` or ``retail:test:7``.

    Raises:
        DataError: there is none.
        UnavailableError: it is one of tau-bench's own, and its files are not there.
    """
    return tau2_task(name) if is_tau2(name) else task_of(world_of(name, data_dir))


def generated_tasks(first: int = 0, *, split: str = "train") -> Iterator[Task]:
    """Tasks of our own shop from the number ``first`` on, without end."""
    return (task_named(f"{SHOP}:{split}:{number}") for number in count(first))


def task_of(world: World) -> Task:
    """What an agent is told of a world: the policy and the tools, nothing of the script."""
    id = world.script.id
    return Task(
        id=id,
        environment="taubench",
        instruction=world.instruction,
        task_type=world.task_type,
        split=id.split(":")[1],
        opening=world.opening,
    )


def fresh_tasks(numbers: range) -> Iterator[Task]:
    """The generated training tasks with these numbers among those that are in no panel."""
    return islice(generated_tasks(SIZES["train"]), numbers.start, numbers.stop)


def _checked(name: str, size: int | None, there: int) -> int:
    if size is not None and size > there:
        raise ValueError(f"the panel {name} has {there} tasks, not {size}")
    return there if size is None else size


def _tau2_panel(name: str, size: int | None) -> Panel:
    _, domain, mode = (*name.split(":"), "", "")[:3]
    if mode not in MODES:
        raise UnavailableError(f"no panel {name!r}: wanted tau2:DOMAIN:solo or tau2:DOMAIN:user")
    tasks = list(tau2_tasks(domain, mode).values())
    chosen = tuple(tasks[: _checked(name, size, len(tasks))])
    digest = hashlib.sha256("\n".join(f"{task.id} {task.opening}" for task in chosen).encode()).hexdigest()
    return Panel(name=name, tasks=chosen, digest=digest)


@lru_cache(maxsize=8)
def _shop_panel(name: str, size: int) -> Panel:
    return _panel_of(name, [world_of(f"{SHOP}:{name}:{number}") for number in range(size)])


def _panel_of(name: str, worlds: Sequence[World]) -> Panel:
    return Panel(name=name, tasks=tuple(map(task_of, worlds)), digest=_digest(worlds))


def _digest(worlds: Sequence[World]) -> str:
    """SHA-256 of databases, scripts and first words, in their order."""
    texts = (
        json.dumps([world.base.hash, asdict(world.script), world.opening], sort_keys=True) for world in worlds
    )
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
