"""Pinned panels of tasks: ``train`` and ``valid`` are generated, on scenes of their own; ``valid_seen`` is
ALFWorld's, for whom the official games are at hand.

A panel is sorted, and its digest is that of its games: two runs that name the same panel play the same games.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

from dreamgym.core.data_structures import Task, TaskOrigin
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.core.serialization import encode
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.game import Game
from dreamgym.environments.alfworld.generator import VALID_SCENES, generate_game
from dreamgym.environments.alfworld.official import load_games
from dreamgym.environments.panel import Panel

DATA_VARIABLE = "DREAMGYM_DATA"
SIZES = {"train": 1000, "valid": 240}
TASKS_PER_SCENE = {"train": 2, "valid": 1}
OFFICIAL = ("valid_seen",)
OFFICIAL_SPLITS = ("train", "valid_seen", "valid_unseen")
_GENERATED = re.compile(r"gen/(?:train|valid)/(\d{6})-(\d+)/")


def panel(name: str, size: int | None = None, data_dir: Path | None = None) -> Panel:
    """The panel ``name``, or ``size`` tasks of it.

    Raises:
        UnavailableError: no panel has this name, or the official games are not there.
        ValueError: the panel is smaller than ``size``.
    """
    if name in OFFICIAL:
        return _panel_of(name, _spread(list(official_games(name, data_dir).values()), size))
    if name in SIZES:
        return _generated_panel(name, SIZES[name] if size is None else size)
    raise UnavailableError(f"no panel {name!r}: choose one of {', '.join((*SIZES, *OFFICIAL))}")


def generated_tasks(first_scene: int, *, per_scene: int = 1) -> Iterator[Task]:
    """Tasks of one scene after the other, without end; no two of a scene are the same."""
    for scene_seed in count(first_scene):
        for game in _scene_games(scene_seed, per_scene):
            yield task_of(game, split="train" if scene_seed < VALID_SCENES else "valid")


def task_of(game: Game, *, split: str) -> Task:
    """The task of a game, with the first thing the engine says."""
    return Task(
        id=game.id,
        environment="alfworld",
        instruction=game.instruction,
        task_type=game.task_type,
        split=split,
        opening=World(game).reset(),
    )


def task_named(id: str, data_dir: Path | None = None) -> Task:
    """The task with this id, generated or official, to be played by hand; errors as of ``game_named``."""
    return task_of(game_named(id, data_dir), split="play")


def game_of(task: Task, data_dir: Path | None = None) -> Game:
    """The game behind a task.

    Raises:
        DataError: the task has no real game, or belongs to another version of the generator.
        UnavailableError: it is an official one, and the official games are not there.
    """
    if task.origin is TaskOrigin.SYNTHETIC:
        raise DataError(f"task {task.id} was imagined: there is no real game of it, play it in the dream")
    game = game_named(task.id, data_dir)
    if game.instruction != task.instruction:
        raise DataError(
            f"task {task.id} is of another version of the generator: here it is {game.instruction!r}"
        )
    return game


def game_named(id: str, data_dir: Path | None = None) -> Game:
    """The game with this id, generated or official.

    Raises:
        DataError: there is none.
        UnavailableError: it is an official one, and the official games are not there.
    """
    if match := _GENERATED.match(id):
        game = _generated_game(int(match[1]), int(match[2]))
        if game.id != id:
            raise DataError(f"task {id} is of another version of the generator: here it is {game.id}")
        return game
    split = id.partition("/")[0]
    games = official_games(split, data_dir) if split in OFFICIAL_SPLITS else {}
    if id not in games:
        raise DataError(f"no ALFWorld game {id!r}; a generated one reads like {_generated_game(123, 0).id}")
    return games[id]


def scene_of(task: Task) -> str:
    """The scene of a task: ``000123`` generated, ``FloorPlan`` number official."""
    if match := _GENERATED.match(task.id):
        return match[1]
    return task.id.split("/")[1].rpartition("-")[2] if task.id.count("/") else task.id


def official_games(split: str, data_dir: Path | None = None) -> dict[str, Game]:
    """The official games of a split by id, sorted; ``data_dir`` or DREAMGYM_DATA names their folder."""
    folder = data_dir or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if folder is None:
        raise UnavailableError(
            f"{split} are official ALFWorld games, which are not part of this package: "
            f"set {DATA_VARIABLE} or environment.data_dir to the folder that holds alfworld/{split}.jsonl.xz"
        )
    return _load(folder, split)


def digest(games: list[Game]) -> str:
    """SHA-256 of games in their order, independent of how Python orders sets."""
    texts = (json.dumps(encode(game), ensure_ascii=True, sort_keys=True) for game in games)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@lru_cache(maxsize=4)
def _load(folder: Path, split: str) -> dict[str, Game]:
    return {game.id: game for game in sorted(load_games(folder, split), key=lambda game: game.id)}


@lru_cache(maxsize=2048)
def _generated_game(scene_seed: int, task_seed: int) -> Game:
    return generate_game(scene_seed, task_seed)


@lru_cache(maxsize=8)
def _generated_panel(name: str, size: int) -> Panel:
    if size > SIZES[name]:
        raise ValueError(f"the panel {name} has {SIZES[name]} tasks, not {size}")
    scenes = count(VALID_SCENES if name == "valid" else 0)
    games = (game for scene in scenes for game in _scene_games(scene, TASKS_PER_SCENE[name]))
    return _panel_of(name, list(islice(games, size)))


def _panel_of(name: str, games: list[Game]) -> Panel:
    games = sorted(games, key=lambda game: game.id)
    return Panel(name=name, tasks=tuple(task_of(game, split=name) for game in games), digest=digest(games))


@lru_cache(maxsize=2048)
def _scene_games(scene_seed: int, number: int) -> tuple[Game, ...]:
    """The first ``number`` different tasks of a scene; fewer where the scene admits no more."""
    games: dict[object, Game] = {}
    for task_seed in range(20 * number):
        game = _generated_game(scene_seed, task_seed)
        games.setdefault(game.goal, game)
        if len(games) == number:
            break
    return tuple(games.values())


def _spread(games: list[Game], size: int | None) -> list[Game]:
    """``size`` games at equal distances, so that a part of a sorted list still has every type."""
    if size is None:
        return games
    if size > len(games):
        raise ValueError(f"there are {len(games)} such games, not {size}")
    return [games[index * len(games) // size] for index in range(size)]
