"""Pinned panels of tasks: ``train`` and ``valid`` are generated, on shops of their own; ``goals_test``,
``goals_eval`` and ``goals_train`` are the original's goals, for whom its files are at hand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from dreamgym.core.data_structures import Task, TaskOrigin
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.core.serialization import encode
from dreamgym.environments.panel import Panel
from dreamgym.environments.webshop.catalogue import Goal, Product
from dreamgym.environments.webshop.generator import (
    VALID_SHOPS,
    generate_goal,
    generate_products,
    split_of,
)
from dreamgym.environments.webshop.original import Original, data_folder, load_original, original_shop
from dreamgym.environments.webshop.pages import search_page
from dreamgym.environments.webshop.shop import SHORT, Shop

SIZES = {"train": 1000, "valid": 240}
GOALS_PER_SHOP = {"train": 2, "valid": 1}
ORIGINAL_SPLITS = {"goals_test": (0, 500), "goals_eval": (500, 1500), "goals_train": (1500, None)}
_GENERATED = re.compile(r"gen/(?:train|valid)/(\d{6})-(\d{1,4})/\w+")
_NUMBERED = re.compile(r"goal:(\d{1,7})")


def panel(name: str, size: int | None = None, data_dir: Path | None = None) -> Panel:
    """The panel ``name``, or the first ``size`` tasks of it.

    Raises:
        UnavailableError: no panel has this name, or the original's files are not there.
        DataError: the original's files cannot be read.
        ValueError: the panel is smaller than ``size``.
    """
    if name in ORIGINAL_SPLITS:
        return _original_panel(name, size, data_folder(data_dir))
    if name in SIZES:
        return _generated_panel(name, SIZES[name] if size is None else size)
    raise UnavailableError(f"no panel {name!r}: choose one of {', '.join((*SIZES, *ORIGINAL_SPLITS))}")


def task_named(name: str, data_dir: Path | None = None) -> Task:
    """The task of ``goal:100`` or of a generated id. Raises DataError, and UnavailableError as ``panel``."""
    if match := _NUMBERED.fullmatch(name):
        original = load_original(data_folder(data_dir))
        number = int(match[1])
        if number >= len(original.goals):
            raise DataError(f"no WebShop goal {name!r}: there are goal:0 to goal:{len(original.goals) - 1}")
        return _original_task(original.goals[number], number)
    match = _GENERATED.fullmatch(name)
    task = _generated_task(int(match[1]), int(match[2])) if match else None
    if task is None or task.id != name:
        example = _generated_task(VALID_SHOPS, 0).id
        raise DataError(
            f"no WebShop task {name[:80]!r}: try goal:0 (the original's), or a generated one as {example}"
        )
    return task


def is_generated(id: str) -> bool:
    """Whether the task of this id is of a generated shop."""
    return _GENERATED.fullmatch(id) is not None


def world_of(task: Task, data_dir: Path | None = None, *, show_attributes: bool = False) -> tuple[Shop, Goal]:
    """The shop and the goal behind a task.

    Raises:
        DataError: the task has no real goal, or belongs to another version of the generator or the files.
        UnavailableError: it is the original's, and its files are not there.
    """
    if task.origin is TaskOrigin.SYNTHETIC:
        raise DataError(f"task {task.id} was imagined: there is no real goal of it, play it in the dream")
    known = task_named(task.id, data_dir)
    if known.instruction != task.instruction:
        raise DataError(f"task {task.id} is of another version: here it is {known.instruction!r}")
    if match := _GENERATED.fullmatch(task.id):
        shop_seed, goal_seed = int(match[1]), int(match[2])
        return _generated_shop(shop_seed, show_attributes), _generated_goal(shop_seed, goal_seed)
    folder = data_folder(data_dir)
    goal = load_original(folder).goals[int(task.id.removeprefix("goal:"))]
    return original_shop(folder, show_attributes), goal


def fresh_tasks(numbers: range) -> Iterator[Task]:
    """The generated training tasks with these numbers among those that are in no panel."""
    goals = GOALS_PER_SHOP["train"]
    return (_generated_task(*divmod(SIZES["train"] + number, goals)) for number in numbers)


@lru_cache(maxsize=4)
def _original_panel(name: str, size: int | None, folder: Path) -> Panel:
    original = load_original(folder)
    start, end = ORIGINAL_SPLITS[name]
    numbers = range(len(original.goals))[start:end]
    if size is not None and size > len(numbers):
        raise ValueError(f"the panel {name} has {len(numbers)} tasks, not {size}")
    numbers = numbers[:size]
    tasks = tuple(_original_task(original.goals[number], number) for number in numbers)
    return Panel(name=name, tasks=tasks, digest=_original_digest(original, numbers))


def _original_digest(original: Original, numbers: range) -> str:
    """Of the goals and of everything that they may be bought from."""
    return _digest([*(original.goals[number] for number in numbers), *original.products])


def _original_task(goal: Goal, number: int) -> Task:
    split = next(name for name, (_, end) in ORIGINAL_SPLITS.items() if end is None or number < end)
    return _task(f"goal:{number}", goal, task_type=goal.category, split=split)


@lru_cache(maxsize=8)
def _generated_panel(name: str, size: int) -> Panel:
    if size > SIZES[name]:
        raise ValueError(f"the panel {name} has {SIZES[name]} tasks, not {size}")
    first, goals = VALID_SHOPS if name == "valid" else 0, GOALS_PER_SHOP[name]
    seeds = [(first + number // goals, number % goals) for number in range(size)]
    records: list[Goal | Product] = []
    for shop, goal in seeds:
        records += [_generated_goal(shop, goal), *_products(shop)]
    tasks = tuple(_generated_task(shop, goal) for shop, goal in seeds)
    return Panel(name=name, tasks=tasks, digest=_digest(records))


def _generated_task(shop_seed: int, goal_seed: int) -> Task:
    goal = _generated_goal(shop_seed, goal_seed)
    split = split_of(shop_seed)
    id = f"gen/{split}/{shop_seed:06d}-{goal_seed}/{goal.query}"
    return _task(id, goal, task_type=goal.query, split=split)


def _task(id: str, goal: Goal, *, task_type: str, split: str) -> Task:
    return Task(
        id=id,
        environment="webshop",
        instruction=goal.instruction,
        task_type=task_type,
        split=split,
        opening=search_page(goal.instruction),
    )


def _digest(records: list[Goal | Product]) -> str:
    """SHA-256 of goals and products in their order."""
    texts = (json.dumps(encode(record), ensure_ascii=True, sort_keys=True) for record in records)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@lru_cache(maxsize=2048)
def _products(shop_seed: int) -> tuple[Product, ...]:
    return generate_products(shop_seed)


@lru_cache(maxsize=4096)
def _generated_goal(shop_seed: int, goal_seed: int) -> Goal:
    return generate_goal(_products(shop_seed), shop_seed, goal_seed)


@lru_cache(maxsize=64)
def _generated_shop(shop_seed: int, show_attributes: bool) -> Shop:
    return Shop(_products(shop_seed), SHORT, show_attributes=show_attributes)
