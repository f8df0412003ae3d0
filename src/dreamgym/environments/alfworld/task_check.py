"""Why a turn does or does not finish a task, condition by condition: the reasoning behind the reward."""

from __future__ import annotations

import re

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.alfworld.game import Goal
from dreamgym.environments.alfworld.notes import goal_of
from dreamgym.environments.alfworld.planner import TREATMENT
from dreamgym.models.sheet import AT, HAND, kind_of, marks_of, things_in, value_of

LIGHT, TWO = "look_at_obj_in_light", "pick_two_obj_and_place"
MARKS = {"heat": "hot", "cool": "cool", "clean": "clean"}
_MOVE = re.compile(r"move (?P<thing>.+) to (?P<place>.+)")


def task_check(after: Sheet, action: str, instruction: str) -> str:
    """``mug yes, shelf yes, two no`` for an action that worked, from the sheet after it.

    Empty where the action can finish no such task, and where the instruction is in words of somebody's own.
    """
    try:
        goal = goal_of(instruction)
    except ValueError:
        return ""
    if goal.task_type == LIGHT:
        checks, verb = _lit(goal, after), action.partition(" ")[0]
        return _written(checks) if verb in ("use", "take") or (verb == "go" and checks[goal.target]) else ""
    match = _MOVE.fullmatch(action)
    return _written(_delivered(goal, after, match["thing"], match["place"])) if match else ""


def _delivered(goal: Goal, after: Sheet, thing: str, place: str) -> dict[str, bool]:
    kind = kind_of(thing)
    checks = {goal.thing: kind == goal.thing, goal.target: kind_of(place) == goal.target}
    if goal.task_type == TWO:
        checks["two"] = sum(kind_of(name) == kind for name, _ in things_in(after, place)) >= 2
    if verb := TREATMENT.get(goal.task_type):
        checks[MARKS[verb]] = MARKS[verb] in marks_of(value_of(after, thing) or "")
    return checks


def _lit(goal: Goal, after: Sheet) -> dict[str, bool]:
    held = {kind_of(name) for name, _ in things_in(after, HAND)}
    here = things_in(after, value_of(after, AT) or "")
    is_lit = any(kind_of(name) == goal.target and "on" in marks_of(value) for name, value in here)
    return {goal.thing: goal.thing in held, goal.target: is_lit}


def _written(checks: dict[str, bool]) -> str:
    return ", ".join(f"{condition} {'yes' if holds else 'no'}" for condition, holds in checks.items())
