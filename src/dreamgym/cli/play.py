"""``dreamgym play``: a person, or a list of commands, in the real environment or in the dream."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.environments.base_env import Environment, Observation, StepResult
from dreamgym.training.episode_text import safe_text
from dreamgym.training.settings import TRACES, RunFlags, resolve
from dreamgym.utils.commands import explained

if TYPE_CHECKING:
    from dreamgym.core.config import DreamGymConfig
    from dreamgym.environments.alfworld.game import Game

Ask = Callable[[Observation], str | None]
Show = Callable[[StepResult], None]


@explained
def play(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="SECTION.KEY=VALUE", help="Settings, such as reasoning_model.name=FOLDER."),
    ] = None,
    env: Annotated[str, typer.Option(help="Environment.")] = "alfworld",
    task: Annotated[str | None, typer.Option(help="Id of a task, official or generated.")] = None,
    game: Annotated[Path | None, typer.Option(help="A game.tw-pddl file.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of a generated scene; 0 where nothing is named.")
    ] = None,
    dream: Annotated[bool, typer.Option("--dream", help="Play in the dream.")] = False,
    actions: Annotated[
        Path | None,
        typer.Option(help="JSON list of commands to play instead of asking; - reads standard input."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per turn, the reset first.")
    ] = False,
) -> None:
    """Play an episode yourself, in the real environment or in the dream.

    \b
    Examples:
      dreamgym play --env alfworld
      dreamgym play --env alfworld --seed 7 --dream
      dreamgym play --env alfworld --game path/to/game.tw-pddl --actions walkthrough.json --json
    """
    if sum(choice is not None for choice in (task, game, seed)) > 1:
        raise ConfigError("--task, --game and --seed each name a game: give one of them")
    if env == TRACES:
        raise ConfigError(
            "traces cannot be played by hand: their episodes are in the run's folder 'episodes'"
        )
    config = resolve(RunFlags(env=env, overrides=overrides or ()))
    scripted = None if actions is None else iter(_read_commands(actions))
    chosen, loaded = _choose(config, task, game, seed)
    environment = _dream(config) if dream else _real(config, loaded)
    if scripted is None:
        print("Type a command, ? for what is possible, an empty line to leave.\n", file=sys.stderr)
    ask = _ask_person if scripted is None else lambda seen: next(scripted, None)
    asyncio.run(_play(environment, chosen, ask, _show_json if as_json else _show_text))


def _choose(
    config: DreamGymConfig, task: str | None, file: Path | None, seed: int | None
) -> tuple[Task, Game | None]:
    """The task, and its game where it comes from a file."""
    from dreamgym.environments.alfworld.official import load_game_file
    from dreamgym.environments.alfworld.panels import game_named, generated_tasks, task_of
    from dreamgym.training.domains import open_domain

    open_domain(config.environment)
    if file is not None:
        loaded = load_game_file(file)
        return task_of(loaded, split="play"), loaded
    if task is not None:
        loaded = game_named(task, config.environment.data_dir)
        return task_of(loaded, split="play"), loaded
    try:
        return next(generated_tasks(seed or 0)), None
    except ValueError as error:
        raise ConfigError(f"--seed: {error}") from None


def _real(config: DreamGymConfig, loaded: Game | None) -> Environment:
    from dreamgym.environments.alfworld.env import AlfworldEnv

    return AlfworldEnv(
        config.environment.max_turns, config.environment.data_dir, show_admissible=True, game=loaded
    )


def _dream(config: DreamGymConfig) -> Environment:
    """The dream, grounded in the offline data like that of a run."""
    from dreamgym.environments.dream import DreamEnv
    from dreamgym.training.grounds import open_dream

    return DreamEnv(open_dream(config), max_turns=config.environment.dream_max_turns)


async def _play(environment: Environment, task: Task, ask: Ask, show: Show) -> None:
    """One episode, closed in every case."""
    try:
        seen = await environment.reset(task, 0)
        show(StepResult(observation=seen, reward=0.0, terminated=False, truncated=False))
        while (command := ask(seen)) is not None:
            result = await environment.step(command)
            show(result)
            seen = result.observation
            if result.terminated or result.truncated:
                return
    finally:
        await environment.close()


def _read_commands(path: Path) -> list[str]:
    """The commands of a JSON list."""
    try:
        commands = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the actions {path}: {getattr(error, 'strerror', error)}") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: not JSON ({error.msg}), wanted a list of commands"
        ) from None
    except RecursionError:
        raise DataError(f"{path}: nested too deeply, wanted a list of commands") from None
    if not isinstance(commands, list):
        raise DataError(
            f'{path}: found a {type(commands).__name__}, wanted a list such as ["look", "inventory"]'
        )
    for number, command in enumerate(commands, start=1):
        if not isinstance(command, str):
            raise DataError(f"{path}, command {number}: found {command!r}, wanted a string")
    return commands


def _ask_person(seen: Observation) -> str | None:
    """A command that a person types; ``?`` lists what is possible, an empty line leaves.

    What is said to the person goes to standard error: standard output holds the episode alone.
    """
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        try:
            command = input().strip()
        except EOFError:
            return None
        if command != "?":
            return command or None
        print("\n".join(seen.admissible or ("the dream lists no commands",)), file=sys.stderr)


def _show_json(result: StepResult) -> None:
    """One line of JSON."""
    record = {
        "observation": result.observation.text,
        "admissible": result.observation.admissible,
        "reward": result.reward,
        "terminated": result.terminated,
        "truncated": result.truncated,
        "won": result.won,
    }
    print(json.dumps(record), flush=True)


def _show_text(result: StepResult) -> None:
    """What a person reads; a dream may say anything, so control characters are shown as such."""
    if result.reasoning:
        print("\n".join(f"  | {line}" for line in safe_text(result.reasoning).strip().split("\n")))
    print(safe_text(result.observation.text), end="\n\n")
    if result.won:
        print("You have won.")
    elif result.terminated or result.truncated:
        print("The episode is over." if result.terminated else "That was the last turn allowed.")
