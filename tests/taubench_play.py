"""Playing episodes of our own shop in tests."""

from __future__ import annotations

from random import Random

from dreamgym.core.data_structures import Task
from dreamgym.environments.base_env import StepResult
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.players import PLAYERS
from dreamgym.environments.taubench.shop import Shop, make_shop


def shop_of(task: Task) -> Shop:
    """The shop of a generated task."""
    _, split, number = task.id.split(":")
    return make_shop(split, int(number))


async def play_with(
    player: str, task: Task, environment: TaubenchEnv | None = None
) -> list[tuple[str, StepResult]]:
    """What a scripted player does in ``task``, with the answers."""
    environment = environment or TaubenchEnv(show_admissible=player != "expert")
    agent = PLAYERS[player](shop_of(task), Random(task.id))
    seen = await environment.reset(task, 0)
    agent.see("", seen.text)
    turns: list[tuple[str, StepResult]] = []
    while not turns or not (turns[-1][1].terminated or turns[-1][1].truncated):
        admissible = seen.admissible or ()
        action = agent.choose(lambda listed=admissible: listed)
        result = await environment.step(action)
        seen = result.observation
        agent.see(action, seen.text)
        turns.append((action, result))
    return turns
