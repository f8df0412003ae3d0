"""A domain out of an environment's folder: what `environments/<name>/` gives by the names agreed on.

``env.py`` holds the class, ``panels.py`` the functions ``panel`` and ``task_named``. They are loaded by name
when the domain is opened, so that a part that is not there, or that needs an extra, is nobody else's trouble.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError
from dreamgym.environments.panel import Panel
from dreamgym.environments.players import PlayerMaker, RandomPlayer
from dreamgym.training.domains.domain import Domain, tasks_of
from dreamgym.training.domains.players_cast import PlayersCast
from dreamgym.training.domains.real_worlds import real_factory, spec_of

FOLDER = "dreamgym.environments"


class Panels(Protocol):
    """The module ``panels`` of an environment."""

    SIZES: Mapping[str, int]  # of the generated panels, train and valid

    def panel(self, name: str, size: int | None = None, data_dir: Path | None = None) -> Panel:
        """The pinned panel ``name``, or ``size`` tasks of it."""
        ...

    def task_named(self, name: str, data_dir: Path | None = None) -> Task:
        """The task that a person names."""
        ...


def is_present(name: str) -> bool:
    """Whether this version has the environment's folder and the class's file in it."""
    return find_spec(f"{FOLDER}.{name}") is not None and find_spec(f"{FOLDER}.{name}.env") is not None


def plugged(
    name: str,
    environment: str,
    config: EnvironmentConfig,
    players: Mapping[str, PlayerMaker],
    originals: tuple[str, ...] = (),
    options: tuple[tuple[str, str], ...] = (),
) -> Domain:
    """The domain of ``environments/<name>/``.

    ``environment`` is its class, ``options`` what that alone is told, ``players`` are its own, ``originals``
    its panels that need others' data.
    """
    tables = cast(Panels, import_module(f"{FOLDER}.{name}.panels"))
    spec = spec_of(name, f"{FOLDER}.{name}.env:{environment}", config, options)

    def panels(panel: str, size: int | None) -> Sequence[Task]:
        return tasks_of(lambda: tables.panel(panel, size, config.data_dir))

    def generated(seed: int) -> Task:
        try:
            return tables.panel("train", seed + 1, config.data_dir).tasks[seed]
        except ValueError as error:
            raise ConfigError(f"--seed {seed}: {error}") from None

    def training(episodes: int) -> Sequence[Task]:
        try:
            return tables.panel("train", episodes, config.data_dir).tasks
        except ValueError:  # fewer than that, which are played more than once
            return panels("train", None)

    return Domain(
        name=name,
        panels=panels,
        make_real=real_factory(spec, config.workers),
        task_named=lambda id: tables.task_named(id, config.data_dir),
        generated=generated,
        sizes=tables.SIZES,
        originals=originals,
        cast=PlayersCast(
            spec=spec,
            workers=config.workers,
            players={"random": RandomPlayer, **players},
            training=training,
            fresh=getattr(tables, "fresh_tasks", None),
        ),
    )


def own_parts(name: str, *modules: str) -> list[Any]:
    """Modules of ``environments/<name>/``, each an object with what it defines."""
    return [import_module(f"{FOLDER}.{name}.{module}") for module in modules]
