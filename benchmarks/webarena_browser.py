"""How fast WebArena's environment is in a real Chromium.

    python benchmarks/webarena_browser.py [--pages 4] [--episodes 200] [--tasks 44]

Goals: ≥ 10 one-turn MiniWoB++ episodes/s on two cores, pages kept open; ≤ 0.2 s a turn on our own site;
≤ 50 ms to set the site back.

Plays MiniWoB++'s click-test in several pages of one browser, then the expert on our own
site, one episode at a time. Progress goes to stderr, one line of JSON to stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from random import Random

from dreamgym.core.data_structures import Task
from dreamgym.environments.webarena.env import WebarenaEnv
from dreamgym.environments.webarena.expert import Expert, things
from dreamgym.environments.webarena.panels import panel, task_named
from dreamgym.environments.webarena.serving import borrow_site, give_back_site

CLICK_TEST = "miniwob:click-test"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=4, help="MiniWoB++ pages that are open at once")
    parser.add_argument("--episodes", type=int, default=200, help="MiniWoB++ episodes")
    parser.add_argument("--tasks", type=int, default=44, help="tasks of our own site")
    arguments = parser.parse_args()
    result = {
        "benchmark": "webarena_browser",
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "miniwob": asyncio.run(miniwob(arguments.pages, arguments.episodes)),
        "site": asyncio.run(site(arguments.tasks)),
        "set_back_ms": set_back(),
        "load_after": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result))


async def miniwob(pages: int, episodes: int) -> dict[str, float]:
    """One-turn episodes: reset, read, click, reward."""
    task, left = task_named(CLICK_TEST), iter(range(episodes))
    environments = [WebarenaEnv() for _ in range(pages)]
    try:
        await asyncio.gather(*(environment.reset(task, 0) for environment in environments))
        say(f"{pages} pages are open")
        start, won = time.perf_counter(), list[bool]()

        async def play(environment: WebarenaEnv) -> None:
            for seed in left:
                won.append(await one_turn(environment, task, seed))

        await asyncio.gather(*map(play, environments))
        seconds = time.perf_counter() - start
    finally:
        for environment in environments:
            await environment.close()
    say(f"{episodes} episodes of {CLICK_TEST}, {sum(won)} won, {seconds:.1f} s")
    return {"episodes": episodes, "won": sum(won), "episodes_per_second": round(episodes / seconds, 1)}


async def one_turn(environment: WebarenaEnv, task: Task, seed: int) -> bool:
    """Click the button that there is."""
    seen = await environment.reset(task, seed)
    (button,) = [thing for thing in things(seen.text) if thing.type == "button"]
    return (await environment.step(f"click('{button.id}')")).won


async def site(tasks: int) -> dict[str, float]:
    """The expert on our own site, one episode after the other."""
    environment, turn_s, reset_s, won = WebarenaEnv(), list[float](), list[float](), 0
    try:
        for number, task in enumerate(panel("train", tasks).tasks):
            start = time.perf_counter()
            seen, player, over = await environment.reset(task, 0), Expert(task, Random(0)), False
            reset_s += [time.perf_counter() - start] if number else []  # the first one starts the browser
            while not over:
                start = time.perf_counter()
                answer = await environment.step(player.choose(seen.text, ()))
                turn_s.append(time.perf_counter() - start)
                seen, over = answer.observation, answer.terminated or answer.truncated
            won += answer.won
    finally:
        await environment.close()
    say(f"{tasks} tasks of our own site, {won} won")
    return {
        "tasks": tasks,
        "won": won,
        "turns": len(turn_s),
        "turn_ms_mean": milliseconds(statistics.mean(turn_s)),
        "turn_ms_median": milliseconds(statistics.median(turn_s)),
        "turn_ms_p95": milliseconds(statistics.quantiles(turn_s, n=20)[-1]),
        "reset_with_first_page_ms_median": milliseconds(statistics.median(reset_s)),
    }


def set_back() -> dict[str, float]:
    """A new database for an episode: the first time a world is needed, and again."""
    served = borrow_site()
    try:
        first, again = [], []
        for world in range(50):
            for times in (first, again):
                start = time.perf_counter()
                token = served.open(300 + world, {})
                times.append(time.perf_counter() - start)
                served.forget(token)
    finally:
        give_back_site()
    return {
        "first_median": milliseconds(statistics.median(first)),
        "median": milliseconds(statistics.median(again)),
        "max": milliseconds(max(first + again)),
    }


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds, to two places."""
    return round(1_000 * seconds, 2)


def say(text: str) -> None:
    """Progress for the person who waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
