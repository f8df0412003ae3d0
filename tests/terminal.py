"""A real terminal, for what a person sees and types; and who is still there afterwards."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Self

PATIENCE = 120.0  # seconds; a busy machine may take many to start


class Terminal:
    """``dreamgym`` with ``arguments`` in a terminal of its own, in the foreground."""

    def __init__(self, *arguments: str) -> None:
        self.screen, self._mark = "", uuid.uuid4().hex
        self._ours, theirs = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dreamgym.cli.main", *arguments],
            env={**os.environ, "DREAMGYM_MARK": self._mark},
            preexec_fn=partial(os.login_tty, theirs),
        )
        os.close(theirs)

    def read_until(self, text: str, times: int = 1) -> None:
        """Wait until ``text`` has been on the screen so many ``times``."""
        late = time.monotonic() + PATIENCE
        while self.screen.count(text) < times:
            assert time.monotonic() < late, self.screen
            if select.select([self._ours], [], [], 1.0)[0]:
                self.screen += os.read(self._ours, 4096).decode()

    def type(self, keys: str) -> None:
        """Press keys; ``\\x03`` is Ctrl-C."""
        os.write(self._ours, keys.encode())

    def wait(self) -> int:
        """The exit code, and the last of the screen."""
        status = self._process.wait(PATIENCE)
        while select.select([self._ours], [], [], 0.0)[0]:
            try:
                self.screen += os.read(self._ours, 4096).decode()
            except OSError:  # nobody holds the other end any more
                break
        return status

    def running(self) -> list[str]:
        """The command lines of the processes that it has started and that run."""
        return [line for folder in Path("/proc").glob("[0-9]*") if (line := self._started(folder))]

    def left(self) -> list[str]:
        """Those that still run when everybody had time to leave."""
        late = time.monotonic() + 10.0
        while (lines := self.running()) and time.monotonic() < late:
            time.sleep(0.1)
        return lines

    def _started(self, folder: Path) -> str:
        try:
            ours = self._mark.encode() in (folder / "environ").read_bytes()
            return (folder / "cmdline").read_text().replace("\0", " ") if ours else ""
        except OSError:  # not ours to look at, or gone meanwhile
            return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
