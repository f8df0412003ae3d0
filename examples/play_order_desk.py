"""What a run on traces cannot measure: its policy at the real order desk, which we happen to have.

    python examples/play_order_desk.py data/checkpoints/order_desk/policy_iter_0000.json

Plays the policy of a checkpoint on new tickets. With your own traces there is no such program; here it shows
how far the dreamed success can be believed.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import random
from collections.abc import Callable
from pathlib import Path

from make_tool_traces import MOST_TURNS, TOOLS, Desk

from dreamgym.core.config_io import override_config
from dreamgym.core.data_structures import Origin, Task
from dreamgym.environments.base_env import Environment, Observation, StepResult
from dreamgym.training.checkpoints import read_checkpoint
from dreamgym.training.evaluation import play_panel
from dreamgym.training.models import load_policy

OPENING = f"You can call: {', '.join(TOOLS)}."


class DeskEnv:
    """One ticket; an episode ends when it is closed."""

    name = "order desk"
    origin = Origin.REAL
    sheet = None

    def __init__(self, desk: Desk) -> None:
        self._start, self._desk, self._turns = desk, desk, 0

    async def reset(self, task: Task, seed: int) -> Observation:
        """The ticket as it came."""
        self._desk, self._turns = copy.copy(self._start), 0
        return Observation(text=OPENING)

    async def step(self, action: str) -> StepResult:
        """Call a tool."""
        self._turns += 1
        name, _, rest = action.partition(" ")
        try:
            answer = self._desk.answer(name, json.loads(rest or "{}"))
        except (ValueError, TypeError):
            answer = f"Error: {name} cannot be called so"
        closed = bool(self._desk.result)
        return StepResult(
            observation=Observation(text=answer),
            reward=self._desk.reward if closed else 0.0,
            terminated=closed,
            truncated=not closed and self._turns >= MOST_TURNS,
            valid=not answer.startswith("Error"),
        )

    def snapshot(self) -> object:
        """The ticket as it stands."""
        return copy.copy(self._desk), self._turns

    def restore(self, snapshot: object) -> None:
        """Continue from a snapshot."""
        assert isinstance(snapshot, tuple)
        self._desk, self._turns = copy.copy(snapshot[0]), snapshot[1]

    async def close(self) -> None:
        """Nothing to free."""


def main() -> None:
    """Play, and print the share of tickets that were closed rightly."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--tickets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1_000_000, help="tickets that no trace shows")
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    desks = {f"desk/{number}": Desk.random(rng) for number in range(chosen.tickets)}
    found = read_checkpoint(chosen.checkpoint)
    policy = load_policy(override_config(found.config, []).policy_model)
    found.restore({"policy": policy})

    async def make(task: Task, seed: int) -> Callable[[], Environment]:
        return lambda: DeskEnv(desks[task.id])

    tasks = [Task(id=i, environment="desk", instruction=d.asked, opening=OPENING) for i, d in desks.items()]
    playing = play_panel(policy, tasks, make, origin=Origin.REAL, seed=chosen.seed, label="desk")
    print(f"at the real desk: {asyncio.run(playing).success.percent()} of {chosen.tickets} tickets")


if __name__ == "__main__":
    main()
