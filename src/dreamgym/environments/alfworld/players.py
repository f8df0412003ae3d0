"""Scripted players: an expert, a systematic explorer, a weak searcher, a tinkerer, a random one.

A player is told the opening and the answer to every command (``see``), also to commands that it did not
choose, and says what to do next (``choose``). All but the expert know what the texts told them and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Game
from dreamgym.environments.alfworld.notes import Notes, goal_of
from dreamgym.environments.alfworld.planner import next_command, search_command
from dreamgym.models.sheet import kind_of
from dreamgym.utils.draws import choose

Admissible = Callable[[], Sequence[str]]
DISTRACTION = (0.2, 0.6)  # how often a weak player does something else than what it should: from, to


class Player(Protocol):
    """Plays one episode."""

    def see(self, command: str, observation: str) -> None:
        """Take note of the answer to ``command``; the opening has the empty command."""
        ...

    def choose(self, admissible: Admissible) -> str:
        """The next command; ``admissible`` lists what the world would accept now."""
        ...


class Expert:
    """Knows where everything is and goes straight for it."""

    def __init__(self, game: Game, rng: Random) -> None:
        self._goal = game.goal
        self._notes = Notes.of_game(game)

    def see(self, command: str, observation: str) -> None:
        """See ``Player``."""
        self._notes.read(command, observation)

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        return next_command(self._goal, self._notes) or "look"


class Explorer:
    """Looks into one place after the other, and does the task as soon as it has seen enough."""

    def __init__(self, game: Game, rng: Random) -> None:
        self._goal = goal_of(game.instruction)
        self.notes = Notes()
        self._start = rng.random()

    def see(self, command: str, observation: str) -> None:
        """See ``Player``."""
        self.notes.read(command, observation)

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        return next_command(self._goal, self.notes) or self._search()

    def _search(self) -> str:
        """Round the room, in the order of the opening's list, from a place of its own."""
        notes = self.notes
        if notes.here in notes.unseen():
            return search_command(notes.here, notes)
        first = int(self._start * len(notes.places))
        tour = notes.places[first:] + notes.places[:first]
        left = [place for place in tour if place in notes.unseen()]
        return search_command(left[0], notes) if left else "look"


class Weak:
    """An explorer that is often distracted: wanders off, takes the wrong thing, tries something."""

    def __init__(self, game: Game, rng: Random) -> None:
        self._explorer = Explorer(game, rng)
        self._goal = goal_of(game.instruction)
        self._rng = rng
        low, high = DISTRACTION
        self._distraction = low + rng.random() * (high - low)

    def see(self, command: str, observation: str) -> None:
        """See ``Player``."""
        self._explorer.see(command, observation)

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        if self._rng.random() < self._distraction:
            return self._stray(admissible)
        return self._explorer.choose(admissible)

    def _stray(self, admissible: Admissible) -> str:
        notes, rng = self._explorer.notes, self._rng
        idea = rng.random()
        if idea < 0.45:
            return f"go to {choose(rng, notes.places)}"
        wrong = [thing for thing in notes.visible() if self._could_return(thing)]
        if idea < 0.65 and notes.held is None and wrong:
            return f"take {choose(rng, wrong)} from {notes.here}"
        return choose(rng, admissible())

    def _could_return(self, thing: str) -> bool:
        kind = kind_of(thing)
        return can_hold(self._explorer.notes.here, kind) and kind != self._goal.thing


class Tinkerer:
    """Carries things about and tries what each place does with them, allowed or not."""

    def __init__(self, game: Game, rng: Random) -> None:
        self._notes = Notes()
        self._rng = rng

    def see(self, command: str, observation: str) -> None:
        """See ``Player``."""
        self._notes.read(command, observation)

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        notes, idea = self._notes, self._rng.random()
        if notes.here is None or idea < 0.3:
            return f"go to {choose(self._rng, self._devices() or notes.places)}"
        if notes.here in notes.unseen() and idea < 0.8:
            return f"open {notes.here}"
        if notes.held is None:
            things = notes.visible()
            return (
                f"take {choose(self._rng, things)} from {notes.here}"
                if things
                else choose(self._rng, admissible())
            )
        return self._try(notes.held, notes.here)

    def _devices(self) -> list[str]:
        """Where to try things out, half of the time that something is in hand."""
        if self._notes.held is None or self._rng.random() < 0.5:
            return []
        return [place for place in self._notes.places if kind_of(place) in catalogue.DEVICES.values()]

    def _try(self, held: str, here: str) -> str:
        soft = [thing for thing in self._notes.visible() if kind_of(thing) in catalogue.SLICEABLE]
        if soft and kind_of(held) in catalogue.KNIVES:
            return f"slice {choose(self._rng, soft)} with {held}"
        verb = choose(self._rng, ("move", "move", "move", "heat", "cool", "clean", "use", "examine"))
        if verb == "move":
            return f"move {held} to {here}"
        return f"{verb} {held}" if verb in ("use", "examine") else f"{verb} {held} with {here}"


class RandomPlayer:
    """Any admissible command."""

    def __init__(self, game: Game, rng: Random) -> None:
        self._rng = rng

    def see(self, command: str, observation: str) -> None:
        """See ``Player``."""

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        return choose(self._rng, admissible())


def can_hold(place: str | None, kind: str) -> bool:
    """Whether a thing of this kind may be put there, by what one knows of households."""
    return place is not None and kind in catalogue.CAN_CONTAIN.get(kind_of(place), ())


PLAYERS: dict[str, Callable[[Game, Random], Player]] = {
    "expert": Expert,
    "explorer": Explorer,
    "weak": Weak,
    "tinkerer": Tinkerer,
    "random": RandomPlayer,
}
