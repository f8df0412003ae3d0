"""What a person sees while a run works: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[], None]


class Reporter(Protocol):
    """Tells about the run's stages."""

    def stage(self, name: str, total: int) -> contextlib.AbstractContextManager[Advance]:
        """A stretch of ``total`` pieces of work; call what it yields after each."""
        ...

    def line(self, text: str) -> None:
        """One line that stays."""
        ...


class PlainReporter:
    """Lines with the seconds since the start; a stage longer than ``every`` seconds says how far it is."""

    def __init__(self, write: Callable[[str], None] = print, *, every: float = 30.0) -> None:
        self._write, self._every, self._start = write, every, time.monotonic()

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """Silent unless it takes long."""
        done, spoken = 0, time.monotonic()

        def advance() -> None:
            nonlocal done, spoken
            done += 1
            if time.monotonic() - spoken > self._every:
                spoken = time.monotonic()
                self.line(f"{name}: {done} of {total}")

        yield advance

    def line(self, text: str) -> None:
        """One line."""
        self._write(f"[{time.monotonic() - self._start:7.1f} s] {text}")
        sys.stdout.flush()


class RichReporter:
    """A live bar for the stage at work, below the lines that stay."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """A bar that goes when the stage ends."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(name, total=total)
            yield lambda: progress.advance(task)

    def line(self, text: str) -> None:
        """One line, its brackets left alone."""
        self._console.print(text, markup=False, highlight=False)


class Silent:
    """Says nothing, for a run inside another command that tells about its own progress."""

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """Nothing to see."""
        yield lambda: None

    def line(self, text: str) -> None:
        """Nothing to read."""


def make_reporter() -> Reporter:
    """Bars where standard output is a terminal, else lines."""
    return RichReporter(Console()) if sys.stdout.isatty() else PlainReporter()
