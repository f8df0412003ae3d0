"""An ALFWorld PDDL problem as a :class:`Game`.

A problem is flat: facts without nesting, then a goal of one of six shapes. Names like "cabinet 27" are not in
it. The stock engine makes them: all names that occur in facts, sorted, are counted down by kind, so the first
cabinet in that order has the highest number. Every list in the text is in that order too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from sys import intern

from dreamgym.environments.alfworld.game import Game, Goal, Receptacle, Thing

_FACT = re.compile(r"\(([^()]*)\)")
_TYPES = ("objecttype", "objecttype", "receptacleatlocation")
_PLACED = ("inreceptacle", "objecttype", "receptacletype")
# The predicates of each task type's goal, sorted.
_GOALS = {
    _PLACED: "pick_and_place_simple",
    ("atlocation", "holds", "inreceptacle", "istoggled", *_TYPES, "toggleable"): "look_at_obj_in_light",
    ("cleanable", "inreceptacle", "isclean", *_PLACED[1:]): "pick_clean_then_place_in_recep",
    ("heatable", "inreceptacle", "ishot", *_PLACED[1:]): "pick_heat_then_place_in_recep",
    ("coolable", "inreceptacle", "iscool", *_PLACED[1:]): "pick_cool_then_place_in_recep",
    ("=", *sorted(_PLACED * 2)): "pick_two_obj_and_place",
}

# The facts read here that have two arguments; the others have one.
_ABOUT_THINGS = {"holds", "inreceptacle", "inreceptacleobject", "objectatlocation", "objecttype"}
_TWO = _ABOUT_THINGS | {"atlocation", "cancontain", "receptacleatlocation", "receptacletype"}

Facts = dict[str, list[tuple[str, ...]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """The facts of a PDDL problem by predicate, as their arguments; in ``goal`` those that the goal names."""

    facts: Facts
    goal: Facts

    @staticmethod
    def parse(text: str) -> Problem:
        """Read a problem's text. Raises ValueError where it has no start or no goal."""
        text = text.lower()
        start, end = text.find("(:init"), text.find("(:goal")
        if not 0 <= start < end:
            raise ValueError("a PDDL problem with (:init ...) and (:goal ...) was wanted")
        return Problem(facts=_facts(text[start:end]), goal=_facts(text[end:]))


def game_of_problem(
    problem: Problem, *, id: str, scene: str, instruction: str, walkthrough: tuple[str, ...]
) -> Game:
    """The game that a problem describes. Raises ValueError where it is not one of ALFWorld's."""
    facts = problem.facts
    names = display_names(argument for rows in facts.values() for row in rows for argument in row)
    locations = {
        row[-1] for row in (*facts["receptacleatlocation"], *facts["atlocation"], *facts["objectatlocation"])
    }
    numbers = {location: number for number, location in enumerate(sorted(locations))}
    if len(facts["atlocation"]) != 1:
        raise ValueError(f"{len(facts['atlocation'])} places where the agent starts, one was wanted")
    goal = _goal(problem.goal)
    return Game(
        id=id,
        scene=scene,
        task_type=goal.task_type,
        instruction=instruction,
        receptacles=_receptacles(facts, names, numbers),
        things=_things(facts, names, numbers),
        can_contain=_pairs_of_kinds(frozenset(facts["cancontain"])),
        goal=goal,
        start_location=numbers[facts["atlocation"][0][1]],
        walkthrough=walkthrough,
    )


def display_names(arguments: Iterable[str]) -> dict[str, str]:
    """Like "cabinet 27", for every argument that is a thing or a place, as the stock engine numbers them."""
    kinds = {argument: _mangled_kind(argument) for argument in sorted(set(arguments)) if "_bar_" in argument}
    left = Counter(kinds.values())
    names = {}
    for argument, kind in kinds.items():
        names[argument] = intern(f"{kind} {left[kind]}")
        left[kind] -= 1
    return names


