"""What never changes while a game is played, as tables of indices: places, what fits where, what wins."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from dreamgym.environments.alfworld.game import TASK_TYPES, Game, Receptacle, Thing
from dreamgym.environments.alfworld.moves import ALWAYS, Move, Verb

CLEANERS = frozenset({"sink", "sinkbasin"})
HEATERS = frozenset({"microwave"})
COOLERS = frozenset({"fridge"})
KNIVES = frozenset({"knife", "butterknife"})


class Layout:
    """A :class:`Game` with every name replaced by its index, in the order in which the text lists them."""

    def __init__(self, game: Game) -> None:
        if game.goal.task_type not in TASK_TYPES:
            raise ValueError(
                f"game {game.id}: the goal's task type is {game.goal.task_type!r}, not one of {TASK_TYPES}"
            )
        self.game = game
        self.receptacles: tuple[Receptacle, ...] = game.receptacles
        self.things: tuple[Thing, ...] = game.things
        self.receptacle_index = _index(game.id, [receptacle.name for receptacle in game.receptacles])
        self.thing_index = _index(game.id, [thing.name for thing in game.things])
        self._at: dict[int, list[int]] = defaultdict(list)
        for index, receptacle in enumerate(game.receptacles):
            self._at[receptacle.location].append(index)
        self._elsewhere: dict[int, dict[str, Move]] = {}

    def receptacles_at(self, location: int) -> list[int]:
        """The receptacles that are reached together at ``location``."""
        return self._at.get(location, [])

    def elsewhere(self, location: int) -> dict[str, Move]:
        """The commands that every state with the agent at ``location`` allows: go elsewhere, look, ..."""
        if location not in self._elsewhere:
            go = {
                f"go to {receptacle.name}": Move(Verb.GO, receptacle=index)
                for index, receptacle in enumerate(self.receptacles)
                if receptacle.location != location
            }
            self._elsewhere[location] = go | ALWAYS
        return self._elsewhere[location]

    @cached_property
    def contents(self) -> tuple[tuple[int, ...], ...]:
        """The things in each receptacle at the start."""
        contents: list[list[int]] = [[] for _ in self.receptacles]
        for index, thing in enumerate(self.things):
            first = () if thing.receptacle is None else (thing.receptacle,)
            for name in dict.fromkeys(first + thing.also_in):
                contents[self._find(name, f"the thing {thing.name!r}")].append(index)
        return tuple(tuple(things) for things in contents)

    @cached_property
    def places(self) -> frozenset[tuple[int, int]]:
        """(thing, location) at the start."""
        places = set()
        for index, thing in enumerate(self.things):
            if thing.location is not None:
                places.add((index, thing.location))
            elif thing.receptacle is not None:
                places.add((index, self.receptacles[self.receptacle_index[thing.receptacle]].location))
        return frozenset(places)

    @cached_property
    def inside(self) -> dict[int, list[int]]:
        """The things inside each thing that holds things; nothing moves them in or out."""
        inside: dict[int, list[int]] = defaultdict(list)
        for index, thing in enumerate(self.things):
            for name in thing.inside:
                inside[self.thing_index[name]].append(index)
        return inside

    @cached_property
    def fits(self) -> dict[str, frozenset[str]]:
        """The kinds of things that each kind of receptacle takes."""
        fits: dict[str, set[str]] = defaultdict(set)
        for receptacle_kind, thing_kind in self.game.can_contain:
            fits[receptacle_kind].add(thing_kind)
        return {kind: frozenset(things) for kind, things in fits.items()}

    @cached_property
    def sliceable(self) -> tuple[int, ...]:
        return tuple(index for index, thing in enumerate(self.things) if thing.sliceable)

    @cached_property
    def goal_things(self) -> frozenset[int]:
        """The things that can win, each treatable as the task asks."""
        goal = self.game.goal
        flag = {
            "pick_clean_then_place_in_recep": "cleanable",
            "pick_heat_then_place_in_recep": "heatable",
            "pick_cool_then_place_in_recep": "coolable",
        }.get(goal.task_type)
        return frozenset(
            index
            for index, thing in enumerate(self.things)
            if thing.kind == goal.thing and (flag is None or getattr(thing, flag))
        )

    @cached_property
    def goal_receptacles(self) -> tuple[int, ...]:
        return tuple(i for i, place in enumerate(self.receptacles) if place.kind == self.game.goal.target)

    @cached_property
    def goal_lamps(self) -> frozenset[int]:
        target = self.game.goal.target
        return frozenset(
            i for i, thing in enumerate(self.things) if thing.kind == target and thing.toggleable
        )

    def _find(self, receptacle: str, who: str) -> int:
        index = self.receptacle_index.get(receptacle)
        if index is None:
            raise ValueError(
                f"game {self.game.id}: {who} lies in {receptacle!r}, which is no receptacle of the game"
            )
        return index


def _index(game: str, names: list[str]) -> dict[str, int]:
    index = {name: position for position, name in enumerate(names)}
    if len(index) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"game {game}: {', '.join(twice)} named twice; every name must be unique")
    return index
