"""Task variations where no rules of the environment are at hand: words exchanged between like tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from dreamgym.core.data_structures import Task, TaskOrigin

# Tasks to begin with where the user gives none: households, the default environment.
HOUSEHOLD_SEEDS = tuple(
    Task(id=f"household/{task_type}/{number}", environment="alfworld", instruction=text, task_type=task_type)
    for task_type, texts in {
        "pick_and_place_simple": (
            "put a mug in shelf.",
            "put a book in desk.",
            "put a candle in countertop.",
        ),
        "look_at_obj_in_light": (
            "look at book under the desklamp.",
            "look at pen under the desklamp.",
            "look at watch under the desklamp.",
        ),
        "pick_clean_then_place_in_recep": (
            "put a clean plate in cabinet.",
            "put a clean fork in drawer.",
            "put a clean cloth in countertop.",
        ),
        "pick_heat_then_place_in_recep": (
            "put a hot mug in cabinet.",
            "put a hot potato in fridge.",
            "put a hot egg in diningtable.",
        ),
        "pick_cool_then_place_in_recep": (
            "put a cool apple in microwave.",
            "put a cool tomato in diningtable.",
            "put a cool plate in cabinet.",
        ),
        "pick_two_obj_and_place": (
            "put two pillow in sofa.",
            "put two cellphone in desk.",
            "put two soapbar in cabinet.",
        ),
    }.items()
    for number, text in enumerate(texts, 1)
)


def recombinations(seed: Task, others: Sequence[Task], rng: Random) -> Iterator[Task]:
    """``seed`` with one word taken from another task of the same type and length, in random order."""
    own = seed.instruction.split()
    texts = set()
    for other in others:
        words = other.instruction.split()
        if (other.environment, other.task_type, len(words)) == (seed.environment, seed.task_type, len(own)):
            for place in range(len(own)):
                texts.add(" ".join((*own[:place], words[place], *own[place + 1 :])))
    taken = {task.instruction for task in (seed, *others)}
    for text in _shuffled(sorted(texts - taken), rng):
        yield variation(seed, text, seed.task_type)


def variation(seed: Task, instruction: str, task_type: str) -> Task:
    """A synthetic task in the world of ``seed``; its id is given when it is taken."""
    return replace(
        seed,
        id="",
        instruction=instruction,
        task_type=task_type,
        origin=TaskOrigin.SYNTHETIC,
        parent_id=seed.id,
        opening=seed.opening.replace(seed.instruction, instruction) if seed.instruction else seed.opening,
    )


def _shuffled(items: list[str], rng: Random) -> list[str]:
    rng.shuffle(items)
    return items
