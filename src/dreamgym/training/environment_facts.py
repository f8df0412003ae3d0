"""What a person asks of an environment before using it: is it there, what is in it, how fast is it?"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import cast

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DreamGymError
from dreamgym.core.serialization import decode
from dreamgym.environments.base_env import Environment
from dreamgym.environments.needs import Need
from dreamgym.environments.players import RandomPlayer
from dreamgym.training.domains.plugged import FOLDER
from dreamgym.training.domains.registry import DOMAINS, available, open_domain
from dreamgym.training.settings import TRACES

FIGURES = Path(__file__).parents[1] / "assets" / "environments.json"
MEASURED_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What was measured of an environment; None was not. ``fidelity`` is that of the shipped dream."""

    real_turns_per_second: float | None = None
    reset_ms: float | None = None
    dreamed_turns_per_second: float | None = None
    fidelity: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One environment. ``missing`` says how to get what it lacks; it is empty where it can be played.

    ``tasks`` are the sizes of its panels; ``elsewhere`` says of the others why they cannot be played.
    """

    name: str
    missing: str
    tasks: Mapping[str, int]
    elsewhere: Mapping[str, str]
    figures: Figures


def facts_of(name: str, config: EnvironmentConfig) -> Facts:
    """The facts of one environment, with the figures that ship."""
    missing = missing_of(name)
    tasks: dict[str, int] = {}
    elsewhere: dict[str, str] = {}
    if name in available():
        domain = open_domain(config.model_copy(update={"name": name}))
        tasks |= domain.sizes
        for panel in domain.originals:
            try:
                tasks[panel] = len(domain.panels(panel, None))
            except DreamGymError as error:
                elsewhere[panel] = str(error)
    return Facts(
        name=name,
        missing=missing,
        tasks=tasks,
        elsewhere=elsewhere,
        figures=shipped_figures().get(name, Figures()),
    )


def listed() -> list[str]:
    """The environments that have a world of their own."""
    return [name for name in DOMAINS if name != TRACES]


def needs_of(name: str) -> Sequence[Need]:
    """What the environment needs besides this package, as its own folder tells."""
    if name not in available() or find_spec(f"{FOLDER}.{name}.doctor") is None:
        return ()
    return cast(Sequence[Need], vars(import_module(f"{FOLDER}.{name}.doctor"))["needs"]())


def missing_of(name: str) -> str:
    """What to do before it can be played; empty where nothing is missing."""
    if name not in available():
        return "not in this version yet"
    return next((n.hint for n in needs_of(name) if n.found is None and not n.optional), "")


def shipped_figures() -> dict[str, Figures]:
    """The figures of ``dreamgym envs --measure`` on the machine that the package was made on."""
    found = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {name: decode(Figures, figures) for name, figures in found.items()}


def measured(name: str, config: EnvironmentConfig, shipped: Figures) -> Figures:
    """The real world measured here and now as a run's settings have it, for two seconds of turns."""
    turns_per_second, reset_ms = asyncio.run(_measure(config.model_copy(update={"name": name})))
    return replace(shipped, real_turns_per_second=turns_per_second, reset_ms=reset_ms)


async def _measure(config: EnvironmentConfig) -> tuple[float, float]:
    """Turns a second, and milliseconds of a reset; a task is played once, or what is kept of it is timed."""
    domain = open_domain(config)
    first, *tasks = domain.panels("train", None)
    timed = (await domain.real_world(first, 0))()
    listing = open_domain(config.model_copy(update={"show_admissible": True}))
    beside = (await listing.real_world(first, 0))()
    turns, playing, resets = 0, 0.0, list[float]()
    try:
        await _episode(timed, beside, first)  # loads what is loaded once
        for task in tasks:
            played, reset_s, turn_s = await _episode(timed, beside, task)
            turns, playing = turns + played, playing + turn_s
            resets.append(1000 * reset_s)
            if playing > MEASURED_S:
                break
    finally:
        await beside.close()
        await timed.close()
    return round(turns / playing, 1), round(statistics.median(resets), 2)


async def _episode(timed: Environment, beside: Environment, task: Task) -> tuple[int, float, float]:
    """Turns, seconds of the reset, seconds of the turns, of an episode of a random player.

    What could be done is told by a second world, ``beside`` the one that is ``timed`` and always after it.
    """
    player, turns, playing = RandomPlayer(task, Random(0)), 0, 0.0
    started = time.perf_counter()
    await timed.reset(task, 0)
    reset = time.perf_counter() - started
    seen = await beside.reset(task, 0)
    while True:
        action = player.act(seen)
        started = time.perf_counter()
        result = await timed.step(action)
        playing += time.perf_counter() - started
        turns += 1
        if result.terminated or result.truncated:
            return turns, reset, playing
        seen = (await beside.step(action)).observation
