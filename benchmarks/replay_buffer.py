"""How fast the replay buffer is when it is full.

    python benchmarks/replay_buffer.py [--capacity 100000] [--path FOLDER]

Goals at 100,000 experiences: ≥ 5,000 adds/s in batches, the 8 nearest in ≤ 20 ms, exact. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from dreamgym.core.config import BufferConfig
from dreamgym.core.data_structures import Experience, Origin
from dreamgym.models.replay_buffer import ExperienceReplayBuffer

KINDS = ("mug", "apple", "plate", "knife", "book", "pillow", "egg", "candle", "cloth", "pen", "watch", "vase")
PLACES = ("cabinet", "drawer", "shelf", "countertop", "fridge", "desk", "bed", "sinkbasin", "sofa")
K = 8


def experience(number: int, rng: Random) -> Experience:
    """A household turn of about 250 characters."""
    place = f"{rng.choice(PLACES)} {rng.randrange(1, 40)}"
    things = ", ".join(f"a {rng.choice(KINDS)} {rng.randrange(1, 9)}" for _ in range(rng.randrange(1, 7)))
    thing = f"{rng.choice(KINDS)} {rng.randrange(1, 9)}"
    return Experience(
        id=f"e{number}",
        task_id=f"task{number // 200}",
        environment="alfworld",
        instruction=f"put a clean {rng.choice(KINDS)} in {rng.choice(PLACES)}.",
        task_type=f"type{number % 6}",
        state=f"You arrive at {place}. On the {place}, you see {things}.",
        action=f"take {thing} from {place}",
        next_state=f"You pick up the {thing} from the {place}.",
        reward=0.0,
        terminated=False,
        reasoning=f"{thing}: in {place} | {place}: surface; {things} => ok",
        origin=Origin.REAL if rng.random() < 0.3 else Origin.DREAMED,
        trajectory_id=f"trajectory{number // 20}",
        turn=number % 20,
        policy_version=number // 1000,
        success=rng.random() < 0.5,
    )


def batches(count: int, size: int, seed: int) -> Iterator[list[Experience]]:
    """``count`` experiences, made before the clock starts."""
    rng = Random(seed)
    made = [experience(number, rng) for number in range(count)]
    yield from (made[start : start + size] for start in range(0, count, size))


def adds_per_second(buffer: ExperienceReplayBuffer, parts: list[list[Experience]]) -> float:
    """Filter, embedding, store and index included."""
    start = time.perf_counter()
    added = sum(buffer.add_experiences(part).added for part in parts)
    return added / (time.perf_counter() - start)


def milliseconds_per_query(buffer: ExperienceReplayBuffer, at_once: int, tries: int) -> float:
    """The median over ``tries``: embedding the query and reading what is found included."""
    rng, times = Random(2), []
    for _ in range(tries):
        queries = [experience(n, rng) for n in range(at_once)]
        turns, own = [(e.state, e.action) for e in queries], [e.trajectory_id for e in queries]
        start = time.perf_counter()
        buffer.neighbours_batch(turns, exclude_trajectories=own, k=K)
        times.append((time.perf_counter() - start) / at_once * 1000)
    return statistics.median(times)


def measure(capacity: int, path: Path) -> dict[str, float]:
    """All figures of a buffer at ``path``."""
    parts = list(batches(capacity, 500, seed=1))
    before, wall, cpu = memory_mib(), time.perf_counter(), time.process_time()
    buffer = ExperienceReplayBuffer(BufferConfig(capacity=capacity, path=path))
    results = {"adds_per_second": adds_per_second(buffer, parts), "memory_mib": memory_mib() - before}
    for at_once, tries in ((1, 100), (8, 20), (128, 5)):
        results[f"ms_per_query_{at_once}_at_once"] = milliseconds_per_query(buffer, at_once, tries)
    more = list(batches(10_000, 500, seed=3))
    results["adds_per_second_when_full"] = adds_per_second(buffer, more)
    results["sample_of_64_ms"] = seconds(lambda: buffer.sample_balanced(64)) * 1000
    results["save_seconds"] = seconds(lambda: buffer.save(path.parent / "saved"))
    results["load_seconds"] = seconds(lambda: buffer.load(path.parent / "saved"))
    results["saved_mib"] = sum(f.stat().st_size for f in (path.parent / "saved").iterdir()) / 2**20
    # Far below 1 the machine was busy with other things, and the times above say little.
    results["cpu_share"] = (time.process_time() - cpu) / (time.perf_counter() - wall)
    buffer.close()
    return {"experiences": len(buffer)} | {name: round(value, 2) for name, value in results.items()}


def seconds(call: Callable[[], object]) -> float:
    """How long ``call`` takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def memory_mib() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--capacity", type=int, default=100_000)
    parser.add_argument("--path", type=Path, help="a folder for the files; a temporary one by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.path) as folder:
        print(json.dumps(measure(arguments.capacity, Path(folder) / "buffer.sqlite"), indent=2))
