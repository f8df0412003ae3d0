"""Invalid commands of every kind that a weak policy makes, at the state where one stands.

An experience model that has never seen a kind of mistake believes it, and an agent trained in its dreams
learns to make it. A candidate counts only if the engine answers "Nothing happens.".
"""

from __future__ import annotations

from collections.abc import Iterator

from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.mistake_kinds import KINDS, WEIGHTS
from dreamgym.environments.alfworld.notes import NOTHING
from dreamgym.environments.alfworld.situation import Situation
from dreamgym.utils.draws import draw


def candidates(situation: Situation) -> Iterator[tuple[str, str]]:
    """One command of each kind of mistake that can be made here, unchecked."""
    for kind, build in KINDS.items():
        try:
            yield kind, build(situation)
        except LookupError:
            continue


def mistakes(world: World, situation: Situation) -> list[tuple[str, str]]:
    """``(kind, command)`` for every kind of mistake that can be made now; the world is left as it was."""
    return [(kind, command) for kind, command in candidates(situation) if is_mistake(world, command)]


def draw_mistake(world: World, situation: Situation) -> tuple[str, str]:
    """One mistake, of a kind in proportion to ``WEIGHTS``; the world is left as it was."""
    left = dict(WEIGHTS)
    while left:
        kind = draw(situation.rng, left)
        try:
            command = KINDS[kind](situation)
        except LookupError:
            del left[kind]
            continue
        if is_mistake(world, command):
            return kind, command
        del left[kind]
    raise AssertionError("a word that no world knows is always refused")


def is_mistake(world: World, command: str) -> bool:
    """Whether the world refuses ``command``; it is left as it was."""
    before = world.snapshot()
    if world.step(command).observation == NOTHING:
        return True
    world.restore(before)
    return False
