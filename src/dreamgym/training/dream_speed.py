"""How many turns a second the shipped dream of an environment answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from random import Random

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.data_structures import Origin, Task, Trajectory
from dreamgym.environments.base_env import Observation
from dreamgym.environments.dream import DreamFactory
from dreamgym.training.grounds import open_grounds
from dreamgym.training.rollout import collect
from dreamgym.training.scripted_policy import ScriptedPolicy

EPISODES = 48


class Repeating:
    """Says what was said in a logged episode of the task."""

    def __init__(self, logged: Trajectory) -> None:
        self._left = iter(logged.transitions)
        self._last = logged.transitions[-1].action.text

    def act(self, seen: Observation) -> str:
        """See ``Player``."""
        turn = next(self._left, None)
        return self._last if turn is None else turn.action.text


def dreamed_turns_per_second(config: DreamGymConfig) -> float:
    """Of held-out episodes' actions, dreamed side by side as a run does; the policy takes no time."""
    with open_grounds(config) as grounds:
        logged = {t.task.id: t for t in grounds.heldout[:EPISODES]}
        tasks = [replace(t.task, sheet=grounds.domain.hindsight(t)) for t in logged.values()]

        def repeat(task: Task, rng: Random) -> Repeating:
            return Repeating(logged[task.id])

        started = time.perf_counter()
        groups = asyncio.run(
            collect(
                tasks,
                ScriptedPolicy(make=repeat),
                DreamFactory(grounds.dream, max_turns=config.environment.dream_max_turns),
                origin=Origin.DREAMED,
                seed=0,
                label="speed",
            )
        )
        seconds = time.perf_counter() - started
    turns = sum(len(t.transitions) for group in groups for t in group.trajectories)
    return round(turns / seconds, 1)
