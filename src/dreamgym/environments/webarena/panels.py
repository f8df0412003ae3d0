"""Pinned panels of tasks: ``train`` and ``valid`` are of our own site, each in worlds of its own; ``miniwob``
is MiniWoB++'s pages; ``webarena`` and ``webarena_lite`` are the original's, for whom their files are at hand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from dreamgym.core.data_structures import Task, TaskOrigin
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.panel import Panel
from dreamgym.environments.webarena.miniwob import page_names
from dreamgym.environments.webarena.original import FILES, load_file
from dreamgym.environments.webarena.site.tasks import TEMPLATES, make_record
from dreamgym.environments.webarena.site.words import FIRST_MIXED, LAST_WORLD
from dreamgym.environments.webarena.site.world import open_world
from dreamgym.environments.webarena.specs import TaskSpec, read_spec
from dreamgym.environments.webarena.still.still_episode import opening_of

TRAIN, VALID = "train", "valid"
SIZES = {TRAIN: 220, VALID: 66}
FIRST_WORLD = {TRAIN: 0, VALID: 100_000}
MINIWOB = "miniwob"
_OWN = re.compile(r"site:(\d{1,6}):(\w+)", re.ASCII)
_FILE = re.compile(r"(webarena|webarena_lite):(\d{1,6})", re.ASCII)


def panel(name: str, size: int | None = None, data_dir: Path | None = None) -> Panel:
    """The panel ``name``, or ``size`` tasks of it.

    Raises:
        DataError: a task of it cannot be read.
        UnavailableError: no panel has this name, or what it is made of is not there.
        ValueError: the panel is smaller than ``size``.
    """
    if name in SIZES:
        return _own_panel(name, _bounded(name, SIZES[name], size))
    if name == MINIWOB:
        names = page_names()
        tasks = [task_named(f"{MINIWOB}:{page}") for page in names[: _bounded(name, len(names), size)]]
        return Panel(name=name, tasks=tuple(tasks), digest=_digest("\n".join(task.id for task in tasks)))
    if name in FILES:
        file = load_file(name, data_dir)
        specs = [file.spec(id) for id in list(file.records)[: _bounded(name, len(file.records), size)]]
        return Panel(
            name=name,
            tasks=tuple(task_of(spec, split=name) for spec in specs),
            digest=_digest("\n".join(map(repr, specs))),
        )
    raise UnavailableError(f"no panel {name!r}: choose one of {', '.join((*SIZES, MINIWOB, *FILES))}")


def task_named(name: str, data_dir: Path | None = None) -> Task:
    """The task with this id: ``site:12:set_price``, ``miniwob:click-test``, ``webarena:310``.

    Raises:
        DataError: there is none.
        UnavailableError: it needs a package or a folder that is not there.
    """
    if name.startswith(f"{MINIWOB}:"):
        page = name.removeprefix(f"{MINIWOB}:")
        if page not in (pages := page_names()):
            raise DataError(
                f"MiniWoB++ has no page {page[:60]!r}, only {', '.join(pages[:5])} … ({len(pages)} in all)"
            )
        instruction = f"{page.replace('-', ' ')}: do what the page says"
        return Task(id=name, environment="webarena", instruction=instruction, task_type=page, split=MINIWOB)
    spec = spec_named(name, data_dir)
    split = name.partition(":")[0]
    if spec.world is not None:
        split = VALID if FIRST_WORLD[VALID] <= spec.world < FIRST_MIXED else TRAIN
    return task_of(spec, split=split)


def task_of(spec: TaskSpec, *, split: str) -> Task:
    """The task of a specification; of our own site, with the page that it begins with."""
    return Task(
        id=spec.id,
        environment="webarena",
        instruction=spec.intent,
        task_type=spec.template,
        split=split,
        opening="" if spec.world is None else opening_of(spec),
    )


def spec_of(task: Task, data_dir: Path | None = None) -> TaskSpec:
    """The specification behind a task.

    Raises:
        DataError: the task has none, or belongs to another version of the site.
        UnavailableError: it is the original's, whose files are not there.
    """
    if task.origin is TaskOrigin.SYNTHETIC:
        raise DataError(f"task {task.id} was imagined: no site knows it, play it in the dream")
    spec = spec_named(task.id, data_dir)
    if spec.intent != task.instruction:
        raise DataError(f"task {task.id} is of another version of the site: here it is {spec.intent!r}")
    return spec


def spec_named(id: str, data_dir: Path | None = None) -> TaskSpec:
    """The specification with this id, of our own site or of the original's files.

    Raises:
        DataError: there is none, or it cannot be read.
        UnavailableError: it is the original's, whose files are not there.
    """
    if (match := _OWN.fullmatch(id)) and match[2] in TEMPLATES and int(match[1]) <= LAST_WORLD:
        return _own_spec(int(match[1]), match[2])
    if (match := _FILE.fullmatch(id)) and id in (file := load_file(match[1], data_dir)).records:
        return file.spec(id)
    raise DataError(
        f"no WebArena task {id[:60]!r}: wanted site:WORLD:TEMPLATE with a template of "
        f"{', '.join(TEMPLATES)}; miniwob:PAGE; webarena:NUMBER or webarena_lite:NUMBER"
    )


def fresh_tasks(numbers: range) -> Iterator[Task]:
    """The training tasks with these numbers among those that are in no panel, each in a world of its own.

    What a task of the panel ``valid`` asks for in the same words and judges alike is passed over. From number
    ``FIRST_MIXED`` on they are of worlds whose words have changed places.
    """
    first = FIRST_MIXED if numbers.start >= FIRST_MIXED else 0
    worlds = range(FIRST_MIXED, LAST_WORLD + 1) if first else range(SIZES[TRAIN], FIRST_WORLD[VALID])
    return map(task_named, islice(_fresh_names(worlds), numbers.start - first, numbers.stop - first))


def _fresh_names(worlds: range) -> Iterator[str]:
    templates, evaluated = list(TEMPLATES), {_asked(record) for record in own_records(VALID)}
    for world in worlds:
        record = make_record(world, templates[world % len(templates)])
        if _asked(record) not in evaluated:
            yield f"site:{record['task_id']}"


def _asked(record: dict[str, Any]) -> tuple[str, str]:
    """What a task says, and how it is judged."""
    return record["intent"], json.dumps(record["eval"], sort_keys=True)


@lru_cache(maxsize=4096)
def _own_spec(world: int, template: str) -> TaskSpec:
    return read_spec(make_record(world, template), f"site:{world}:{template}")


@lru_cache(maxsize=8)
def _own_panel(name: str, size: int) -> Panel:
    records = own_records(name)[:size]
    tasks = tuple(task_named(f"site:{record['task_id']}") for record in records)
    worlds = "\n".join(_dump(record["world"]) for record in records)
    return Panel(name=name, tasks=tasks, digest=_digest(json.dumps(records, sort_keys=True) + worlds))


def own_records(name: str) -> list[dict[str, Any]]:
    """The tasks of our own site's panel as WebArena's files have theirs, one world after the other."""
    templates = list(TEMPLATES)
    return [
        make_record(FIRST_WORLD[name] + number, templates[number % len(templates)])
        for number in range(SIZES[name])
    ]


def _dump(world: int) -> str:
    """All rows of a world, independent of how a version of SQLite stores them."""
    db = open_world(world)
    try:
        tables = [
            row["name"]
            for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        rows = {
            name: [list(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY rowid")] for name in tables
        }
    finally:
        db.close()
    return json.dumps(rows)


def _bounded(name: str, available: int, size: int | None) -> int:
    if size is not None and size > available:
        raise ValueError(f"the panel {name} has {available} tasks, not {size}")
    return available if size is None else size


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
