"""One ALFWorld game as data: what is in the room, what fits where, what must be done."""

from __future__ import annotations

from dataclasses import dataclass

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Receptacle:
    """A place that holds things. Receptacles with the same ``location`` are reached together."""

    name: str  # as shown: "cabinet 1"
    kind: str  # "cabinet"
    location: int
    openable: bool = False
    opened: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """An object and what can be done with it; ``receptacle`` is where it starts.

    Official games hold three oddities: a thing that lies in several receptacles at once (``also_in``), one
    whose own location is not its receptacle's (``location``; None: the same), one that lies inside another
    thing (``inside``, which only shows when that one is examined).
    """

    name: str  # as shown: "mug 2"
    kind: str  # "mug"
    receptacle: str | None
    location: int | None = None
    also_in: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    pickupable: bool = True
    cleanable: bool = False
    heatable: bool = False
    coolable: bool = False
    toggleable: bool = False
    sliceable: bool = False
    holds_things: bool = False  # PDDL's isReceptacleObject
    cool: bool = False  # it is cold from the start


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What wins, by task type: ``thing`` is a kind of object, ``target`` a kind of receptacle or lamp."""

    task_type: str
    thing: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Game:
    """A scene with a goal. The order of receptacles and things is the order in which the text lists them."""

    id: str
    scene: str
    task_type: str
    instruction: str  # "put a clean mug in coffeemachine."
    receptacles: tuple[Receptacle, ...]
    things: tuple[Thing, ...]
    can_contain: frozenset[tuple[str, str]]  # (receptacle kind, object kind)
    goal: Goal
    start_location: int
    walkthrough: tuple[str, ...] = ()
