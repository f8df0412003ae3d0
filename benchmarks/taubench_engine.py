"""How fast tau-bench's worlds play on one core, and what a reset costs.

    python benchmarks/taubench_engine.py [--data-dir FOLDER] [--turns 3000]

Plays our own shop by its expert, and retail and airline by their reference solutions where the data folder is
given (or DREAMGYM_DATA names it). The peer is the plain way to start an episode, a deep copy of the whole
database, and the plain way to hash it, all of it anew. Times are CPU times: other programs do not count.
Progress goes to stderr, one line of JSON to stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from random import Random
from statistics import median

from dreamgym.core.data_structures import Task
from dreamgym.environments.taubench.calls import respond
from dreamgym.environments.taubench.database import Base, Database
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.panels import panel
from dreamgym.environments.taubench.players import Expert
from dreamgym.environments.taubench.shop import make_shop
from dreamgym.environments.taubench.world import world_of

REPEATS = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("DREAMGYM_DATA"))
    parser.add_argument("--turns", type=int, default=3000, help="how many turns of each world at least")
    arguments = parser.parse_args()
    names = {"shop": "train"}
    if arguments.data_dir:
        names |= {"retail": "retail:test", "airline": "airline:test"}
    else:
        print("no data folder: our own shop only", file=sys.stderr)
    data_dir = Path(arguments.data_dir) if arguments.data_dir else None
    print(json.dumps({name: measure(split, data_dir, arguments.turns) for name, split in names.items()}))


def measure(name: str, data_dir: Path | None, turns: int) -> dict[str, float]:
    """One world: turns a second, and what a reset and a hash cost beside the plain way."""
    print(f"{name} …", file=sys.stderr)
    tasks = panel(name, None, data_dir).tasks
    scripts = [solution(task, data_dir) for task in tasks]
    environment = TaubenchEnv(100, data_dir)
    resets, played, spent = asyncio.run(play(environment, list(zip(tasks, scripts, strict=True)), turns))
    base = world_of(tasks[0].id, data_dir).base
    copies = [timed(lambda: deepcopy(base.tables)) for _ in range(REPEATS)]
    hashes = [timed(lambda: Database(base, changed(base)).hash) for _ in range(REPEATS)]
    plain = [timed(lambda: Database(Base(base.tables)).hash) for _ in range(REPEATS)]
    return {
        "turns_per_second": round(played / spent),
        "reset_ms": round(1e3 * median(resets), 3),
        "deep_copy_ms": round(1e3 * median(copies), 3),
        "reset_ratio": round(median(copies) / median(resets)),
        "hash_ms": round(1e3 * median(hashes), 3),
        "whole_hash_ms": round(1e3 * median(plain), 3),
        "hash_ratio": round(median(plain) / median(hashes), 1),
    }


def solution(task: Task, data_dir: Path | None) -> list[str]:
    """What solves a task: the reference solution, or what the expert does."""
    domain, split, number = task.id.split(":")
    if domain == "shop":
        return asyncio.run(expert(task, Expert(make_shop(split, int(number)), Random(0))))
    calls = world_of(task.id, data_dir).script.calls
    return [call.to_json() for call in (*calls, respond("Goodbye."))]


async def expert(task: Task, player: Expert) -> list[str]:
    """The expert's actions, found before anything is timed."""
    environment, actions, over = TaubenchEnv(100), [], False
    player.see("", (await environment.reset(task, 0)).text)
    while not over:
        actions.append(player.choose(list))
        result = await environment.step(actions[-1])
        player.see(actions[-1], result.observation.text)
        over = result.terminated
    return actions


async def play(
    environment: TaubenchEnv, tasks: list[tuple[Task, list[str]]], turns: int
) -> tuple[list[float], int, float]:
    """CPU seconds of each reset; turns played, and seconds in them."""
    resets: list[float] = []
    played, spent = 0, 0.0
    while played < turns:
        for task, actions in tasks:
            started = time.process_time()
            await environment.reset(task, 0)
            begun = time.process_time()
            resets.append(begun - started)
            for action in actions:
                played += 1
                if (await environment.step(action)).terminated:
                    break
            spent += time.process_time() - begun
    return resets, played, spent


def changed(base: Base) -> dict[str, dict[str, dict[str, object]]]:
    """One record of every table, changed."""
    return {
        name: {key: {**table[key], "changed": True} for key in list(table)[:1]}
        for name, table in base.tables.items()
    }


def timed(work: Callable[[], object]) -> float:
    """CPU seconds that ``work`` takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
