"""How fast the ALFWorld engine plays on one core.

    python benchmarks/alfworld_engine.py [--data-dir FOLDER] [--games 40] [--turns 500]

Goals: ≥ 5,000 turns/s, every turn with its admissible commands, and reset in ≤ 2 ms after the first load.
Plays random commands, half of them stale, in the games with the most receptacles: official ones where their
folder is given (or DREAMGYM_DATA names it), generated ones elsewhere. Progress goes to stderr, one line of
JSON to stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.game import Game
from dreamgym.environments.alfworld.generator import generate_game
from dreamgym.environments.alfworld.official import load_games


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("DREAMGYM_DATA"))
    parser.add_argument(
        "--games", type=int, default=40, help="how many games, those with the most receptacles"
    )
    parser.add_argument("--turns", type=int, default=500, help="turns in each")
    arguments = parser.parse_args()

    say(f"loading {'official' if arguments.data_dir else 'generated'} games")
    games, load_ms = largest(arguments.data_dir, arguments.games)
    first_ms, reset_ms, seconds, cpu_seconds = [], [], 0.0, 0.0
    for number, game in enumerate(games, start=1):
        first_ms.append(milliseconds(lambda game=game: World(game).reset()))
        world = World(game)
        commands = script(world, arguments.turns)
        world.reset()
        reset_ms.extend(milliseconds(world.reset) for _ in range(20))
        wall, cpu = time.perf_counter(), time.process_time()
        for command in commands:
            world.step(command)
            world.admissible()
        seconds, cpu_seconds = seconds + time.perf_counter() - wall, cpu_seconds + time.process_time() - cpu
        say(
            f"{number}/{len(games)} {len(game.receptacles)} receptacles, {len(game.things)} things: {game.id}"
        )
    turns = arguments.turns * len(games)
    result = {
        "benchmark": "alfworld_engine",
        "games": "official" if arguments.data_dir else "generated",
        "receptacles": [len(games[-1].receptacles), len(games[0].receptacles)],
        "turns": turns,
        "turns_per_second": round(turns / seconds),
        "turns_per_cpu_second": round(turns / cpu_seconds),
        "load_ms_per_game": round(load_ms, 3),
        "first_reset_ms_median": round(statistics.median(first_ms), 3),
        "first_reset_ms_max": round(max(first_ms), 3),
        "reset_ms_median": round(statistics.median(reset_ms), 5),
        "reset_ms_max": round(max(reset_ms), 5),
    }
    print(json.dumps(result))


def largest(data_dir: Path | None, count: int) -> tuple[list[Game], float]:
    """The ``count`` games with the most receptacles, and the milliseconds it took to read or make one."""
    start = time.perf_counter()
    games = list(load_games(data_dir, "train") if data_dir else generated(5 * count))
    load_ms = (time.perf_counter() - start) * 1000 / len(games)
    return sorted(games, key=lambda game: -len(game.receptacles))[:count], load_ms


def generated(count: int) -> Iterator[Game]:
    """One game of each of ``count`` generated scenes."""
    yield from (generate_game(seed, 0) for seed in range(count))


def script(world: World, turns: int) -> list[str]:
    """Random commands, half of them valid when they are played, made before the clock starts."""
    rng = Random(0)
    seen = world.admissible()
    commands = []
    for _ in range(turns):
        admissible = world.admissible()
        seen.extend(admissible[-5:])
        commands.append(rng.choice(admissible if rng.random() < 0.5 else seen))
        world.step(commands[-1])
    return commands


def milliseconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def say(text: str) -> None:
    """Progress for the person who waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
