"""Why a turn does or does not finish a task, condition by condition: the reasoning behind the reward."""

from __future__ import annotations

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.alfworld.game import Goal
from dreamgym.environments.alfworld.notes import goal_of
from dreamgym.environments.alfworld.planner import TREATMENT
from dreamgym.models.sheet import HAND, at_agent, contents, kind_of, marks_of, value_of

LIGHT, TWO = "look_at_obj_in_light", "pick_two_obj_and_place"
MARKS = {"heat": "hot", "cool": "cool", "clean": "clean"}


def task_check(after: Sheet, action: str, instruction: str) -> str:
    """``mug yes, shelf yes, two no`` for an action that worked, from the sheet after it; empty where the
    action can finish no such task.
    """
    verb, *names = action.split(maxsplit=1)
    things = f" {' '.join(names)}".split(" to ")
    goal = goal_of(instruction)
    if verb == "move" and goal.task_type != LIGHT:
        return _written(_delivered(goal, after, thing=things[0].strip(), place=things[1]))
    if goal.task_type == LIGHT:
        checks = _lit(goal, after)
        return _written(checks) if verb in ("use", "take") or (verb == "go" and checks[goal.target]) else ""
    return ""


def _delivered(goal: Goal, after: Sheet, *, thing: str, place: str) -> dict[str, bool]:
    checks = {goal.thing: kind_of(thing) == goal.thing, goal.target: kind_of(place) == goal.target}
    if goal.task_type == TWO:
        kinds = [kind_of(" ".join(entry.split()[:2])) for entry in contents(after, place)]
        checks["two"] = kinds.count(kind_of(thing)) >= 2
    if verb := TREATMENT.get(goal.task_type):
        checks[MARKS[verb]] = MARKS[verb] in marks_of(value_of(after, thing) or "")
    return checks


def _lit(goal: Goal, after: Sheet) -> dict[str, bool]:
    held = [kind_of(" ".join(entry.split()[:2])) for entry in contents(after, HAND)]
    lamps = [value for name, value in at_agent(after) if kind_of(name) == goal.target]
    return {goal.thing: goal.thing in held, goal.target: any("on" in marks_of(lamp) for lamp in lamps)}


def _written(checks: dict[str, bool]) -> str:
    return ", ".join(f"{condition} {'yes' if holds else 'no'}" for condition, holds in checks.items())
