"""Does an environment stay as it is over thousands of episodes: memory, threads, processes, open handles?

    python benchmarks/soak.py --env alfworld --episodes 10000 --max-turns 10 --output docs/soak_alfworld

Plays episodes of a random player through the rollout engine, ``--workers`` of them in processes of their own
(0: in this one), over and over the tasks of the panel ``train``; samples this process and all that it has
started, once a second, and their memory as proportional set size, so that what processes share counts once;
writes ``OUTPUT.csv`` and ``OUTPUT.svg`` and prints a table: at the start (after a tenth of the episodes, when
caches are warm), at the end, and the slope between. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import io
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import cycle, islice
from pathlib import Path

from matplotlib.figure import Figure

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Origin, Trajectory
from dreamgym.environments.players import RandomPlayer
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.rollout import collect
from dreamgym.training.scripted_policy import ScriptedPolicy
from dreamgym.utils import atomic

EVERY_S = 1.0
WARM = 0.1  # of the episodes, before the start is taken
BLOCK = 500  # episodes that are collected at once; their records are dropped


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """This process and its descendants, at one moment."""

    seconds: float
    episodes: int
    memory_mb: float
    threads: int
    processes: int
    handles: int


def main() -> None:
    """Play, sample, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="alfworld")
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--max-turns", type=int, default=10)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--tasks", type=int, help="how many of the panel's; default: all")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="path without an ending")
    arguments = parser.parse_args()
    soak = Soak(arguments)
    samples = soak.run()
    write_csv(arguments.output.with_suffix(".csv"), samples)
    plot(arguments.output.with_suffix(".svg"), samples, title(arguments))
    print(table(samples))
    print(json.dumps(soak.result()))


