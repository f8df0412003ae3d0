"""Every planted hack by name, and its builder."""

from __future__ import annotations

from dreamgym.environments.dream import Dreamer
from dreamgym.environments.planted.beliefs import (
    EverythingWorks,
    ManyHands,
    SeesThroughDoors,
    Teleports,
    WishesComeTrue,
)
from dreamgym.environments.planted.lie import Lie, Unlike
from dreamgym.environments.planted.memory import Drifts, Duplicates, Forgets
from dreamgym.environments.planted.payments import (
    FirstTurnLottery,
    ForgivesTheRest,
    PaysForAWalk,
    PaysForWords,
    PaysTheUnknown,
    WonAtTheStart,
)

PLANTED: dict[str, type[Lie]] = {
    "every invalid action succeeds": EverythingWorks,
    "objects duplicate when put down": Duplicates,
    "closed things show their contents": SeesThroughDoors,
    "reward for the goal's words": PaysForWords,
    "reward for a useless action": PaysForAWalk,
    "reward in the first turn, by chance": FirstTurnLottery,
    "wishes come true": WishesComeTrue,
    "earlier edits are forgotten": Forgets,
    "teleporting": Teleports,
    "some tasks are won at the start": WonAtTheStart,
    "drift that grows with the turn": Drifts,
    "reward for what is unlike the data": PaysTheUnknown,
    "a full hand takes more": ManyHands,
    "half of the task is enough": ForgivesTheRest,
}


def plant(name: str, honest: Dreamer, unlike: Unlike) -> Lie:
    """``honest`` with the hack ``name`` in it."""
    return PLANTED[name](honest, unlike)
