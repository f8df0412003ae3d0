"""What offline trajectories have shown of the worlds of training tasks: where dreams of them start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from dreamgym.core.data_structures import Sheet, Task, Trajectory
from dreamgym.core.errors import ConfigError
from dreamgym.models.sheet import is_told, what_is_known
from dreamgym.training.domains.domain import Domain


def with_known_sheets(domain: Domain, tasks: Sequence[Task], offline: Sequence[Trajectory]) -> list[Task]:
    """``tasks`` with what the trajectories have shown of each; the dream imagines the rest.

    Where the domain ``needs_episode``, all tasks that some trajectory tells of are dreamed, and no others:
    those that are not among ``tasks`` come after them.

    Raises:
        ConfigError: the domain ``needs_episode``, and no trajectory tells enough of any task.
    """
    shown: dict[str, list[Sheet]] = defaultdict(list)
    for trajectory in offline:
        shown[trajectory.task.id].append(domain.hindsight(trajectory))
    if domain.needs_episode:
        logged, listed = {played.task.id: played.task for played in offline}, {task.id for task in tasks}
        tasks = [*tasks, *(task for id, task in logged.items() if id not in listed)]
    known = [
        replace(task, sheet=_together(domain, shown[task.id])) if task.id in shown else task for task in tasks
    ]
    if not (domain.needs_episode and offline):
        return known
    told = [task for task in known if task.sheet is not None and is_told(task.sheet)]
    if not told:
        raise ConfigError(
            f"no trajectory of environment.offline_data tells what a task of '{domain.name}' wants, so none "
            f"can be dreamed: `dreamgym collect --env {domain.name}` plays its training tasks"
        )
    return told


def _together(domain: Domain, sheets: Sequence[Sheet]) -> Sheet:
    """The sheets of one task's trajectories as one."""
    return domain.together(sorted(sheets, key=what_is_known, reverse=True))
