"""ALFWorld in our own engine."""

from __future__ import annotations

from collections.abc import Sequence

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError
from dreamgym.environments.alfworld.contradictions import first_contradiction
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.hindsight import hindsight_sheet
from dreamgym.environments.alfworld.panels import (
    OFFICIAL,
    SIZES,
    game_of,
    generated_tasks,
    panel,
    task_named,
)
from dreamgym.environments.alfworld.replay import replay
from dreamgym.environments.alfworld.variations import AlfworldVariator
from dreamgym.training.domains.domain import Domain, tasks_of
from dreamgym.training.domains.household import Household
from dreamgym.training.domains.real_worlds import real_factory, spec_of

NAME = "alfworld"
ENVIRONMENT = "dreamgym.environments.alfworld.env:AlfworldEnv"


def alfworld(config: EnvironmentConfig) -> Domain:
    """The domain; ``config.data_dir`` adds the official games."""

    def panels(name: str, size: int | None) -> Sequence[Task]:
        return tasks_of(lambda: panel(name, size, config.data_dir))

    def generated(seed: int) -> Task:
        try:
            return next(generated_tasks(seed))
        except ValueError as error:
            raise ConfigError(f"--seed: {error}") from None

    return Domain(
        name=NAME,
        panels=panels,
        make_real=real_factory(spec_of(NAME, ENVIRONMENT, config), config.workers),
        task_named=lambda id: task_named(id, config.data_dir),
        generated=generated,
        sizes=SIZES,
        originals=OFFICIAL,
        cast=Household(config.data_dir),
        variator=AlfworldVariator(),
        hindsight=hindsight_sheet,
        contradiction=first_contradiction,
        true_sheet=lambda task: sheet_of_game(game_of(task, config.data_dir)),
        replay=replay,
    )
