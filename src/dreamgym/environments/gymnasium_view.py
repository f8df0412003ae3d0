"""Any environment, real or dreamed, seen through Gymnasium's API (1.3 and later; extra ``[gymnasium]``).

An episode whose machinery fails (a malformed dream, a dead endpoint) raises ``EpisodeError``: Gymnasium has
no word for it, and a reward of 0 would be a lie.
"""

from __future__ import annotations

import asyncio
import string
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.environments.base_env import Environment, Observation

try:
    import gymnasium
    from gymnasium.spaces import Text
except ImportError as error:
    raise UnavailableError(
        'the Gymnasium view needs Gymnasium: run `pip install "dreamgym[gymnasium]"`'
    ) from error

T = TypeVar("T")
MAX_OBSERVATION = 65_536  # characters
MAX_ACTION = 4_096
SAMPLED_LENGTH = 64


class AnyText(Text):
    """Text of any characters up to ``max_length``; samples are short and printable ASCII."""

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length, min_length=0, charset=string.printable[:95])

    def contains(self, x: Any) -> bool:
        """Any string that is not too long; Gymnasium's own refuses characters it does not sample."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A random string; of at most 64 characters unless ``mask`` or ``probability`` says otherwise."""
        if mask is None and probability is None:
            mask = (int(self.np_random.integers(min(SAMPLED_LENGTH, self.max_length) + 1)), None)
        return super().sample(mask, probability)


class GymnasiumView(gymnasium.Env[str, str]):
    """``environment`` as a ``gymnasium.Env`` over ``tasks``.

    ``reset`` draws a task, or takes ``options={"task": TASK_OR_ID}``; ``info`` holds ``task``,
    ``instruction``, ``won``, ``valid`` and ``admissible``. The environment lives in an event loop and a
    thread of its own, so that the view works inside a notebook's running loop too.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012  # Gymnasium's own declaration

    def __init__(
        self, environment: Environment, tasks: Sequence[Task], *, render_mode: str | None = None
    ) -> None:
        if not tasks:
            raise ConfigError("the Gymnasium view got no tasks: give it at least one")
        if render_mode not in (None, "ansi"):
            raise ConfigError(f"render_mode is {render_mode!r}: an environment of text knows 'ansi' only")
        self.environment = environment
        self.tasks = {task.id: task for task in tasks}
        self.render_mode = render_mode
        self.observation_space = AnyText(MAX_OBSERVATION)
        self.action_space = AnyText(MAX_ACTION)
        self._task = tasks[0]
        self._text = ""
        self._runner = asyncio.Runner()
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, "gymnasium-view")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Start a task; a seed makes the draw of the task and the episode repeatable."""
        super().reset(seed=seed)
        drawn = list(self.tasks.values())[int(self.np_random.integers(len(self.tasks)))]
        self._task = self._chosen((options or {}).get("task", drawn))
        observation = self._run(self.environment.reset(self._task, int(self.np_random.integers(2**31))))
        return self._seen(observation), self._info(observation, won=False, valid=True)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Act; text that the world does not understand is answered, not refused."""
        result = self._run(self.environment.step(action))
        info = self._info(result.observation, won=result.won, valid=result.valid)
        return (
            self._seen(result.observation),
            float(result.reward),
            result.terminated,
            result.truncated,
            info,
        )

    def render(self) -> str | None:
        """The last observation."""
        return self._text if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Close the environment, its loop and its thread; may be called twice."""
        if self._thread is None:
            return
        self._run(self.environment.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()
        self._thread = None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._thread is None:
            work.close()
            raise RuntimeError("this view is closed: make a new one")
        return self._thread.submit(self._runner.run, work).result()

    def _chosen(self, task: Task | str) -> Task:
        if isinstance(task, Task):
            return task
        if task not in self.tasks:
            raise ConfigError(
                f"no task has the id {task!r}: the view holds {', '.join(list(self.tasks)[:5])} …"
            )
        return self.tasks[task]

    def _seen(self, observation: Observation) -> str:
        self._text = observation.text
        return observation.text

    def _info(self, observation: Observation, *, won: bool, valid: bool) -> dict[str, Any]:
        return {
            "task": self._task.id,
            "instruction": self._task.instruction,
            "won": won,
            "valid": valid,
            "admissible": observation.admissible,
        }
