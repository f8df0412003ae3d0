"""An environment in a worker process, behind the protocol of those in this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dreamgym.core.data_structures import Origin, Sheet, Task
from dreamgym.core.errors import EnvironmentFailedError
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.workers.messages import MAX_ACTION, Call, Reply, Verb
from dreamgym.environments.workers.pool import WorkerPool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Snapshot:
    """The name of one that a worker keeps as long as the episode is open."""

    episode: int
    number: int


class WorkerEnvironment:
    """One episode at a time in a worker of ``pool``; it takes a place at its reset, until its close."""

    origin = Origin.REAL
    sheet: Sheet | None = None

    def __init__(self, pool: WorkerPool) -> None:
        self.name = pool.spec.name
        self._pool = pool
        self._place = pool.place()
        self._report: Mapping[str, str] = {}

    async def reset(self, task: Task, seed: int) -> Observation:
        """See ``Environment``; waits until a worker is free."""
        reply = self._read(await self._pool.ask(self._place, self._call(Verb.RESET, task=task, seed=seed)))
        if reply.observation is None:
            raise EnvironmentFailedError("the worker answered a reset without an observation")
        return reply.observation

    async def step(self, action: str) -> StepResult:
        """See ``Environment``; of an action longer than any world understands, the beginning is sent."""
        call = self._call(Verb.STEP, action=action[:MAX_ACTION])
        reply = self._read(await self._pool.ask(self._place, call))
        if reply.result is None:
            raise EnvironmentFailedError("the worker answered an action without a result")
        return reply.result

    def snapshot(self) -> object:
        """See ``Environment``; it holds until the episode is closed, in this environment alone."""
        reply = self._read(self._pool.ask_now(self._place, self._call(Verb.SNAPSHOT)))
        return _Snapshot(episode=self._place.number, number=reply.snapshot)

    def restore(self, snapshot: object) -> None:
        """See ``Environment``."""
        if not isinstance(snapshot, _Snapshot) or snapshot.episode != self._place.number:
            raise TypeError("this is no snapshot of this environment: in a worker it holds where it was made")
        self._read(self._pool.ask_now(self._place, self._call(Verb.RESTORE, snapshot=snapshot.number)))

    def report(self) -> Mapping[str, str]:
        """See ``Reporting``: as of the last answer; empty where the environment has nothing to report."""
        return self._report

    async def close(self) -> None:
        """See ``Environment``."""
        await self._pool.release(self._place)

    def _call(
        self, verb: Verb, *, task: Task | None = None, seed: int = 0, action: str = "", snapshot: int = -1
    ) -> Call:
        return Call(
            number=self._pool.number(),
            episode=self._place.number,
            verb=verb,
            task=task,
            seed=seed,
            action=action,
            snapshot=snapshot,
        )

    def _read(self, reply: Reply) -> Reply:
        """The reply, or the exception that it is."""
        if reply.failure is not None:
            raise reply.failure.error()
        self._report = dict(reply.report) or self._report
        return reply
