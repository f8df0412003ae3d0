"""``dreamgym play``: a person, or a list of commands, in the real environment or in the dream."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.environments.base_env import Environment, Observation, Reporting, StepResult
from dreamgym.training.episode_text import safe_text
from dreamgym.training.settings import ALFWORLD, TRACES, RunFlags, resolve
from dreamgym.utils.commands import explained

if TYPE_CHECKING:
    from dreamgym.core.config import DreamGymConfig

Ask = Callable[[Observation], str | None]
Show = Callable[[StepResult, Mapping[str, str]], None]
Open = Callable[[], Awaitable[tuple[Environment, Task]]]


@explained
def play(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="SECTION.KEY=VALUE", help="Settings, such as reasoning_model.name=FOLDER."),
    ] = None,
    env: Annotated[str, typer.Option(help="Environment.")] = "alfworld",
    task: Annotated[
        str | None,
        typer.Option(help="A task by its name, original or generated, such as goal:100 in webshop."),
    ] = None,
    game: Annotated[Path | None, typer.Option(help="A game.tw-pddl file of ALFWorld.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of a generated task; 0 where nothing is named.")
    ] = None,
    dream: Annotated[bool, typer.Option("--dream", help="Play in the dream.")] = False,
    actions: Annotated[
        Path | None,
        typer.Option(help="JSON list of actions to play instead of asking; - reads standard input."),
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
      dreamgym play --env webshop --task goal:100
      dreamgym play --env taubench --task retail:test:7 --actions calls.json --json
    """
    if sum(choice is not None for choice in (task, game, seed)) > 1:
        raise ConfigError("--task, --game and --seed each name a game: give one of them")
    if game is not None and env != ALFWORLD:
        raise ConfigError(f"--game is a file of ALFWorld's, and --env is {env}: use --task or --seed")
    if env == TRACES:
        raise ConfigError(
            "traces cannot be played by hand: their episodes are in the run's folder 'episodes'"
        )
    config = resolve(RunFlags(env=env, overrides=overrides or ()))
    scripted = None if actions is None else iter(_read_commands(actions))
    opened = _opener(config, task, game, seed, dream=dream)
    if scripted is None:
        print("Type a command, ? for what is possible, an empty line to leave.\n", file=sys.stderr)
    ask = _ask_person if scripted is None else lambda seen: next(scripted, None)
    asyncio.run(_play(opened, ask, _show_json if as_json else _show_text))


def _opener(
    config: DreamGymConfig, task: str | None, file: Path | None, seed: int | None, *, dream: bool
) -> Open:
    """What makes the environment and finds the task, in the loop that will play it."""
    from dreamgym.training.domains.registry import open_domain
    from dreamgym.training.models import environment_client

    # A person may ask for what is possible, whatever the policy is shown; a dream cannot tell.
    shown = config.environment.model_copy(update={"show_admissible": True})
    domain = open_domain(shown, environment_client(config))
    if file is not None:
        return _game_file(config, file, dream=dream)
    chosen = domain.generated(seed or 0) if task is None else domain.task_named(task)
    dreamed = _dream(config) if dream else None

    async def opened() -> tuple[Environment, Task]:
        if dreamed is not None:
            return dreamed, chosen
        return (await domain.real_world(chosen, 0))(), chosen

    return opened


def _game_file(config: DreamGymConfig, file: Path, *, dream: bool) -> Open:
    """A game of ALFWorld's from its file."""
    from dreamgym.environments.alfworld.env import AlfworldEnv
    from dreamgym.environments.alfworld.official import load_game_file
    from dreamgym.environments.alfworld.panels import task_of

    loaded = load_game_file(file)
    environment: Environment = (
        _dream(config)
        if dream
        else AlfworldEnv(config.environment.max_turns, show_admissible=True, game=loaded)
    )

    async def opened() -> tuple[Environment, Task]:
        return environment, task_of(loaded, split="play")

    return opened


def _dream(config: DreamGymConfig) -> Environment:
    """The dream, grounded in the offline data like that of a run."""
    from dreamgym.environments.dream import DreamEnv
    from dreamgym.training.grounds import open_dream

    return DreamEnv(open_dream(config), max_turns=config.environment.dream_max_turns)


async def _play(opened: Open, ask: Ask, show: Show) -> None:
    """One episode, closed in every case."""
    environment, task = await opened()
    report = environment.report if isinstance(environment, Reporting) else dict[str, str]
    try:
        seen = await environment.reset(task, 0)
        show(StepResult(observation=seen, reward=0.0, terminated=False, truncated=False), report())
        while (command := ask(seen)) is not None:
            result = await environment.step(command)
            show(result, report())
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
        print("\n".join(seen.admissible or ("the possible actions are not listed here",)), file=sys.stderr)


def _show_json(result: StepResult, report: Mapping[str, str]) -> None:
    """One line of JSON; what the environment reports besides comes after what every one says."""
    record = {
        "observation": result.observation.text,
        "admissible": result.observation.admissible,
        "reward": result.reward,
        "terminated": result.terminated,
        "truncated": result.truncated,
        "won": result.won,
    }
    record |= {name: text for name, text in report.items() if name not in record}
    print(json.dumps(record), flush=True)


def _show_text(result: StepResult, report: Mapping[str, str]) -> None:
    """What a person reads; a dream may say anything, so control characters are shown as such."""
    if result.reasoning:
        print("\n".join(f"  | {line}" for line in safe_text(result.reasoning).strip().split("\n")))
    print(safe_text(result.observation.text), end="\n\n")
    if result.won:
        print("You have won.")
    elif result.terminated or result.truncated:
        print("The episode is over." if result.terminated else "That was the last turn allowed.")
