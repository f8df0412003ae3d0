"""``dreamgym play``: a person, or a list of commands, in the real environment or in the dream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamgym.cli.person import ask, greet, introduce, show_text
from dreamgym.cli.script import read_commands, show_json
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError
from dreamgym.environments.base_env import Environment, Observation, Reporting, StepResult
from dreamgym.training.settings import ALFWORLD, TRACES, RunFlags, resolve
from dreamgym.utils.commands import explained

if TYPE_CHECKING:
    from dreamgym.core.config import DreamGymConfig

Tell = Callable[[Task, Observation], None]
Ask = Callable[[Task, Observation], str | None]
Show = Callable[[StepResult, Mapping[str, str]], None]
Open = Callable[[], Awaitable[tuple[Environment, Task]]]


@explained
def play(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="SECTION.KEY=VALUE", help="Settings, such as reasoning_model.name=FOLDER."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file, such as configs/webshop_dream.yaml.")
    ] = None,
    env: Annotated[
        str | None, typer.Option(help="Environment; default: that of --config, else alfworld.")
    ] = None,
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
      dreamgym play --config configs/webshop_dream.yaml --dream
    """
    if sum(choice is not None for choice in (task, game, seed)) > 1:
        raise ConfigError("--task, --game and --seed each name a game: give one of them")
    settings = resolve(
        RunFlags(config=config, env=env or (None if config else ALFWORLD), overrides=overrides or ())
    )
    name = settings.environment.name
    if game is not None and name != ALFWORLD:
        raise ConfigError(f"--game is a file of ALFWorld's, and --env is {name}: use --task or --seed")
    if name == TRACES:
        raise ConfigError(
            "traces cannot be played by hand: their episodes are in the run's folder 'episodes'"
        )
    commands = None if actions is None else iter(read_commands(actions))
    opened = _opener(settings, task, game, seed, dream=dream)
    show = show_json if as_json else show_text
    if commands is None:
        greet()
        asyncio.run(_play(opened, _silent if as_json else introduce, ask, show))
    else:
        asyncio.run(_play(opened, _silent, lambda *_: next(commands, None), show))


def _silent(task: Task, seen: Observation) -> None:
    """A program is told nothing but the episode."""


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
    dreamed = _dream(config, domain.over) if dream else None
    chosen = domain.generated(seed or 0) if task is None else domain.task_named(task)
    if dream and domain.replays_truth:  # where it does not, the dream imagines the task's world
        chosen = replace(chosen, sheet=domain.true_sheet(chosen))

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


def _dream(config: DreamGymConfig, over: tuple[str, ...] = ()) -> Environment:
    """The dream, grounded in the offline data and ended by the words ``over`` like that of a run."""
    from dreamgym.environments.dream import DreamEnv
    from dreamgym.training.grounds import open_dream

    return DreamEnv(open_dream(config), max_turns=config.environment.dream_max_turns, over=over)


async def _play(opened: Open, tell: Tell, ask: Ask, show: Show) -> None:
    """One episode, closed in every case."""
    environment, task = await opened()
    report = environment.report if isinstance(environment, Reporting) else dict[str, str]
    try:
        seen = await environment.reset(task, 0)
        tell(task, seen)
        show(StepResult(observation=seen, reward=0.0, terminated=False, truncated=False), report())
        while True:
            await asyncio.sleep(0)  # a Ctrl-C during what never waited is heard here
            if (command := ask(task, seen)) is None:
                return
            result = await environment.step(command)
            show(result, report())
            seen = result.observation
            if result.terminated or result.truncated:
                return
    finally:
        await environment.close()
