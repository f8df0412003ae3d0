"""Pinned panels of the corridor."""

from __future__ import annotations

from pathlib import Path

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DataError
from dreamgym.environments.panel import Panel

SIZES = {"train": 30, "valid": 8}


def panel(name: str, size: int | None = None, data_dir: Path | None = None) -> Panel:
    count = SIZES[name] if size is None else size
    if count > SIZES[name]:
        raise ValueError(f"the panel {name} has {SIZES[name]} tasks, not {size}")
    return Panel(name=name, tasks=tuple(task(name, number) for number in range(count)), digest="")


def task(split: str, number: int) -> Task:
    goal = 1 + number % 5
    return Task(
        id=f"{split}/{number}-{goal}",
        environment="standin",
        instruction=f"Find the garden behind door {goal}.",
        task_type="walk",
        split=split,
        opening=f"You stand at door 0. Find the garden behind door {goal}.",
    )


def task_named(name: str, data_dir: Path | None = None) -> Task:
    found = {f"garden:{number}": task("valid", number) for number in range(SIZES["valid"])}
    if name not in found:
        raise DataError(f"no task {name!r}: there are garden:0 to garden:7")
    return found[name]
