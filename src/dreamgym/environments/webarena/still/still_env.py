"""Our own site without a browser as an environment, for what is played by the thousand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task
from dreamgym.core.errors import ConfigError
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.webarena.panels import spec_of
from dreamgym.environments.webarena.still.still_episode import StillEpisode

ABSTRACT = "abstract"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Snapshot:
    task: Task
    actions: tuple[str, ...]


class StillEnv:
    """A task of our own site in this process; ``state`` is the paper's abstract one."""

    name = "webarena"
    origin = Origin.REAL
    sheet = None

    def __init__(
        self,
        max_turns: int = 30,
        data_dir: Path | None = None,
        *,
        show_admissible: bool = False,
        state: str = ABSTRACT,
    ) -> None:
        if state != ABSTRACT:
            raise ConfigError(f"state is {state!r}: without a browser there is {ABSTRACT!r} alone")
        self._max_turns, self._show_admissible = max_turns, show_admissible
        self._task: Task | None = None
        self._episode: StillEpisode | None = None
        self._actions: list[str] = []
        self._over = True

    async def reset(self, task: Task, seed: int) -> Observation:
        """Start ``task``; there is no chance in it."""
        return self._begin(task)

    async def step(self, action: str) -> StepResult:
        """Act."""
        if self._episode is None or self._over:
            raise RuntimeError("no episode is under way: call reset before the next step")
        return self._turn(self._episode, action)

    def snapshot(self) -> object:
        """See ``Environment``; it holds the actions so far, which ``restore`` plays again."""
        if self._task is None:
            raise RuntimeError("no episode was started: call reset first")
        return _Snapshot(task=self._task, actions=tuple(self._actions))

    def restore(self, snapshot: object) -> None:
        """See ``Environment``."""
        if not isinstance(snapshot, _Snapshot):
            raise TypeError(f"{type(snapshot).__name__} is no snapshot of a StillEnv")
        self._begin(snapshot.task)
        assert self._episode is not None
        for action in snapshot.actions:
            self._turn(self._episode, action)

    async def close(self) -> None:
        """See ``Environment``."""
        self._leave()

    def _begin(self, task: Task) -> Observation:
        self._leave()
        self._task, self._episode, self._over = task, StillEpisode(spec_of(task)), False
        self._actions = []
        return self._observation(self._episode, self._episode.opening)

    def _turn(self, episode: StillEpisode, action: str) -> StepResult:
        said = episode.act(action)
        self._actions.append(action)
        truncated = not said.over and len(self._actions) >= self._max_turns
        self._over = said.over or truncated
        return StepResult(
            observation=self._observation(episode, said.text),
            reward=said.reward,
            terminated=said.over,
            truncated=truncated,
            won=said.reward > 0,
            valid=said.valid,
        )

    def _observation(self, episode: StillEpisode, text: str) -> Observation:
        listed = episode.view.admissible() if self._show_admissible else None
        return Observation(text=text, admissible=listed)

    def _leave(self) -> None:
        if self._episode is not None:
            self._episode.close()
        self._task = self._episode = None
