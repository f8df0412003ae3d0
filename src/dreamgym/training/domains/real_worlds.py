"""Real environments for rollouts: in this process, or each in a worker process of its own."""

from __future__ import annotations

from functools import cache

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.environments.base_env import Environment
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.environments.workers.environment import WorkerEnvironment
from dreamgym.environments.workers.pool import WorkerPool
from dreamgym.training.rollout import EnvironmentFactory, EnvironmentMaker


def spec_of(
    name: str, place: str, config: EnvironmentConfig, options: tuple[tuple[str, str], ...] = ()
) -> EnvironmentSpec:
    """The environment of class ``place`` with a run's settings, and ``options`` that it alone has."""
    return EnvironmentSpec(
        name=name,
        place=place,
        max_turns=config.max_turns,
        data_dir="" if config.data_dir is None else str(config.data_dir.absolute()),
        show_admissible=config.show_admissible,
        options=options,
    )


def make_world(spec: EnvironmentSpec, workers: int) -> Environment:
    """A fresh one: here without ``workers``, else in one of so many processes."""
    return WorkerEnvironment(pool_of(spec, workers)) if workers else spec.make()


def real_factory(spec: EnvironmentSpec, workers: int) -> EnvironmentFactory:
    """The factory of ``make_world``."""
    return factory_of(lambda: make_world(spec, workers))


def factory_of(make: EnvironmentMaker) -> EnvironmentFactory:
    """The factory of a real environment, which has nothing to prepare for a group."""

    async def make_real(task: Task, seed: int) -> EnvironmentMaker:
        return make

    return make_real


@cache
def pool_of(spec: EnvironmentSpec, workers: int) -> WorkerPool:
    """The one pool of such environments; it ends with the process, or by its ``close``.

    A worker plays one episode at a time, so a crash ends that one alone.
    """
    return WorkerPool(spec, workers=workers)
