"""How often policies win the tasks of our own site, played on its pages without a browser.

python benchmarks/webarena_without_browser.py data/checkpoints/webarena_dream/policy_iter_0035/policy
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from dreamgym.core.config import PolicyModelConfig
from dreamgym.core.data_structures import Group, Origin, Task
from dreamgym.environments.webarena.panels import panel
from dreamgym.environments.webarena.still.still_env import StillEnv
from dreamgym.training.models import load_policy
from dreamgym.training.rollout import EnvironmentMaker, collect
from dreamgym.utils.stats import wilson

MAX_TURNS, MAX_ACTION_TOKENS, CONTEXT_LENGTH = 15, 48, 4096  # as configs/webarena_dream.yaml has them
EVALUATION_SEED, SAMPLING_SEED = 5, 1


def main(
    policies: Annotated[list[Path], typer.Argument(help="Folders of policies.")],
    split: Annotated[str, typer.Option(help="Panel: valid or train.")] = "valid",
    trials: Annotated[int, typer.Option(help="Tries at each task.")] = 3,
) -> None:
    """Play every task of the panel with each policy, and print how often it won, kind by kind."""
    for folder in policies:
        groups = asyncio.run(_play(folder, panel(split).tasks, trials))
        played = [episode for group in groups for episode in group.scored]
        failed = sum(len(group.trajectories) for group in groups) - len(played)
        won = Counter(episode.task.task_type for episode in played if episode.success)
        tried = Counter(episode.task.task_type for episode in played)
        rate = wilson(won.total(), tried.total()).percent()
        print(f"{folder}: {rate} of {tried.total()} tries at {split}, {failed} failed")
        print("  " + ", ".join(f"{kind} {won[kind]}/{tried[kind]}" for kind in sorted(tried)), flush=True)


async def _play(folder: Path, tasks: tuple[Task, ...], trials: int) -> list[Group]:
    """All tries of a policy."""
    config = PolicyModelConfig(
        name=str(folder), max_action_tokens=MAX_ACTION_TOKENS, context_length=CONTEXT_LENGTH
    )
    return await collect(
        tasks,
        load_policy(config, seed=SAMPLING_SEED),
        _world,
        origin=Origin.REAL,
        seed=EVALUATION_SEED,
        label="eval",
        group_size=trials,
        concurrency=len(tasks),
    )


async def _world(task: Task, seed: int) -> EnvironmentMaker:
    """The site of a task."""
    return lambda: StillEnv(MAX_TURNS)


if __name__ == "__main__":
    typer.run(main)
