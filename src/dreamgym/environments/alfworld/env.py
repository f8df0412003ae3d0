"""ALFWorld as an environment: a game of the task, played in the engine, with a turn limit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.game import Game
from dreamgym.environments.alfworld.notes import NOTHING
from dreamgym.environments.alfworld.panels import game_of
from dreamgym.environments.alfworld.rules import State
from dreamgym.environments.base_env import Observation, StepResult


@dataclass(frozen=True, kw_only=True, slots=True)
class _Snapshot:
    task: Task
    world: State
    turn: int
    over: bool


class AlfworldEnv:
    """The real environment. ``data_dir`` is needed for official games; ``game`` is played for any task."""

    name = "alfworld"
    origin = Origin.REAL
    sheet = None

    def __init__(
        self,
        max_turns: int = 50,
        data_dir: Path | None = None,
        *,
        show_admissible: bool = False,
        game: Game | None = None,
    ) -> None:
        self._max_turns = max_turns
        self._data_dir = data_dir
        self._show_admissible = show_admissible
        self._game = game
        self._task: Task | None = None
        self._world: World | None = None
        self._turn = 0
        self._over = False

    async def reset(self, task: Task, seed: int) -> Observation:
        """Start the game of ``task``; it holds no chance, so ``seed`` changes nothing."""
        self._begin(task)
        return self._observe(self._playing().reset())

    async def step(self, action: str) -> StepResult:
        """Act; what the engine does not understand is answered by "Nothing happens."."""
        world = self._playing()
        if self._over:
            raise RuntimeError("the episode is over: call reset before the next step")
        outcome = world.step(action)
        self._turn += 1
        truncated = not outcome.done and self._turn >= self._max_turns
        self._over = outcome.done or truncated
        return StepResult(
            observation=self._observe(outcome.observation),
            reward=float(outcome.won),
            terminated=outcome.done,
            truncated=truncated,
            won=outcome.won,
            valid=outcome.observation != NOTHING,
        )

    def snapshot(self) -> object:
        """See ``Environment``."""
        world = self._playing()
        assert self._task is not None
        return _Snapshot(task=self._task, world=world.snapshot(), turn=self._turn, over=self._over)

    def restore(self, snapshot: object) -> None:
        """See ``Environment``; also in another ``AlfworldEnv`` than the snapshot's."""
        if not isinstance(snapshot, _Snapshot):
            raise TypeError(f"{type(snapshot).__name__} is no snapshot of an AlfworldEnv")
        if self._task != snapshot.task:
            self._begin(snapshot.task)
            self._playing().reset()
        self._playing().restore(snapshot.world)
        self._turn, self._over = snapshot.turn, snapshot.over

    async def close(self) -> None:
        """See ``Environment``."""
        self._task = self._world = None

    def _begin(self, task: Task) -> None:
        self._world = World(self._game or game_of(task, self._data_dir))
        self._task, self._turn, self._over = task, 0, False

    def _playing(self) -> World:
        if self._world is None:
            raise RuntimeError("no episode was started: call reset first")
        return self._world

    def _observe(self, text: str) -> Observation:
        admissible = tuple(self._playing().admissible()) if self._show_admissible else None
        return Observation(text=text, admissible=admissible)
