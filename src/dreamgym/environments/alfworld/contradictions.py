"""Where an episode contradicts itself: its texts beside the sheet it started from, by bookkeeping alone.

No engine and no model is asked. What stands in the sheet, or was shown, is kept in mind; an answer that does
not fit it is wrong, whoever gave it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dreamgym.core.data_structures import Sheet, Trajectory
from dreamgym.environments.alfworld.hindsight import ACTION, room_places
from dreamgym.environments.alfworld.notes import NOTHING
from dreamgym.models.sheet import AT, HAND, NAME, UNSEEN, place_of

_LISTING = re.compile(
    r"(?:On the (?P<on>[a-z]+ \d+)|The (?P<inside>[a-z]+ \d+) is open\. In it), you see (?P<things>[^.]*)\."
)
_CLOSED = re.compile(r"The (?P<place>[a-z]+ \d+) is closed\.")


def first_contradiction(trajectory: Trajectory) -> int | None:
    """The number of the first turn whose answer cannot be; None where all of them fit."""
    room = Room.of(trajectory)
    for number, turn in enumerate(trajectory.transitions):
        match = ACTION.fullmatch(turn.action.text)
        if turn.next_state == NOTHING:
            continue
        if not room.allows(match) or not room.fits(turn.next_state, match):
            return number
    return None


@dataclass(slots=True)
class Room:
    """What is known of a room; a place is in ``contents`` where all that lies in it is known."""

    places: set[str]
    contents: dict[str, set[str]] = field(default_factory=dict)
    closed: dict[str, bool] = field(default_factory=dict)
    here: str | None = None
    held: str | None = None

    @classmethod
    def of(cls, trajectory: Trajectory) -> Room:
        """What the episode's first sheet tells, else its opening."""
        opening = trajectory.task.opening or trajectory.transitions[0].state if trajectory.transitions else ""
        if trajectory.sheet is None:
            return cls(places=set(room_places(opening)))
        return cls._of_sheet(trajectory.sheet)

    @classmethod
    def _of_sheet(cls, sheet: Sheet) -> Room:
        room = cls(places={k for k, v in sheet.facts if place_of(v) is None and k not in (AT, HAND)})
        facts = dict(sheet.facts)
        room.contents = {place: set() for place in room.places if UNSEEN not in facts[place]}
        room.closed = {p: facts[p] == "closed" for p in room.places if facts[p] in ("open", "closed")}
        for name, value in sheet.facts:
            if (place := place_of(value)) in room.contents:
                room.contents[place].add(name)
            elif place == HAND:
                room.held = name
        return room

    def allows(self, match: re.Match[str] | None) -> bool:
        """Whether an action that was accepted may have been; what it changes is written down."""
        if match is None:
            return True  # an action of another form, such as look: its answer tells
        verb, first, second = match["verb"], match["first"], match["second"]
        if verb == "go to":
            self.here, allowed = first, first in self.places and first != self.here
            return allowed
        if verb in ("open", "close"):
            opening = verb == "open"
            allowed = self.here == first and self.closed.get(first, opening) is opening
            self.closed[first] = not opening
            return allowed
        if verb == "take":
            return self._take(first, second)
        if verb == "move":
            return self._move(first, second)
        if verb in ("heat", "cool", "clean"):
            return self.held == first and self.here == second
        return self.here not in self.contents or first in self.contents[self.here] | {self.held}

    def _take(self, thing: str, place: str | None) -> bool:
        allowed = self.held is None and self._reaches(place)
        if place in self.contents:
            allowed = allowed and thing in self.contents[place]
            self.contents[place].discard(thing)
        self.held = thing
        return allowed

    def _move(self, thing: str, place: str | None) -> bool:
        allowed = self.held == thing and self._reaches(place)
        if place in self.contents:
            self.contents[place].add(thing)
        self.held = None
        return allowed

    def _reaches(self, place: str | None) -> bool:
        return place is not None and self.here == place and not self.closed.get(place, False)

    def fits(self, text: str, match: re.Match[str] | None) -> bool:
        """Whether what is shown is what is known; what is new is written down."""
        if shown := _CLOSED.search(text):
            was_closed = self.closed.get(shown["place"], True)
            self.closed[shown["place"]] = True
            return was_closed
        listing = _LISTING.search(text)
        if listing is None:
            return True
        place, things = listing["on"] or listing["inside"], set(NAME.findall(listing["things"]))
        is_opened = listing["on"] is not None or not self.closed.get(place, False)
        known = self.contents.get(place)
        elsewhere = {n for p, names in self.contents.items() if p != place for n in names} | {self.held}
        self.contents[place] = things
        return is_opened and (things == known if known is not None else not things & elsewhere)
