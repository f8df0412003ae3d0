"""A tool world as an environment: an agent with tools, a user to talk to, a database that decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task, TaskOrigin
from dreamgym.core.errors import DataError
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.taubench.admissible import admissible
from dreamgym.environments.taubench.episode import Episode, Moment
from dreamgym.environments.taubench.llm_user import LLMUser
from dreamgym.environments.taubench.user import User
from dreamgym.environments.taubench.world import World, world_of
from dreamgym.models.llm_client import LLMClient

MAX_TURNS = 30  # as in tau-bench
MakeUser = Callable[[World, int], User]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Snapshot:
    task: Task
    moment: Moment
    seen: tuple[str, ...]
    turn: int
    over: bool


class ToolWorldEnv:
    """Plays in our own runtime. ``data_dir`` is needed for tau-bench's own tasks.

    ``make_user`` makes who the agent talks to, from the world and the seed; unset, it is the scripted one.
    """

    name = "taubench"
    origin = Origin.REAL
    sheet = None

    def __init__(
        self,
        max_turns: int = MAX_TURNS,
        data_dir: Path | None = None,
        *,
        show_admissible: bool = False,
        make_user: MakeUser | None = None,
    ) -> None:
        self._max_turns = max_turns
        self._data_dir = data_dir
        self._show_admissible = show_admissible
        self._make_user = make_user or scripted_user
        self._task: Task | None = None
        self._episode: Episode | None = None
        self._seen: tuple[str, ...] = ()
        self._turn = 0
        self._over = False

    async def reset(self, task: Task, seed: int) -> Observation:
        """Start ``task``; only a user that a language model plays holds chance.

        Raises ``UserSimulatorError``, and ``DataError`` for a task that is nowhere.
        """
        self._begin(task, seed)
        return self._observe(await self._playing().open())

    async def step(self, action: str) -> StepResult:
        """Act: a tool call, as JSON or as a line. What the world refuses is answered by its reason.

        Raises ``UserSimulatorError`` where the user did not answer.
        """
        episode = self._playing()
        if self._over:
            raise RuntimeError("the episode is over: call reset before the next step")
        answer = await episode.act(action)
        self._turn += 1
        won = answer.over and episode.won()
        truncated = not answer.over and self._turn >= self._max_turns
        self._over = answer.over or truncated
        return StepResult(
            observation=self._observe(answer.text),
            reward=float(won),
            terminated=answer.over,
            truncated=truncated,
            won=won,
            valid=answer.valid,
        )

    @property
    def db_hash(self) -> str:
        """SHA-256 of the database as it is now."""
        return self._playing().now.database.hash

    def snapshot(self) -> object:
        """See ``Environment``."""
        moment = self._playing().now.copy()
        assert self._task is not None
        return _Snapshot(
            task=self._task,
            moment=moment,
            seen=self._seen,
            turn=self._turn,
            over=self._over,
        )

    def restore(self, snapshot: object) -> None:
        """See ``Environment``; also in another ``ToolWorldEnv`` than the snapshot's."""
        if not isinstance(snapshot, _Snapshot):
            raise TypeError(f"{type(snapshot).__name__} is no snapshot of a ToolWorldEnv")
        if self._task != snapshot.task:
            self._begin(snapshot.task, 0)
        self._playing().now = snapshot.moment.copy()
        self._seen, self._turn, self._over = snapshot.seen, snapshot.turn, snapshot.over

    async def close(self) -> None:
        """See ``Environment``."""
        self._task = self._episode = None

    def _begin(self, task: Task, seed: int) -> None:
        world = world_of_task(task, self._data_dir)
        self._episode = Episode(world, self._make_user(world, seed))
        self._task, self._seen, self._turn, self._over = task, (), 0, False

    def _playing(self) -> Episode:
        if self._episode is None:
            raise RuntimeError("no episode was started: call reset first")
        return self._episode

    def _observe(self, text: str) -> Observation:
        if not self._show_admissible:
            return Observation(text=text)
        self._seen = (*self._seen, text)
        return Observation(text=text, admissible=admissible(self._playing(), self._seen))


def scripted_user(world: World, seed: int) -> User:
    """The user that the world brings with it."""
    return world.user


def llm_user(client: LLMClient) -> MakeUser:
    """Users that ``client`` plays by the script of their task."""
    return lambda world, seed: LLMUser(client=client, instruction=world.script.instruction, seed=seed)


def world_of_task(task: Task, data_dir: Path | None) -> World:
    """The world behind a task.

    Raises:
        DataError: the task has none, or belongs to another version of the generator.
        UnavailableError: it is one of tau-bench's own, and its files are not there.
    """
    if task.origin is TaskOrigin.SYNTHETIC:
        raise DataError(f"task {task.id} was imagined: there is no database of it, play it in the dream")
    world = world_of(task.id, data_dir)
    if world.opening != task.opening:
        raise DataError(
            f"task {task.id} is of another version of the generator: here it opens {world.opening!r}"
        )
    return world
