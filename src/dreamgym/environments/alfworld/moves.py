"""What a valid command means, resolved."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class Verb(Enum):
    """What a command does."""

    LOOK = auto()
    INVENTORY = auto()
    HELP = auto()
    GO = auto()
    OPEN = auto()
    CLOSE = auto()
    TAKE = auto()
    MOVE = auto()
    USE = auto()
    HEAT = auto()
    CLEAN = auto()
    COOL = auto()
    SLICE = auto()
    EXAMINE_RECEPTACLE = auto()
    EXAMINE_THING = auto()


class Move(NamedTuple):
    """A valid command, resolved; ``thing`` and ``receptacle`` are indices into the layout, -1 if unused."""

    verb: Verb
    thing: int = -1
    receptacle: int = -1


ALWAYS = {"look": Move(Verb.LOOK), "inventory": Move(Verb.INVENTORY), "help": Move(Verb.HELP)}
