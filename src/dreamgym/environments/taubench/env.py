"""tau-bench as an environment: our own runtime, or the tau2-bench package for the tasks that are named so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.taubench.tau2_env import Tau2Env
from dreamgym.environments.taubench.tau2_package import is_tau2
from dreamgym.environments.taubench.tool_env import MAX_TURNS, ToolWorldEnv, llm_user, scripted_user
from dreamgym.models.llm_client import LLMClient

PlayedIn = ToolWorldEnv | Tau2Env


class TaubenchEnv:
    """The real environment. The task says where it is played: see ``ToolWorldEnv`` and ``Tau2Env``.

    ``user`` is the language model that the agent talks to; without one the user is scripted.
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
        user: LLMClient | None = None,
    ) -> None:
        make_user = scripted_user if user is None else llm_user(user)
        self._own = ToolWorldEnv(max_turns, data_dir, show_admissible=show_admissible, make_user=make_user)
        self._tau2 = Tau2Env(max_turns)
        self._playing: PlayedIn = self._own

    async def reset(self, task: Task, seed: int) -> Observation:
        """See ``Environment``. Raises ``UserSimulatorError`` where the user says nothing."""
        await self._playing.close()
        self._playing = self._tau2 if is_tau2(task.id) else self._own
        return await self._playing.reset(task, seed)

    async def step(self, action: str) -> StepResult:
        """See ``Environment``. Raises ``UserSimulatorError`` where the user says nothing."""
        return await self._playing.step(action)

    @property
    def db_hash(self) -> str:
        """SHA-256 of the database as it is now."""
        return self._playing.db_hash

    def report(self) -> Mapping[str, str]:
        """See ``Reporting``."""
        return {"db_hash": self.db_hash} if self.db_hash else {}

    def snapshot(self) -> object:
        """See ``Environment``. Raises ``UnavailableError`` in tau2-bench, which cannot go back."""
        return self._playing.snapshot()

    def restore(self, snapshot: object) -> None:
        """See ``Environment``."""
        self._playing = self._own
        self._own.restore(snapshot)

    async def close(self) -> None:
        """See ``Environment``."""
        await self._playing.close()
