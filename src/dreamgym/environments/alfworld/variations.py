"""Variations of ALFWorld tasks by rules (paper Eq. 6): other goals in the seed's room, things moved about.

Everything is read off the task's state sheet. Hardness counts commands (`feasibility.hardness`), so that a
``difficulty_increment`` of 0.1 asks for one more: a closed door, a device on the way, a second thing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from dreamgym.core.data_structures import Sheet, Task
from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.feasibility import goals, hardness, obstacle, room_of
from dreamgym.environments.alfworld.game import TASK_TYPES, Goal
from dreamgym.environments.alfworld.generator import PHRASES, choose
from dreamgym.environments.alfworld.hindsight import opening_sheet
from dreamgym.environments.alfworld.notes import goal_of
from dreamgym.models.recombination import variation
from dreamgym.models.sheet import UNSEEN, kind_of, make_sheet, marks_of, place_of, thing_value

USUAL_HARDNESS = 0.6  # of a seed that is no ALFWorld goal
SPREAD = 0.1  # hardness that far from the wanted one is e times rarer
MOVED = 0.5  # share of the goal's things that are put elsewhere


class AlfworldVariator:
    """The rules of ALFWorld's tasks for the curriculum."""

    def variations(self, seed: Task, rng: Random, *, increment: float) -> Iterator[Task]:
        """Feasible tasks in the seed's room, about ``increment`` harder than the seed, the most wanted first.

        The six types are equally likely. Some of the things asked for lie elsewhere than in the seed's room.
        Nothing where the seed has no sheet.
        """
        if seed.sheet is None:
            return
        room = room_of(seed.sheet)
        own = _goal(seed.instruction)
        is_known = own is not None and obstacle(own, room) is None
        wanted = (hardness(own, room) if own and is_known else USUAL_HARDNESS) + increment
        by_type = {task_type: goals(room, task_type) for task_type in TASK_TYPES}
        drawn: list[tuple[float, int, Goal, Sheet]] = []
        for goal in (goal for own_type in by_type.values() for goal in own_type):
            sheet = moved(seed.sheet, goal, rng)
            distance = abs(hardness(goal, room_of(sheet)) - wanted)
            # The smallest of exponential draws is this one in proportion to its weight.
            weight = math.exp(-distance / SPREAD) / len(by_type[goal.task_type])
            drawn.append((-math.log(1 - rng.random()) / weight, len(drawn), goal, sheet))
        for _, _, goal, sheet in sorted(drawn):
            phrase = choose(rng, PHRASES[goal.task_type]).format(thing=goal.thing, target=goal.target)
            yield replace(variation(seed, phrase, goal.task_type), sheet=sheet)

    def refusal(self, task: Task) -> str | None:
        """Why the task cannot be done in its room, as far as its sheet, or else its opening, tells."""
        goal = _goal(task.instruction)
        if goal is None:
            return "not_understood"
        sheet = task.sheet or make_sheet(opening_sheet(task.opening))
        return obstacle(goal, room_of(sheet))

    def task_type(self, instruction: str) -> str:
        """One of the six types, or nothing."""
        goal = _goal(instruction)
        return "" if goal is None else goal.task_type


def moved(sheet: Sheet, goal: Goal, rng: Random) -> Sheet:
    """The sheet with some of the things that the goal asks for in other places that hold such things."""
    homes = [
        name
        for name, value in sheet.facts
        if goal.thing in catalogue.CAN_CONTAIN.get(kind_of(name), ())
        and kind_of(name) != goal.target
        and place_of(value) is None
        and UNSEEN not in value
    ]
    facts = []
    for name, value in sheet.facts:
        if kind_of(name) == goal.thing and place_of(value) is not None and homes and rng.random() < MOVED:
            value = thing_value(choose(rng, homes), marks_of(value))
        facts.append((name, value))
    return Sheet(facts=tuple(facts))


def _goal(instruction: str) -> Goal | None:
    try:
        return goal_of(instruction)
    except ValueError:
        return None
