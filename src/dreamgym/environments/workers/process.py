"""One worker process as its run sees it; everything here happens in the pool's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from dreamgym.core.errors import DataError, EnvironmentFailedError
from dreamgym.core.serialization import encode
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.environments.workers.messages import MAX_LINE, Call, Reply, line_of, read_reply

SERVE = "dreamgym.environments.workers.serve"
KEPT_ERRORS = 2_000  # bytes of standard error that are kept to explain an end
CLOSING_S = 4.0  # a little more than a worker takes for itself


class WorkerProcess:
    """A started worker: asked many things at once, gone for good after its first crash or silence."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._errors = bytearray()
        self._tasks: set[asyncio.Task[None]] = {self._task(self._listen()), self._task(self._keep_errors())}
        self.gone = ""  # why it is gone

    @classmethod
    async def start(cls, spec: EnvironmentSpec) -> WorkerProcess:
        """A new process, in a group of its own: Ctrl-C is for the run alone."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            SERVE,
            json.dumps(encode(spec)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Of the process, which is its group's, too."""
        return self._process.pid

    async def ask(self, call: Call, within: float) -> Reply:
        """The reply to ``call``.

        Raises:
            EnvironmentFailedError: the worker is gone.
            TimeoutError: it has not answered ``within`` seconds; it is killed.
        """
        if self.gone:
            raise EnvironmentFailedError(self.gone)
        line = line_of(call)
        answer = self._waiting[call.number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        try:
            return await asyncio.wait_for(answer, within)
        except TimeoutError:
            why = f"no answer to {call.verb} within {within:g} s: its worker process was killed"
            self.kill(why)
            raise TimeoutError(why) from None
        finally:
            self._waiting.pop(call.number, None)

    def kill(self, why: str) -> None:
        """End it, and what it has started, at once."""
        self.gone = self.gone or why
        kill_group(self.pid)

    async def end(self) -> None:
        """Let it close what is open, then see that it is gone."""
        self.gone = self.gone or "the pool was closed"
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), CLOSING_S)
        kill_group(self.pid)
        await self._process.wait()
        await asyncio.gather(*self._tasks)

    async def _listen(self) -> None:
        """Give every reply to who waits for it; at the end of the pipe tell all that there will be none."""
        assert self._process.stdout is not None
        while True:
            try:
                line = await self._process.stdout.readline()
                if not line:
                    break
                reply = read_reply(line)
            except (ValueError, DataError) as error:  # longer than a line may be, or no reply
                self.kill(f"its worker process answered what is no answer: {error}")
                break
            if (waiting := self._waiting.get(reply.number)) is not None and not waiting.done():
                waiting.set_result(reply)
        kill_group(self.pid)  # what it had started may live on
        status = await self._process.wait()
        self.gone = self.gone or f"its worker process ended with status {status}{self._last_words()}"
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(EnvironmentFailedError(self.gone))

    async def _keep_errors(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(65_536):
            self._errors += chunk
            del self._errors[:-KEPT_ERRORS]

    def _last_words(self) -> str:
        lines = self._errors.decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1][:300]}" if said else ""

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)


def kill_group(pid: int) -> None:
    """SIGKILL to a process group that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
