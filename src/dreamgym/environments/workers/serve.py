"""The worker process: makes environments, plays what it is asked to, answers on the pipe it was started with.

``python -m dreamgym.environments.workers.serve SPEC``; a pool starts it, nobody else needs to.

Standard output belongs to the protocol alone, so it is taken away first: what an environment or a library
prints goes to standard error. When the pipe closes, the run has ended in whatever way, and so does the
worker: a thread of its own listens, since an environment may block the loop forever.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from itertools import count
from typing import BinaryIO

from dreamgym.core.errors import DataError, EnvironmentFailedError
from dreamgym.core.serialization import decode
from dreamgym.environments.base_env import Environment, Reporting
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.environments.workers.messages import Call, Reply, Verb, failed, line_of, read_call

GRACE_S = 3.0  # for environments to close (a browser, its folder) when the run is gone


@dataclass(slots=True)
class _Episode:
    """``is_whole``: nothing has failed in it, so that the next episode may be played in its environment."""

    environment: Environment
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # a close waits for the step before it
    snapshots: dict[int, object] = field(default_factory=dict)
    is_whole: bool = True


class Server:
    """The episodes of one worker.

    An environment is not closed after its episode but played in again, as the protocol has it: what is open,
    such as a page of a browser, stays so.
    """

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec
        self._episodes: dict[int, _Episode] = {}
        self._idle: list[Environment] = []
        self._numbers = count()

    async def answer(self, call: Call) -> Reply:
        """What the environment answers; whatever it raises is an answer, too."""
        try:
            return await self._answer(call)
        except Exception as error:
            if (episode := self._episodes.get(call.episode)) is not None:
                episode.is_whole = False
            return failed(call.number, error)

    async def close(self) -> None:
        """Free everything that is open."""
        for number in list(self._episodes):
            await self.answer(Call(number=-1, episode=number, verb=Verb.CLOSE))
        for environment in self._idle:
            await environment.close()

    async def _answer(self, call: Call) -> Reply:
        if call.verb is Verb.RESET and call.episode not in self._episodes:
            self._episodes[call.episode] = _Episode(self._idle.pop() if self._idle else self._spec.make())
        episode = self._episodes.get(call.episode)
        if episode is None:
            if call.verb is Verb.CLOSE:
                return Reply(number=call.number)
            raise EnvironmentFailedError("no episode was started: call reset first")
        async with episode.lock:
            return await self._call(episode, call)

    async def _call(self, episode: _Episode, call: Call) -> Reply:
        environment, number = episode.environment, call.number
        match call.verb:
            case Verb.RESET:
                assert call.task is not None
                seen = await environment.reset(call.task, call.seed)
                return Reply(number=number, observation=seen, report=_report(environment))
            case Verb.STEP:
                result = await environment.step(call.action)
                return Reply(number=number, result=result, report=_report(environment))
            case Verb.SNAPSHOT:
                name = next(self._numbers)
                episode.snapshots[name] = environment.snapshot()
                return Reply(number=number, snapshot=name)
            case Verb.RESTORE:
                environment.restore(episode.snapshots[call.snapshot])
                return Reply(number=number)
            case Verb.CLOSE:
                del self._episodes[call.episode]
                if episode.is_whole:
                    self._idle.append(environment)
                else:
                    await environment.close()
                return Reply(number=number)


def _report(environment: Environment) -> tuple[tuple[str, str], ...]:
    return tuple(environment.report().items()) if isinstance(environment, Reporting) else ()


async def serve(spec: EnvironmentSpec, calls: BinaryIO, answers: int) -> None:
    """Answer until ``calls`` ends."""
    server, loop, gone = Server(spec), asyncio.get_running_loop(), asyncio.Event()
    closed = threading.Event()
    playing: set[asyncio.Task[None]] = set()

    async def play(call: Call) -> None:
        reply = await server.answer(call)
        try:
            line = line_of(reply)
        except EnvironmentFailedError as error:
            line = line_of(failed(call.number, error))
        _write(answers, line)

    def begin(call: Call) -> None:
        playing.add(task := loop.create_task(play(call)))
        task.add_done_callback(playing.discard)

    def listen() -> None:
        for line in calls:
            loop.call_soon_threadsafe(begin, read_call(line))
        loop.call_soon_threadsafe(gone.set)
        closed.wait(GRACE_S)
        _end_group()

    threading.Thread(target=listen, daemon=True).start()
    await gone.wait()
    await server.close()
    closed.set()


def _write(answers: int, line: bytes) -> None:
    """The whole line; where nobody reads any more, the listener ends this process."""
    left = memoryview(line)
    try:
        while left:
            left = left[os.write(answers, left) :]
    except BrokenPipeError:
        return


def _end_group() -> None:
    """End this process and those that it started, at once, from any thread."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)


def take_pipes() -> tuple[BinaryIO, int]:
    """Standard input and output for the protocol alone; in their places nothing, and standard error."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return calls, answers


def main() -> None:
    """Serve the environment that the first argument describes."""
    calls, answers = take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run hears Ctrl-C and closes the pipe
    try:
        spec = decode(EnvironmentSpec, json.loads(sys.argv[1]))
    except (IndexError, ValueError, DataError) as error:
        sys.exit(f"wanted the description of an environment as JSON: {error}")
    asyncio.run(serve(spec, calls, answers))


if __name__ == "__main__":
    main()
