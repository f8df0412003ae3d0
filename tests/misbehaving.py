"""An environment that does what its action names, however bad: what workers must bear."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task
from dreamgym.core.errors import EndpointError, UnavailableError
from dreamgym.environments.base_env import Observation, StepResult


class Misbehaving:
    """Says its process id, and misbehaves on request."""

    name, origin, sheet = "misbehaving", Origin.REAL, None

    def __init__(
        self, max_turns: int, data_dir: Path | None = None, *, show_admissible: bool = False
    ) -> None:
        self.max_turns, self.turn, self.resets = max_turns, 0, 0

    async def reset(self, task: Task, seed: int) -> Observation:
        if task.id == "missing":
            raise UnavailableError("pip install 'dreamgym[browser]'")
        self.turn, self.resets = 0, self.resets + 1
        return Observation(text=f"process {os.getpid()}")

    async def step(self, action: str) -> StepResult:
        self.turn += 1
        text = await self.answer(action)
        return StepResult(
            observation=Observation(text=text),
            reward=float(action == "win"),
            terminated=action == "win",
            truncated=action != "win" and self.turn >= self.max_turns,
            won=action == "win",
        )

    async def answer(self, action: str) -> str:
        match action:
            case "crash":
                os._exit(7)
            case "die loudly":
                os.write(2, b"Segmentation fault: the browser is gone\n")
                os._exit(139)
            case "block":
                time.sleep(3_600)  # noqa: ASYNC251
            case "hang":
                await asyncio.sleep(3_600)
            case "print":
                print('{"number": 0, "result": null}')
                os.write(1, b"\xff rubbish {{{\n" * 50_000)
                sys.stdout.flush()
            case "huge":
                return "x" * 100_000_000
            case "raise":
                raise ZeroDivisionError("by the world itself")
            case "endpoint":
                raise EndpointError("the user simulator does not answer")
            case "own timeout":
                raise TimeoutError("the page did not load")
            case "child":
                return str(subprocess.Popen(["sleep", "3600"]).pid)  # noqa: ASYNC220
            case "nothing":
                return None  # type: ignore[return-value]
        return f"turn {self.turn}: {len(action)} characters"

    def report(self) -> Mapping[str, str]:
        return {"turns": str(self.turn), "resets": str(self.resets)}

    def snapshot(self) -> object:
        return self.turn

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, int)
        self.turn = snapshot

    async def close(self) -> None:
        pass
