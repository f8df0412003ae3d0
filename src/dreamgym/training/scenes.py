"""The scene of a task: what must not be in two files of a data set, or in training and in evaluation."""

from __future__ import annotations

from dreamgym.core.data_structures import Task
from dreamgym.environments.alfworld.panels import scene_of as room_of
from dreamgym.training.settings import ALFWORLD


def scene_of(task: Task) -> str:
    """ALFWorld's room; elsewhere every task is a scene of its own."""
    return room_of(task) if task.environment == ALFWORLD else task.id
