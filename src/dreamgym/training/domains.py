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
from dreamgym.training.annotation import NO_SHEET, PLAIN
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.rollout import EnvironmentFactory, EnvironmentMaker
from dreamgym.training.settings import TRACES
from dreamgym.training.traces.convert import OVER


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """A real environment: panels, how to make it, how to vary tasks, what a trajectory shows of it, and at
    which turn it contradicts itself.

    Without ``make_real`` it is in its trajectories and nowhere else: nothing can be played or replayed for
    real. ``over`` are the words by which a dream of it ends an episode without a win.
    """

    name: str
    panels: Callable[[str, int | None], Sequence[Task]]
    make_real: EnvironmentFactory | None
    variator: TaskVariator | None
    hindsight: Callable[[Trajectory], Sheet]
    contradiction: Callable[[Trajectory], int | None]
    true_sheet: Callable[[Task], Sheet]  # only to measure a dream beside the real world
    over: str = ""

    @property
    def real_world(self) -> EnvironmentFactory:
        """``make_real``, where it is asked for.

        Raises:
            ConfigError: there is none.
        """
        if self.make_real is None:
            raise ConfigError(
                f"the environment '{self.name}' is in its trajectories alone, so nothing can be played in it "
                "for real: use --dream where success is measured, or another --env"
            )
        return self.make_real


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


def traces(config: EnvironmentConfig) -> Domain:
    """Users' own traces: the tasks are theirs, the world is nowhere else."""
    folder = config.offline_data
    if folder is None:
        raise ConfigError(
            "environment.offline_data is not set: name a folder of ingested traces, or use "
            "`dreamgym train --traces FILE`"
        )

    def panels(name: str, size: int | None) -> Sequence[Task]:
        split = "train" if name == "train" else "heldout"
        tasks = {t.task.id: t.task for t in read_trajectories(folder / f"{split}.jsonl.gz")}
        return list(tasks.values())[:size]

    return Domain(
        name=TRACES,
        panels=panels,
        make_real=None,
        variator=None,
        hindsight=PLAIN.hindsight,
        contradiction=lambda trajectory: None,  # nothing is known by which an answer could not be
        true_sheet=lambda task: NO_SHEET,
        over=OVER,
    )


DOMAINS: dict[str, Callable[[EnvironmentConfig], Domain]] = {"alfworld": alfworld, TRACES: traces}


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
