"""A world, a policy and an experience model small enough to know the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dreamgym.core.data_structures import Action, Origin, Sheet, Task
from dreamgym.core.errors import ContextFullError
from dreamgym.environments.base_env import Environment, Observation, StepResult


def make_task(name: str = "lamp", **fields: object) -> Task:
    return Task(id=name, environment="countdown", instruction=f"count to {name}", **fields)


class Countdown:
    """Won by saying ``go`` in turn ``length``; ``fails_at`` raises there, ``limit`` truncates."""

    name = "countdown"
    sheet: Sheet | None = None

    def __init__(
        self,
        length: int = 2,
        limit: int = 5,
        *,
        origin: Origin = Origin.REAL,
        fails_at: int | None = None,
        error: Callable[[], BaseException] = lambda: ValueError("the lamp broke"),
    ) -> None:
        self.length, self.limit, self.origin = length, limit, origin
        self.fails_at, self.error = fails_at, error
        self.turn = self.closed = 0
        self.reset_with: tuple[Task, int] | None = None

    async def reset(self, task: Task, seed: int) -> Observation:
        self.turn, self.reset_with = 0, (task, seed)
        return self._seen()

    async def step(self, action: str) -> StepResult:
        self.turn += 1
        await asyncio.sleep(0)
        if self.turn == self.fails_at:
            raise self.error()
        won = self.turn >= self.length and action == "go"
        return StepResult(
            observation=self._seen(),
            reward=float(won),
            terminated=won,
            truncated=not won and self.turn >= self.limit,
            won=won,
        )

    def _seen(self) -> Observation:
        return Observation(text=f"turn {self.turn}")

    def snapshot(self) -> object:
        return self.turn

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, int)
        self.turn = snapshot

    async def close(self) -> None:
        self.closed += 1


class ScriptedPolicy:
    """Says its words in turn, then the last one again; with no words left its context is full."""

    def __init__(self, *words: str) -> None:
        self.words, self.version = words, 0
        self.agents: list[ScriptedAgent] = []

    def start(self, task: Task, seed: int) -> ScriptedAgent:
        self.agents.append(ScriptedAgent(self.words, seed))
        return self.agents[-1]


class ScriptedAgent:
    def __init__(self, words: Sequence[str], seed: int) -> None:
        self.words, self.seed, self.closed = list(words), seed, 0
        self.seen: list[str] = []

    async def act(self, observation: Observation) -> Action:
        await asyncio.sleep(0)
        self.seen.append(observation.text)
        if not self.words:
            raise ContextFullError("the context is full")
        return Action(text=self.words.pop(0) if len(self.words) > 1 else self.words[0])

    def close(self) -> None:
        self.closed += 1


def factory(make: Callable[[], Environment]) -> Callable[[Task, int], object]:
    """An environment factory with nothing to prepare."""

    async def prepare(task: Task, seed: int) -> Callable[[], Environment]:
        return make

    return prepare
