"""A corridor of doors: the instruction names the right one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task
from dreamgym.environments.base_env import Observation, StepResult


@dataclass(frozen=True)
class State:
    goal: str = ""
    turn: int = 0
    door: int = 0
    over: bool = False


class StandinEnv:
    """Walk to a door, open it."""

    name, origin, sheet = "standin", Origin.REAL, None

    def __init__(
        self, max_turns: int = 9, data_dir: Path | None = None, *, show_admissible: bool = False
    ) -> None:
        self.max_turns, self.show, self.state = max_turns, show_admissible, State()

    async def reset(self, task: Task, seed: int) -> Observation:
        self.state = State(goal=task.id.rpartition("-")[2])
        return self.see(f"You stand at door 0. {task.instruction}")

    async def step(self, action: str) -> StepResult:
        if self.state.over:
            raise RuntimeError("the episode is over: call reset before the next step")
        text, valid, won, door = self.answer(action)
        turn = self.state.turn + 1
        self.state = replace(self.state, turn=turn, door=door, over=won or turn >= self.max_turns)
        return StepResult(
            observation=self.see(text),
            reward=float(won),
            terminated=won,
            truncated=not won and self.state.over,
            won=won,
            valid=valid,
        )

    def answer(self, action: str) -> tuple[str, bool, bool, int]:
        door = self.state.door
        if action == "open":
            won = str(door) == self.state.goal
            return ("A garden!" if won else "A wall."), True, won, door
        if action in self.walks():
            return f"You stand at door {action[-1]}.", True, False, int(action[-1])
        return "That cannot be done.", False, False, door

    def walks(self) -> tuple[str, ...]:
        return tuple(
            f"walk to {near}" for near in (self.state.door - 1, self.state.door + 1) if 0 <= near < 6
        )

    def see(self, text: str) -> Observation:
        return Observation(text=text, admissible=(*self.walks(), "open") if self.show else None)

    def report(self) -> Mapping[str, str]:
        return {"door": str(self.state.door), "reward": "not for a report to say"}

    def snapshot(self) -> object:
        return self.state

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, State)
        self.state = snapshot

    async def close(self) -> None:
        pass
