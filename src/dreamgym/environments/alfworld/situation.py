"""Where one stands in a game, as those need it who look for what goes wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Game, Receptacle
from dreamgym.environments.alfworld.notes import Notes
from dreamgym.models.sheet import kind_of
from dreamgym.utils.draws import choose

Item = TypeVar("Item")


@dataclass(slots=True)
class Situation:
    """Where one stands: the game, what is true now, and what worked some turns ago."""

    game: Game
    truth: Notes
    past: Sequence[str]
    rng: Random

    def one(self, items: Sequence[Item]) -> Item:
        """Any of ``items``; none at all is a ``LookupError``, which skips the mistake."""
        if not items:
            raise LookupError
        return choose(self.rng, items)

    def require(self, condition: bool) -> None:
        """Skip the mistake unless ``condition`` holds."""
        if not condition:
            raise LookupError

    @property
    def here(self) -> str:
        """The place one stands at."""
        self.require(self.truth.here is not None)
        return str(self.truth.here)

    @property
    def held(self) -> str:
        """What one holds."""
        self.require(self.truth.held is not None)
        return str(self.truth.held)

    @property
    def anywhere(self) -> str:
        """Here, or where one is not: policies lose track."""
        if self.truth.here is not None and self.rng.random() < 0.7:
            return self.truth.here
        return self.one(self.truth.places)

    def elsewhere(self) -> str:
        """Another place of the room."""
        return self.one([place for place in self.truth.places if place != self.truth.here])

    def place(self, name: str) -> Receptacle:
        """The record of a place."""
        return next(place for place in self.game.receptacles if place.name == name)

    def things(self, *, at: str | None = None, kinds: frozenset[str] | None = None) -> list[str]:
        """Portable things that lie in a place, or in any."""
        return [
            thing
            for place, things in self.truth.contents.items()
            if at is None or place == at
            for thing in things
            if kind_of(thing) not in catalogue.FIXED and (kinds is None or kind_of(thing) in kinds)
        ]

    def devices(self, verb: str) -> list[str]:
        """The places that heat, clean or cool."""
        return self.truth.of_kind(catalogue.DEVICES[verb])
