"""A pool of worker processes.

An episode belongs to one worker from its reset to its close. A worker that crashes, or does not answer in
time, is killed with what it has started; its episodes end by an error that rollouts turn into a
``StopReason``, and the next episode gets a new process. The pool works in a thread of its own, so it serves
one event loop after another, and ends with the interpreter: no process is left behind.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from dreamgym.core.errors import EnvironmentFailedError
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.environments.workers.loop_thread import LoopThread
from dreamgym.environments.workers.messages import Call, Reply, Verb
from dreamgym.environments.workers.process import CLOSING_S, WorkerProcess

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """Seconds that a worker has: for a reset, which may start it and load a world, and for a turn."""

    reset_s: float = 180.0
    turn_s: float = 60.0
    close_s: float = 15.0


@dataclass(slots=True)
class _Slot:
    """A place for one worker process, which may have to be started again."""

    episodes: int = 0
    process: WorkerProcess | None = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Place:
    """Where an episode is played; set and read in the pool's loop alone."""

    number: int
    slot: _Slot | None = None
    process: WorkerProcess | None = None


class WorkerPool:
    """``workers`` processes for environments of one kind, ``episodes`` at once in each."""

    def __init__(
        self, spec: EnvironmentSpec, *, workers: int, episodes: int = 1, patience: Patience | None = None
    ) -> None:
        self.spec = spec
        self.patience = patience or Patience()
        self.lost: Counter[str] = Counter()  # workers that were lost, by how: "crashed", "timed out"
        self._numbers = count()
        self._slots = [_Slot() for _ in range(workers)]
        self._room = asyncio.Semaphore(workers * episodes)
        self._thread = LoopThread("environment workers")
        self._close = weakref.finalize(self, _end_all, self._thread, self._slots)

    @property
    def pids(self) -> list[int]:
        """Of the processes that run."""
        return [slot.process.pid for slot in self._slots if slot.process and not slot.process.gone]

    def close(self) -> None:
        """End all processes; nothing can be played after it."""
        self._close()

    def place(self) -> Place:
        """A new episode's, not yet taken."""
        return Place(next(self._numbers))

    async def ask(self, place: Place, call: Call) -> Reply:
        """The reply to ``call`` from the episode's worker; a reset waits for a free one."""
        return await self._thread.run(self._ask(place, call))

    def ask_now(self, place: Place, call: Call) -> Reply:
        """The same for those who cannot wait elsewhere."""
        return self._thread.wait(self._ask(place, call))

    async def release(self, place: Place) -> None:
        """Close the episode and give its place back."""
        await self._thread.run(self._release(place))

    def number(self) -> int:
        """Of the next call."""
        return next(self._numbers)

    async def _ask(self, place: Place, call: Call) -> Reply:
        if call.verb is Verb.RESET:
            await self._take(place)
        if place.process is None:
            raise EnvironmentFailedError("no episode was started: call reset first")
        try:
            within = self.patience.reset_s if call.verb is Verb.RESET else self.patience.turn_s
            return await place.process.ask(call, within)
        except TimeoutError:
            self._lost(place.slot, place.process, "timed out")
            raise
        except EnvironmentFailedError:
            self._lost(place.slot, place.process, "crashed")
            raise

    async def _take(self, place: Place) -> None:
        """A place in the worker with the fewest episodes, started where it does not run."""
        if place.slot is None:
            await self._room.acquire()
            place.slot = min(self._slots, key=lambda slot: slot.episodes)
            place.slot.episodes += 1
        slot = place.slot
        async with slot.starting:
            if slot.process is not None and slot.process.gone:
                self._lost(slot, slot.process, "crashed")  # between two turns
            if slot.process is None:
                slot.process = await WorkerProcess.start(self.spec)
        place.process = slot.process

    def _lost(self, slot: _Slot | None, process: WorkerProcess, how: str) -> None:
        """Count a lost worker, once, and make way for another."""
        if slot is None or not process.gone or slot.process is not process:
            return
        slot.process = None
        self.lost[how] += 1
        logger.warning("a worker of %s %s, another takes its place: %s", self.spec.name, how, process.gone)

    async def _release(self, place: Place) -> None:
        if place.slot is None:
            return
        slot, process = place.slot, place.process
        place.slot = place.process = None
        try:
            if process is not None and not process.gone:
                await process.ask(
                    Call(number=self.number(), episode=place.number, verb=Verb.CLOSE), self.patience.close_s
                )
        except (TimeoutError, EnvironmentFailedError):
            slot.process = None
            self.lost["could not close"] += 1
        finally:
            slot.episodes -= 1
            self._room.release()


def _end_all(thread: LoopThread, slots: list[_Slot]) -> None:
    """At the latest when the interpreter ends: no worker outlives its run."""

    async def end() -> None:
        running = [slot.process for slot in slots if slot.process is not None]
        await asyncio.gather(*(process.end() for process in running))

    try:
        thread.wait(end(), 2 * CLOSING_S)
    finally:
        for slot in slots:
            slot.process = None
        thread.stop()
