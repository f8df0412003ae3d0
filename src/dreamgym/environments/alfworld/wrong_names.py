"""Mistakes about what is where: names of nothing in the room, and things and places that are elsewhere.

Where a mistake cannot be made, ``Situation.one`` and ``require`` raise ``LookupError``.
"""

from __future__ import annotations

from collections.abc import Sequence

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.situation import Situation
from dreamgym.models.sheet import kind_of

TREATMENTS = ("heat", "clean", "cool")


def _absent_kind(s: Situation, kinds: Sequence[str], present: Sequence[str]) -> str:
    there = {kind_of(name) for name in present}
    return f"{s.one([kind for kind in kinds if kind not in there])} {1 + int(s.rng.random() ** 2 * 4)}"


def _too_high(s: Situation, present: Sequence[str]) -> str:
    kind = kind_of(s.one(present))
    most = max(int(name.split()[1]) for name in present if kind_of(name) == kind)
    return f"{kind} {most + 1 + int(s.rng.random() ** 2 * 5)}"


def _to_place(s: Situation, place: str) -> str:
    """Something done with a place; most often to go there."""
    held = s.truth.held
    verb = s.one(("go to", "go to", "go to", "open", "close", "examine", "move" if held else "open"))
    return f"move {held} to {place}" if verb == "move" else f"{verb} {place}"


def _with_thing(s: Situation, thing: str) -> str:
    """Something done with a thing; most often to take it."""
    treat = s.one(TREATMENTS)
    verb = s.one(("take", "take", "take", "take", "move", "examine", "use", treat, treat))
    if verb == "take":
        return f"take {thing} from {s.anywhere}"
    if verb == "move":
        return f"move {thing} to {s.anywhere}"
    if verb in TREATMENTS:
        return f"{verb} {thing} with {s.one(s.devices(verb) or s.truth.places)}"
    return f"{verb} {thing}"


def _all_things(s: Situation) -> list[str]:
    return [thing.name for thing in s.game.things]


def no_such_place(s: Situation) -> str:
    """A kind of place that other rooms have."""
    return _to_place(s, _absent_kind(s, catalogue.RECEPTACLE_KINDS, s.truth.places))


def place_number(s: Situation) -> str:
    """One cabinet more than there are."""
    return _to_place(s, _too_high(s, s.truth.places))


def no_such_thing(s: Situation) -> str:
    """A kind of thing that is not in the room."""
    return _with_thing(s, _absent_kind(s, catalogue.THING_KINDS, _all_things(s)))


def thing_number(s: Situation) -> str:
    """One mug more than there are."""
    return _with_thing(s, _too_high(s, _all_things(s)))


def take_from_absent_place(s: Situation) -> str:
    """A thing of the room, from a place that is not in it."""
    kinds = _absent_kind(s, catalogue.RECEPTACLE_KINDS, s.truth.places)
    return f"take {s.one(s.things())} from {s.one((kinds, _too_high(s, s.truth.places)))}"


def thing_elsewhere(s: Situation) -> str:
    """A thing of the room that does not lie here."""
    here = s.here
    return f"take {s.one([thing for thing in s.things() if thing not in s.things(at=here)])} from {here}"


def wanted_elsewhere(s: Situation) -> str:
    """The thing of the task, taken from where it does not lie."""
    here = s.here
    wanted = s.things(kinds=frozenset({s.game.goal.thing}))
    return f"take {s.one([thing for thing in wanted if thing not in s.things(at=here)])} from {here}"


def take_remotely(s: Situation) -> str:
    """A thing from where it lies, while one is elsewhere."""
    place = s.elsewhere()
    return f"take {s.one(s.things(at=place))} from {place}"


def wrong_source(s: Situation) -> str:
    """What lies here, from somewhere else."""
    return f"take {s.one(s.things(at=s.here))} from {s.elsewhere()}"


def inside_closed(s: Situation) -> str:
    """What is behind the closed door here."""
    s.require(s.here in s.truth.closed)
    return f"take {s.one(s.things(at=s.here))} from {s.here}"


def unseen_in_closed(s: Situation) -> str:
    """Something taken unseen out of a closed place."""
    s.require(s.here in s.truth.closed)
    return f"take {s.one(sorted(catalogue.CAN_CONTAIN[kind_of(s.here)]))} 1 from {s.here}"


def take_fixed(s: Situation) -> str:
    """What cannot be carried."""
    fixed = [thing for thing in s.game.things if kind_of(thing.name) in catalogue.FIXED]
    thing = s.one(fixed)
    return f"take {thing.name} from {thing.receptacle}"


def examine_elsewhere(s: Situation) -> str:
    """A place or a thing that is not here."""
    return f"examine {s.one((s.elsewhere(), s.one(s.things())))}"
