"""What an agent in an ALFWorld room knows from the texts it was shown, and the goal it was told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dreamgym.environments.alfworld.game import Game, Goal
from dreamgym.environments.alfworld.generator import PHRASES
from dreamgym.models.sheet import kind_of

_NAMES = re.compile(r"\ban? ([a-z]+ \d+)")
_SEEN = re.compile(r"(?:On the ([a-z]+ \d+)|The ([a-z]+ \d+) is open\. In it), you see ([^.]*)\.")
_CLOSED = re.compile(r"The ([a-z]+ \d+) is closed\.|You close the ([a-z]+ \d+)\.")
_ARRIVED = re.compile(r"You arrive at ([a-z]+ \d+)\.")
_TAKEN = re.compile(r"You pick up the ([a-z]+ \d+) from the ([a-z]+ \d+)\.")
_MOVED = re.compile(r"You move the ([a-z]+ \d+) to the ([a-z]+ \d+)\.")
_TREATED = re.compile(r"You (heat|cool|clean) the ([a-z]+ \d+) using the ")
_INSTRUCTIONS = tuple(
    (
        task_type,
        re.compile(re.escape(phrase).replace(r"\{thing\}", r"([a-z]+)").replace(r"\{target\}", r"([a-z]+)")),
    )
    for task_type, phrases in PHRASES.items()
    for phrase in phrases
)
NOTHING = "Nothing happens."


def goal_of(instruction: str) -> Goal:
    """The goal that an ALFWorld instruction states."""
    for task_type, pattern in _INSTRUCTIONS:
        if match := pattern.fullmatch(instruction.strip()):
            return Goal(task_type=task_type, thing=match[1], target=match[2])
    raise ValueError(f"no ALFWorld instruction: {instruction!r}; one reads like 'put a clean mug in shelf.'")


@dataclass(slots=True)
class Notes:
    """The room as last seen. ``contents`` has a key for each place whose inside was seen."""

    places: list[str] = field(default_factory=list)
    contents: dict[str, list[str]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    treated: set[tuple[str, str]] = field(default_factory=set)  # ("heat", "mug 1")
    here: str | None = None
    held: str | None = None
    came_from: str | None = None  # where the held thing lay

    @classmethod
    def of_game(cls, game: Game) -> Notes:
        """Notes of one who knows everything at the start."""
        contents: dict[str, list[str]] = {place.name: [] for place in game.receptacles}
        for thing in game.things:
            if thing.receptacle is not None:
                contents[thing.receptacle].append(thing.name)
        return cls(
            places=[place.name for place in game.receptacles],
            contents=contents,
            closed={place.name for place in game.receptacles if place.openable and not place.opened},
        )

    def read(self, command: str, observation: str) -> None:
        """Take note of the answer to ``command``; the opening has the empty command."""
        if not self.places:
            self.places = _NAMES.findall(observation.partition("Your task is to:")[0])
        if observation == NOTHING:
            self._read_refusal(command)
            return
        if match := _ARRIVED.search(observation):
            self.here = match[1]
        if match := _CLOSED.search(observation):
            self.closed.add(match[1] or match[2])
        if match := _SEEN.search(observation):
            place = match[1] or match[2]
            self.closed.discard(place)
            self.contents[place] = _NAMES.findall(match[3])
        self._read_handling(observation)

    def _read_refusal(self, command: str) -> None:
        # Some places are reached together: going from one to the other is refused, because one is there.
        target = command.removeprefix("go to ")
        if target != command and target in self.places:
            self.here = target

    def _read_handling(self, observation: str) -> None:
        if match := _TAKEN.match(observation):
            self.held, self.came_from = match[1], match[2]
            self._forget(match[1])
        elif match := _MOVED.match(observation):
            self.held = self.came_from = None
            self.contents.setdefault(match[2], []).append(match[1])
        elif match := _TREATED.match(observation):
            self.treated.add((match[1], match[2]))

    def _forget(self, thing: str) -> None:
        for things in self.contents.values():
            if thing in things:
                things.remove(thing)

    def where(self, kind: str) -> list[tuple[str, str]]:
        """Every (place, thing) where a thing of this kind was last seen."""
        return [
            (place, thing)
            for place, things in self.contents.items()
            for thing in things
            if kind_of(thing) == kind
        ]

    def of_kind(self, kind: str) -> list[str]:
        """The places of a kind, lowest number first."""
        return [place for place in reversed(self.places) if kind_of(place) == kind]

    def unseen(self) -> list[str]:
        """Places whose inside was not seen yet."""
        return [place for place in self.places if place not in self.contents]

    def visible(self) -> list[str]:
        """The things that lie open where one stands."""
        return (
            self.contents.get(self.here, []) if self.here is not None and self.here not in self.closed else []
        )
