"""The environments that this version has, each with its tasks and panels, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Sheet, Task, Trajectory
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.environments.alfworld.contradictions import first_contradiction
from dreamgym.environments.alfworld.env import AlfworldEnv
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.hindsight import hindsight_sheet
from dreamgym.environments.alfworld.panels import game_of, panel
from dreamgym.environments.alfworld.variations import AlfworldVariator
from dreamgym.models.curriculum_generator import TaskVariator
from dreamgym.training.rollout import EnvironmentFactory, EnvironmentMaker


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """A real environment: panels, how to make it, how to vary tasks, what a trajectory shows of it,
    and at which turn it contradicts itself."""

    name: str
    panels: Callable[[str, int | None], Sequence[Task]]
    make_real: EnvironmentFactory
    variator: TaskVariator
    hindsight: Callable[[Trajectory], Sheet]
    contradiction: Callable[[Trajectory], int | None]
    true_sheet: Callable[[Task], Sheet]  # only to measure a dream beside the real world


def alfworld(config: EnvironmentConfig) -> Domain:
    """ALFWorld in our own engine."""

    def panels(name: str, size: int | None) -> Sequence[Task]:
        try:
            return panel(name, size, config.data_dir).tasks
        except ValueError as error:
            raise ConfigError(f"{error}: lower training.eval_episodes or --num-episodes") from None

    async def make_real(task: Task, seed: int) -> EnvironmentMaker:
        return lambda: AlfworldEnv(config.max_turns, config.data_dir, show_admissible=config.show_admissible)

    return Domain(
        name="alfworld",
        panels=panels,
        make_real=make_real,
        variator=AlfworldVariator(),
        hindsight=hindsight_sheet,
        contradiction=first_contradiction,
        true_sheet=lambda task: sheet_of_game(game_of(task, config.data_dir)),
    )


DOMAINS: dict[str, Callable[[EnvironmentConfig], Domain]] = {"alfworld": alfworld}


def open_domain(config: EnvironmentConfig) -> Domain:
    """The environment ``config.name``.

    Raises:
        UnavailableError: this version does not have it yet.
    """
    if config.name not in DOMAINS:
        raise UnavailableError(
            f"the environment '{config.name}' is not in this version yet, only {', '.join(DOMAINS)}: "
            "choose --env alfworld"
        )
    return DOMAINS[config.name](config)