class Soak:
    """The episodes, and a thread that samples meanwhile."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.config = EnvironmentConfig(
            name=arguments.env,
            max_turns=arguments.max_turns,
            workers=arguments.workers,
            data_dir=arguments.data_dir,
            show_admissible=True,
        )
        self.samples: list[Sample] = []
        self.ended: Counter[str] = Counter()
        self.turns = self.done = 0
        self.seconds = 0.0
        self.started = time.monotonic()
        self.stop = threading.Event()

    def run(self) -> list[Sample]:
        """The samples of the whole run; one more, when all is closed, is not among them."""
        watcher = threading.Thread(target=self.watch)
        watcher.start()
        try:
            asyncio.run(self.play())
        finally:
            self.stop.set()
            watcher.join()
        self.seconds = time.monotonic() - self.started
        self.samples.append(self.sample())
        return self.samples

    async def play(self) -> None:
        """Blocks of episodes; what was collected is counted and dropped."""
        domain = open_domain(self.config)
        tasks = cycle(domain.panels("train", self.arguments.tasks))
        while self.done < self.arguments.episodes:
            block = list(islice(tasks, min(BLOCK, self.arguments.episodes - self.done)))
            await collect(
                block,
                ScriptedPolicy(make=RandomPlayer),
                domain.real_world,
                origin=Origin.REAL,
                seed=self.done,
                label="soak",
                concurrency=self.arguments.concurrency,
                on_episode=self.count,
            )
            say(f"{self.done:,} of {self.arguments.episodes:,} episodes, {dict(self.ended)}")

    def count(self, trajectory: Trajectory) -> None:
        """One finished episode."""
        self.done += 1
        self.turns += len(trajectory.transitions)
        self.ended[trajectory.stop_reason.value] += 1

    def watch(self) -> None:
        """Samples until the end."""
        while not self.stop.wait(EVERY_S):
            self.samples.append(self.sample())

    def sample(self) -> Sample:
        """Now."""
        gc.collect()
        pids = [os.getpid(), *descendants(os.getpid())]
        seen = [state for pid in pids if (state := read_process(pid)) is not None]
        return Sample(
            seconds=round(time.monotonic() - self.started, 1),
            episodes=self.done,
            memory_mb=round(sum(memory for memory, _, _ in seen), 1),
            threads=sum(threads for _, threads, _ in seen),
            processes=len(seen),
            handles=sum(handles for _, _, handles in seen),
        )

    def result(self) -> dict[str, object]:
        """One line for a machine."""
        return {
            "benchmark": "soak",
            "environment": self.config.name,
            "workers": self.config.workers,
            "episodes": self.done,
            "turns": self.turns,
            "seconds": round(self.seconds, 1),
            "turns_per_second": round(self.turns / self.seconds),
            "ended": dict(self.ended),
        }


def descendants(pid: int) -> list[int]:
    """All processes that ``pid`` has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields_ := read_stat(int(folder.name))) is not None:
            children.setdefault(int(fields_[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        new = children.get(left.pop(), [])
        found += new
        left += new
    return found


def read_stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/PID/stat`` behind the name; None where the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def read_process(pid: int) -> tuple[float, int, int] | None:
    """MB of memory (its share of what is shared), threads and open handles of a process."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        threads, handles = len(os.listdir(f"/proc/{pid}/task")), len(os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    share = next((line for line in rollup.splitlines() if line.startswith("Pss:")), None)
    return None if share is None else (int(share.split()[1]) * 1024 / 1e6, threads, handles)


def warm(samples: Sequence[Sample]) -> list[Sample]:
    """The samples after the caches have filled, without the last, when all is over."""
    first = WARM * samples[-1].episodes
    return [sample for sample in samples[:-1] if sample.episodes >= first] or list(samples[-1:])


def slope(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """Growth per 1,000 episodes, by least squares."""
    at = [sample.episodes / 1000 for sample in samples]
    mean_x, mean_y = sum(at) / len(at), sum(values) / len(values)
    spread = sum((x - mean_x) ** 2 for x in at)
    covered = sum((x - mean_x) * (y - mean_y) for x, y in zip(at, values, strict=True))
    return covered / spread if spread else 0.0


def rows(samples: Sequence[Sample]) -> Iterator[tuple[str, float, float, float]]:
    """Name, start, end, slope."""
    after = warm(samples)
    for name in ("memory_mb", "threads", "processes", "handles"):
        values = [float(getattr(sample, name)) for sample in after]
        yield name, values[0], values[-1], slope(after, values)


def table(samples: Sequence[Sample]) -> str:
    """In Markdown."""
    head = "| | start | end | slope per 1,000 episodes |\n|---|---|---|---|"
    lines = [f"| {name} | {a:,.1f} | {b:,.1f} | {c:+,.3f} |" for name, a, b, c in rows(samples)]
    return "\n".join([head, *lines])


def write_csv(path: Path, samples: Sequence[Sample]) -> None:
    """All samples."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Sample))
    writer.writerows(astuple(sample) for sample in samples)
    atomic.write_text(path, text.getvalue())


def plot(path: Path, samples: Sequence[Sample], name: str) -> None:
    """Four small curves over episodes."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    figure.suptitle(name, fontsize=10)
    for axes, (label, *_) in zip(figure.subplots(2, 2).flat, rows(samples), strict=True):
        values = [getattr(sample, label) for sample in samples[:-1]]
        axes.plot([sample.episodes for sample in samples[:-1]], values, linewidth=1.2)
        axes.set_ylim(0, 1.25 * max([1, *values]))
        axes.set_title({"memory_mb": "memory, MB"}.get(label, label), fontsize=9)
        axes.tick_params(labelsize=8)
    image = io.BytesIO()
    figure.savefig(image, format="svg", metadata={"Date": None})
    atomic.write_bytes(path, image.getvalue())


def title(arguments: argparse.Namespace) -> str:
    """What was run."""
    where = f"{arguments.workers} worker processes" if arguments.workers else "one process"
    return f"{arguments.env}: {arguments.episodes:,} episodes of at most {arguments.max_turns} turns, {where}"


def say(text: str) -> None:
    """Progress for the person who waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
