"""Official ALFWorld games: ``game.tw-pddl`` files, and whole splits as ``<split>.jsonl.xz``."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from dreamgym.core.errors import DataError
from dreamgym.environments.alfworld.game import Game
from dreamgym.environments.alfworld.layout import Layout
from dreamgym.environments.alfworld.pddl import Problem, game_of_problem
from dreamgym.environments.data_folder import level_hint

TASK_MARK = "Your task is to: "


def load_games(data_dir: Path, split: str) -> Iterator[Game]:
    """The games of ``alfworld/<split>.jsonl.xz`` in file order. Raises DataError with the line number."""
    path = data_dir / "alfworld" / f"{split}.jsonl.xz"
    number = 0
    try:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _game_of_line(line, path, number)
    except FileNotFoundError as error:
        hint = level_hint(path.parent, [path.name]) or "copy it there"
        raise DataError(f"no official games of the split {split!r}: {path} does not exist: {hint}") from error
    except (lzma.LZMAError, EOFError, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}, after line {number}: {error}; the file is damaged, copy it again"
        ) from error


def load_game_file(path: Path) -> Game:
    """The game of one ``game.tw-pddl`` file; its id is the folders that ALFWorld names it by."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        problem = Problem.parse(_text(record, "pddl_problem"))
        game = game_of_problem(
            problem,
            id="/".join(path.resolve().parent.parts[-3:]),
            scene=path.resolve().parent.parent.name.rpartition("-")[2],
            instruction=_instruction(_text(record, "grammar")),
            walkthrough=_commands(record),
        )
        return _playable(game)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a playable game.tw-pddl file: {error}") from error
    except KeyError as error:
        raise DataError(f"{path}: not a playable game.tw-pddl file: nothing says what {error} is") from error


def _game_of_line(line: str, path: Path, number: int) -> Game:
    try:
        record = json.loads(line)
        game = game_of_problem(
            Problem.parse(_text(record, "problem")),
            id=_text(record, "id"),
            scene=_text(record, "scene"),
            instruction=_text(record, "task"),
            walkthrough=_commands(record),
        )
        if record.get("type", game.task_type) != game.task_type:
            raise ValueError(f"type is {record['type']!r}, but the goal is one of {game.task_type}")
        return _playable(game)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {number}: not a playable game: {error}") from error
    except KeyError as error:
        raise DataError(
            f"{path}, line {number}: not a playable game: nothing says what {error} is"
        ) from error


def _playable(game: Game) -> Game:
    """The game, where every thing lies in a receptacle that it has. Raises ValueError."""
    _ = Layout(game).contents  # found when it is laid out, not in the middle of an evaluation
    return game


def _text(record: object, key: str) -> str:
    if not isinstance(record, dict):
        raise ValueError(f"a JSON object was wanted, found {type(record).__name__}")
    value = record.get(key)
    if not isinstance(value, str):
        raise ValueError(
            f"the field {key!r} is {'missing' if value is None else type(value).__name__}, text was wanted"
        )
    return value


def _commands(record: dict[str, object]) -> tuple[str, ...]:
    commands = record.get("walkthrough") or []
    if not isinstance(commands, list) or not all(isinstance(command, str) for command in commands):
        raise ValueError("the field 'walkthrough' is not a list of commands")
    return tuple(cast(list[str], commands))


def _instruction(grammar: str) -> str:
    """The task that a game's grammar says: a JSON string inside the grammar's text."""
    start = grammar.find(TASK_MARK)
    if start < 0:
        raise ValueError(f"its grammar never says {TASK_MARK!r}")
    start += len(TASK_MARK)
    return cast(str, json.loads(f'"{grammar[start : grammar.index(chr(34), start)]}"'))
