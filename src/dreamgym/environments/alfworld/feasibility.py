"""What can be asked for in an ALFWorld room, as its state sheet tells, and how hard it is.

The *hardness* of a goal is a tenth of the commands that its shortest solution takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Goal
from dreamgym.environments.alfworld.generator import NEEDS, NEVER_A_TARGET, NOT_BACK_INTO, STARTS_ELSEWHERE
from dreamgym.models.sheet import AT, HAND, UNSEEN, kind_of, marks_of, place_of

LIGHT, TWO = "look_at_obj_in_light", "pick_two_obj_and_place"
COMMANDS_PER_HARDNESS = 10
UNKNOWN_HOME = ("", "closed")
PORTABLE = frozenset(thing for things in catalogue.CAN_CONTAIN.values() for thing in things)
DEVICES = {  # task type: the place it needs, the mark it leaves
    "pick_clean_then_place_in_recep": (catalogue.DEVICES["clean"], "clean"),
    "pick_heat_then_place_in_recep": (catalogue.DEVICES["heat"], "hot"),
    "pick_cool_then_place_in_recep": (catalogue.DEVICES["cool"], "cool"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A sheet as places by kind and things by kind."""

    places: dict[str, dict[str, str]]  # kind: name: value
    things: dict[str, dict[str, str]]  # kind: name: value
    is_seen: bool  # the contents of every place are known

    def home(self, thing: str) -> tuple[str, str]:
        """The place of a thing and that place's value."""
        place = place_of(self.things[kind_of(thing)][thing]) or ""
        return place, self.places.get(kind_of(place), {}).get(place, "")


def room_of(sheet: Sheet) -> Room:
    """What the sheet tells, by kind."""
    places: dict[str, dict[str, str]] = {}
    things: dict[str, dict[str, str]] = {}
    for name, value in sheet.facts:
        if name not in (AT, HAND):
            (places if place_of(value) is None else things).setdefault(kind_of(name), {})[name] = value
    is_seen = not any(UNSEEN in value for names in places.values() for value in names.values())
    return Room(places=places, things=things, is_seen=is_seen)


def obstacle(goal: Goal, room: Room) -> str | None:
    """Why the goal cannot be reached in the room, or is reached already; None where it is a task."""
    if goal.thing not in PORTABLE or (room.is_seen and goal.thing not in room.things):
        return "no_such_thing"
    if goal.task_type == LIGHT:
        missing = goal.target not in catalogue.TOGGLEABLE or (room.is_seen and goal.target not in room.things)
        return "no_such_target" if missing else None
    if goal.target not in room.places or goal.target in NEVER_A_TARGET:
        return "no_such_target"
    if goal.thing not in catalogue.CAN_CONTAIN.get(goal.target, ()):
        return "does_not_fit"
    return _treatment_obstacle(goal, room) or _start_obstacle(goal, room)


def _treatment_obstacle(goal: Goal, room: Room) -> str | None:
    if goal.thing not in NEEDS.get(goal.task_type, (goal.thing,)):
        return "cannot_be_treated"
    if goal.task_type in DEVICES and DEVICES[goal.task_type][0] not in room.places:
        return "no_device"
    return "device_is_the_target" if goal.target == NOT_BACK_INTO.get(goal.task_type) else None


def _start_obstacle(goal: Goal, room: Room) -> str | None:
    things = room.things.get(goal.thing, {})
    if goal.task_type == TWO and room.is_seen and len(things) < 2:
        return "too_few_things"
    inside = [value for value in things.values() if kind_of(place_of(value) or "") == goal.target]
    mark = DEVICES.get(goal.task_type, ("", ""))[1]
    if (goal.task_type in STARTS_ELSEWHERE and inside) or any(mark in marks_of(value) for value in inside):
        return "solved_already"
    return None


def hardness(goal: Goal, room: Room) -> float:
    """The commands of the shortest solution, in tenths: go there, open it, take, treat, put."""
    homes = [room.home(thing) for thing in room.things.get(goal.thing, {})] or [UNKNOWN_HOME]
    if goal.task_type == LIGHT:
        lamps = [room.home(lamp) for lamp in room.things.get(goal.target, {})] or [UNKNOWN_HOME]
        commands = 2 + min(_reach(*h) + (0 if h == lamp else _reach(*lamp)) for h in homes for lamp in lamps)
        return commands / COMMANDS_PER_HARDNESS
    targets = list(room.places[goal.target].items())
    if goal.task_type == TWO:
        # The target is open when the second thing comes, and so is the home that both may have.
        pairs = combinations(homes * (1 + (len(homes) == 1)), 2)
        fetching = 2 + min(_reach(*a) + (1 if a == b else _reach(*b)) for a, b in pairs)
        return (fetching + min(_reach(*t) for t in targets) + 3) / COMMANDS_PER_HARDNESS
    device = DEVICES.get(goal.task_type, ("", ""))[0]
    treating = 2 if device else 0
    commands = 2 + min(
        # Its home was opened when the thing was fetched, and may be the device or the target.
        _reach(*h) + treating - (kind_of(h[0]) == device) + (1 if h == t else _reach(*t))
        for h in homes
        for t in targets
    )
    return commands / COMMANDS_PER_HARDNESS


def _reach(place: str, value: str) -> int:
    """Commands until the hand is in ``place``: none where it is the hand, one more where it is closed."""
    return 0 if place == HAND else 1 + value.startswith("closed")


def goals(room: Room, task_type: str) -> list[Goal]:
    """Every goal of this type that can be reached in the room."""
    targets = sorted(catalogue.TOGGLEABLE) if task_type == LIGHT else sorted(room.places)
    candidates = [
        Goal(task_type=task_type, thing=thing, target=target)
        for thing in sorted(room.things)
        for target in targets
    ]
    return [goal for goal in candidates if obstacle(goal, room) is None]
