"""The real world of a dream's sheet: a game with the sheet's places and things, to replay dreamed actions in."""

from __future__ import annotations

import re

from dreamgym.core.data_structures import Sheet, Task
from dreamgym.core.errors import DataError
from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Game, Goal, Receptacle, Thing
from dreamgym.environments.alfworld.generator import PHRASES
from dreamgym.models.sheet import HAND, place_of, places


def parse_goal(instruction: str) -> Goal:
    """The goal that an instruction of ALFWorld's phrasing states.

    Raises:
        DataError: the instruction follows none of the phrases.
    """
    for task_type, phrases in PHRASES.items():
        for phrase in phrases:
            pattern = (
                re.escape(phrase)
                .replace(r"\{thing\}", r"(?P<thing>\w+)")
                .replace(r"\{target\}", r"(?P<target>\w+)")
            )
            if match := re.fullmatch(pattern, instruction):
                return Goal(task_type=task_type, thing=match["thing"], target=match["target"])
    raise DataError(
        f"the instruction {instruction!r} follows none of ALFWorld's phrases; see generator.PHRASES"
    )


def game_from_sheet(task: Task, sheet: Sheet) -> Game:
    """The game that the real engine plays where a dream started from ``sheet``."""
    rooms = {name: number for number, name in enumerate(places(sheet), start=1)}
    facts = dict(sheet.facts)
    goal = parse_goal(task.instruction)
    return Game(
        id=f"sheet/{task.id}",
        scene=f"sheet/{task.id}",
        task_type=goal.task_type,
        instruction=task.instruction,
        receptacles=tuple(_receptacle(name, facts[name], rooms[name]) for name in rooms),
        things=tuple(_thing(key, place, rooms) for key, value in sheet.facts if (place := place_of(value))),
        can_contain=frozenset(
            (place, kind) for place, kinds in catalogue.CAN_CONTAIN.items() for kind in kinds
        ),
        goal=goal,
        start_location=0,
    )


def _receptacle(name: str, value: str, location: int) -> Receptacle:
    kind = name.rpartition(" ")[0]
    return Receptacle(
        name=name, kind=kind, location=location, openable=value in ("open", "closed"), opened=value == "open"
    )


def _thing(name: str, place: str, rooms: dict[str, int]) -> Thing:
    kind = name.rpartition(" ")[0]
    return Thing(
        name=name,
        kind=kind,
        receptacle=None if place == HAND else place,
        location=rooms.get(place),
        pickupable=kind not in catalogue.FIXED,
        cleanable=kind in catalogue.CLEANABLE,
        heatable=kind in catalogue.HEATABLE,
        coolable=kind in catalogue.COOLABLE,
        toggleable=kind in catalogue.TOGGLEABLE,
        sliceable=kind in catalogue.SLICEABLE,
        holds_things=kind in catalogue.HOLDS_THINGS,
    )
