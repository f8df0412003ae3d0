"""Users' own traces: the tasks are theirs, the world is nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError
from dreamgym.training.domains.domain import Domain
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.settings import TRACES
from dreamgym.training.traces.convert import OVER


def traces(config: EnvironmentConfig) -> Domain:
    """The domain of the ingested traces in ``config.offline_data``."""
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
        name=TRACES, panels=panels, make_real=None, task_named=_nothing, generated=_nothing, over=(OVER,)
    )


def _nothing(_: object) -> NoReturn:
    raise ConfigError("traces cannot be played by hand: their episodes are in the run's folder 'episodes'")
