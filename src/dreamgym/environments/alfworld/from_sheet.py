"""The real world of a dream's sheet: a game with its places and things, to replay dreamed actions in."""

from __future__ import annotations

from dreamgym.core.data_structures import Sheet, Task
from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Game, Receptacle, Thing
from dreamgym.environments.alfworld.hindsight import MIDDLE
from dreamgym.environments.alfworld.notes import goal_of
from dreamgym.models.sheet import AT, HAND, kind_of, make_sheet, place_of, places, thing_value


def game_from_sheet(task: Task, sheet: Sheet) -> Game:
    """The game that the real engine plays where a dream started from ``sheet``."""
    rooms = {name: number for number, name in enumerate(places(sheet), start=1)}
    facts = dict(sheet.facts)
    goal = goal_of(task.instruction)
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


def sheet_of_game(game: Game) -> Sheet:
    """The sheet of a real game at its start: to measure a dream beside the real world, never to train."""
    facts = {AT: MIDDLE, HAND: "holds"}
    for place in game.receptacles:
        status = "open" if place.opened else "closed"
        facts[place.name] = status if place.openable else "surface"
    facts |= {thing.name: thing_value(thing.receptacle) for thing in game.things if thing.receptacle}
    return make_sheet(facts)


def _receptacle(name: str, value: str, location: int) -> Receptacle:
    kind = kind_of(name)
    return Receptacle(
        name=name, kind=kind, location=location, openable=value in ("open", "closed"), opened=value == "open"
    )


def _thing(name: str, place: str, rooms: dict[str, int]) -> Thing:
    kind = kind_of(name)
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
