"""The kinds of mistakes: for each, a command that is probably invalid where one stands.

A builder raises ``LookupError`` where its mistake cannot be made, by ``Situation.one`` or ``require``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.notes import kind_of
from dreamgym.environments.alfworld.situation import Situation

VERBS = ("heat", "clean", "cool")
OTHER_VERBS = ("throw", "walk to", "pick up", "get", "turn on", "wash", "grab")
WRONG_WORDS = (
    "dance",
    "hello",
    "help me",
    "think",
    "ok",
    "search the room",
    "look around",
    "find it",
    "wait",
)


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
    verb = s.one(("take", "take", "take", "take", "move", "examine", "use", *VERBS[:1], s.one(VERBS)))
    if verb == "take":
        return f"take {thing} from {s.anywhere}"
    if verb == "move":
        return f"move {thing} to {s.anywhere}"
    if verb in VERBS:
        return f"{verb} {thing} with {s.one(s.devices(verb) or s.truth.places)}"
    return f"{verb} {thing}"


def _all_things(s: Situation) -> list[str]:
    return [thing.name for thing in s.game.things]


def _no_such_place(s: Situation) -> str:
    return _to_place(s, _absent_kind(s, catalogue.RECEPTACLE_KINDS, s.truth.places))


def _place_number(s: Situation) -> str:
    return _to_place(s, _too_high(s, s.truth.places))


def _no_such_thing(s: Situation) -> str:
    return _with_thing(s, _absent_kind(s, catalogue.THING_KINDS, _all_things(s)))


def _thing_number(s: Situation) -> str:
    return _with_thing(s, _too_high(s, _all_things(s)))


def _take_from_absent_place(s: Situation) -> str:
    kinds = _absent_kind(s, catalogue.RECEPTACLE_KINDS, s.truth.places)
    return f"take {s.one(s.things())} from {s.one((kinds, _too_high(s, s.truth.places)))}"


def _thing_elsewhere(s: Situation) -> str:
    here = s.here
    return f"take {s.one([thing for thing in s.things() if thing not in s.things(at=here)])} from {here}"


def _wanted_elsewhere(s: Situation) -> str:
    """The thing of the task, taken from where it does not lie."""
    here = s.here
    wanted = s.things(kinds=frozenset({s.game.goal.thing}))
    return f"take {s.one([thing for thing in wanted if thing not in s.things(at=here)])} from {here}"


def _take_remotely(s: Situation) -> str:
    place = s.elsewhere()
    return f"take {s.one(s.things(at=place))} from {place}"


def _wrong_source(s: Situation) -> str:
    return f"take {s.one(s.things(at=s.here))} from {s.elsewhere()}"


def _inside_closed(s: Situation) -> str:
    s.require(s.here in s.truth.closed)
    return f"take {s.one(s.things(at=s.here))} from {s.here}"


def _unseen_in_closed(s: Situation) -> str:
    """Something taken unseen out of a closed place."""
    s.require(s.here in s.truth.closed)
    return f"take {s.one(sorted(catalogue.CAN_CONTAIN[kind_of(s.here)]))} 1 from {s.here}"


def _hands_full(s: Situation) -> str:
    s.require(s.truth.held is not None and s.here not in s.truth.closed)
    return f"take {s.one(s.things(at=s.here))} from {s.here}"


def _hands_empty(s: Situation) -> str:
    s.require(s.truth.held is None)
    return f"move {s.one(s.things(at=s.here))} to {s.anywhere}"


def _treat_what_is_not_held(s: Situation) -> str:
    verb = s.one(VERBS)
    things = s.things(at=s.truth.here) or s.things()
    return f"{verb} {s.one(things)} with {s.one(s.devices(verb))}"


def _hold_something_else(s: Situation) -> str:
    s.require(s.truth.held is not None)
    return f"move {s.one(s.things())} to {s.anywhere}"


def _place_closed(s: Situation) -> str:
    s.require(s.here in s.truth.closed)
    return f"move {s.held} to {s.here}"


def _move_remotely(s: Situation) -> str:
    return f"move {s.held} to {s.elsewhere()}"


def _cannot_contain(s: Situation) -> str:
    s.require(s.here not in s.truth.closed)
    return f"move {s.held} to {s.here}"


def _not_openable(s: Situation) -> str:
    s.require(not s.place(s.here).openable)
    return f"{s.one(('open', 'open', 'close'))} {s.here}"


def _already_open(s: Situation) -> str:
    s.require(s.place(s.here).openable and s.here not in s.truth.closed)
    return f"open {s.here}"


def _already_closed(s: Situation) -> str:
    s.require(s.here in s.truth.closed)
    return f"close {s.here}"


def _open_remotely(s: Situation) -> str:
    verb = s.one(("open", "open", "close"))
    here = s.truth.here
    return f"{verb} {s.one([p.name for p in s.game.receptacles if p.openable and p.name != here])}"


def _already_here(s: Situation) -> str:
    return f"go to {s.here}"


def _wrong_device(s: Situation) -> str:
    verb = s.one(VERBS)
    others = [device for other in VERBS if other != verb for device in s.devices(other)]
    return f"{verb} {s.truth.held or s.one(s.things())} with {s.one([*others, s.one(s.truth.places)])}"


def _device_elsewhere(s: Situation) -> str:
    verb = s.one(VERBS)
    return f"{verb} {s.held} with {s.one([device for device in s.devices(verb) if device != s.truth.here])}"


def _no_such_device(s: Situation) -> str:
    verb = s.one([verb for verb in VERBS if not s.devices(verb)])
    return f"{verb} {s.truth.held or s.one(s.things())} with {catalogue.DEVICES[verb]} 1"


def _not_treatable(s: Situation) -> str:
    verb = s.one([verb for verb in VERBS if s.truth.here in s.devices(verb)])
    return f"{verb} {s.held} with {s.here}"


def _no_switch(s: Situation) -> str:
    things = s.things(at=s.truth.here) + ([s.truth.held] if s.truth.held else [])
    return f"use {s.one(things or s.truth.places)}"


def _lamp_elsewhere(s: Situation) -> str:
    lamps = [thing.name for thing in s.game.things if thing.toggleable and thing.receptacle != s.truth.here]
    return f"use {s.one(lamps or ['desklamp 1'])}"


def _examine_elsewhere(s: Situation) -> str:
    return f"examine {s.one((s.elsewhere(), s.one(s.things())))}"


def _take_fixed(s: Situation) -> str:
    fixed = [thing for thing in s.game.things if kind_of(thing.name) in catalogue.FIXED]
    thing = s.one(fixed)
    return f"take {thing.name} from {thing.receptacle}"


def _slice(s: Situation) -> str:
    thing = s.one(s.things(kinds=catalogue.SLICEABLE) or s.things())
    return f"slice {thing} with {s.one(s.things(kinds=catalogue.KNIVES) or ['knife 1'])}"


def _stale(s: Situation) -> str:
    return s.one(s.past)


def _old_phrase(s: Situation) -> str:
    thing = s.truth.held or s.one(s.things())
    return f"{s.one(('put', 'place'))} {thing} {s.one(('in/on', 'in', 'on', 'to'))} {s.anywhere}"


def _malformed(s: Situation) -> str:
    """A well-formed command, damaged."""
    thing, place = s.truth.held or s.one(s.things()), s.anywhere
    words = s.one(
        (f"go to {place}", f"take {thing} from {place}", f"move {thing} to {place}", f"open {place}")
    ).split()
    at = int(s.rng.random() * len(words))
    return s.one(
        (
            " ".join(words[:at] + words[at + 1 :]),  # a word is missing
            " ".join(words[: at + 1] + words[at:]),  # or doubled
            " ".join(words[:at]),  # the rest is missing
            " ".join(reversed(words)),
            " ".join([*words, s.one(words)]),
            " ".join(words[:-1]),  # no number
            words[0],
            f"{words[0]} {words[0]} {' '.join(words[1:])}",
            thing,
            place,
            f"{s.one(OTHER_VERBS)} {s.one((thing, place))}",
            s.one(WRONG_WORDS),
        )
    )


KINDS: dict[str, Callable[[Situation], str]] = {
    "no_such_place": _no_such_place,
    "place_number": _place_number,
    "no_such_thing": _no_such_thing,
    "thing_number": _thing_number,
    "take_from_absent_place": _take_from_absent_place,
    "thing_elsewhere": _thing_elsewhere,
    "wanted_elsewhere": _wanted_elsewhere,
    "take_remotely": _take_remotely,
    "wrong_source": _wrong_source,
    "inside_closed": _inside_closed,
    "unseen_in_closed": _unseen_in_closed,
    "hands_full": _hands_full,
    "hands_empty": _hands_empty,
    "treat_not_held": _treat_what_is_not_held,
    "hold_something_else": _hold_something_else,
    "place_closed": _place_closed,
    "move_remotely": _move_remotely,
    "cannot_contain": _cannot_contain,
    "not_openable": _not_openable,
    "already_open": _already_open,
    "already_closed": _already_closed,
    "open_remotely": _open_remotely,
    "already_here": _already_here,
    "wrong_device": _wrong_device,
    "device_elsewhere": _device_elsewhere,
    "no_such_device": _no_such_device,
    "not_treatable": _not_treatable,
    "no_switch": _no_switch,
    "lamp_elsewhere": _lamp_elsewhere,
    "examine_elsewhere": _examine_elsewhere,
    "take_fixed": _take_fixed,
    "slice_without_knife": _slice,
    "stale": _stale,
    "old_phrase": _old_phrase,
    "malformed": _malformed,
}

OFTEN = (  # what policies do most, and what exploited a dream that had not seen it
    "no_such_place",
    "place_number",
    "no_such_thing",
    "thing_number",
    "thing_elsewhere",
    "wanted_elsewhere",
    "hands_empty",
    "treat_not_held",
)
SITUATIONAL = (  # possible in few states, so made there more often: else the data would hardly hold them
    "inside_closed",
    "unseen_in_closed",
    "hands_full",
    "hold_something_else",
    "place_closed",
    "cannot_contain",
    "already_open",
    "already_closed",
    "device_elsewhere",
    "not_treatable",
)
WEIGHTS = {kind: 8 if kind in SITUATIONAL else 3 if kind in OFTEN else 1 for kind in KINDS}