def _mangled_kind(argument: str) -> str:
    kind = argument.partition("_bar_")[0]
    return f"{kind}basin" if "basin" in argument else kind


def _facts(text: str) -> Facts:
    facts: Facts = defaultdict(list)
    for match in _FACT.findall(text):
        predicate, *arguments = match.split() or [""]
        if predicate in _TWO and len(arguments) != 2:
            raise ValueError(f"the fact ({match}) has {len(arguments)} arguments, 2 were wanted")
        facts[predicate].append(tuple(arguments))
    return facts


def _kind(type_name: str) -> str:
    return intern(type_name.removesuffix("type"))


@lru_cache(maxsize=256)
def _pairs_of_kinds(pairs: frozenset[tuple[str, ...]]) -> frozenset[tuple[str, str]]:
    """What fits where. Thousands of games share a few such sets, so they are one object each."""
    return frozenset((_kind(receptacle), _kind(thing)) for receptacle, thing in pairs)


def _receptacles(facts: Facts, names: dict[str, str], numbers: dict[str, int]) -> tuple[Receptacle, ...]:
    kinds = {name: _kind(type_name) for name, type_name in facts["receptacletype"]}
    openable, opened = _these(facts, "openable"), _these(facts, "opened")
    return tuple(
        Receptacle(
            name=names[name],
            kind=kinds[name],
            location=numbers[location],
            openable=name in openable,
            opened=name in opened,
        )
        for name, location in sorted(facts["receptacleatlocation"])
    )


def _things(facts: Facts, names: dict[str, str], numbers: dict[str, int]) -> tuple[Thing, ...]:
    lies_in, inside = _rows_of(facts["inreceptacle"]), _rows_of(facts["inreceptacleobject"])
    locations = {name: numbers[location] for name, location in facts["objectatlocation"]}
    flags = {
        field: _these(facts, predicate)
        for field, predicate in (
            ("pickupable", "pickupable"),
            ("cleanable", "cleanable"),
            ("heatable", "heatable"),
            ("coolable", "coolable"),
            ("toggleable", "toggleable"),
            ("sliceable", "sliceable"),
            ("holds_things", "isreceptacleobject"),
            ("cool", "iscool"),
        )
    }
    things = []
    for name, type_name in sorted(facts["objecttype"]):
        receptacles = [names[receptacle] for receptacle in lies_in.get(name, [])]
        things.append(
            Thing(
                name=names[name],
                kind=_kind(type_name),
                receptacle=receptacles[0] if receptacles else None,
                location=locations.get(name),
                also_in=tuple(receptacles[1:]),
                inside=tuple(names[outer] for outer in inside.get(name, [])),
                **{field: name in those for field, those in flags.items()},
            )
        )
    return tuple(things)


def _these(facts: Facts, predicate: str) -> set[str]:
    return {row[0] for row in facts.get(predicate, []) if row}


def _rows_of(rows: list[tuple[str, ...]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for first, second in sorted(set(rows)):
        found[first].append(second)
    return found


def _goal(facts: Facts) -> Goal:
    predicates = sorted(
        predicate
        for predicate, rows in facts.items()
        for row in rows
        if row and not predicate.startswith("?")
    )
    task_type = _GOALS.get(tuple(predicates))
    if task_type is None:
        raise ValueError(f"its goal, made of {', '.join(predicates)}, is none of ALFWorld's six")
    kinds = {variable: _kind(type_name) for variable, type_name in facts["objecttype"]}
    if task_type == "look_at_obj_in_light":
        lamp, held = facts["toggleable"][0][0], facts["holds"][0][1]
        return Goal(task_type=task_type, thing=kinds[held], target=kinds[lamp])
    things, targets = set(kinds.values()), {_kind(type_name) for _, type_name in facts["receptacletype"]}
    if len(things) != 1 or len(targets) != 1:
        raise ValueError(f"its goal asks for several kinds: {', '.join(sorted(things | targets))}")
    return Goal(task_type=task_type, thing=things.pop(), target=targets.pop())
