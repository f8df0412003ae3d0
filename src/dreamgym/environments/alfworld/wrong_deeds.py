"""Mistakes about what can be done: hands full or empty, doors, devices, switches.

Where a mistake cannot be made, ``Situation.one`` and ``require`` raise ``LookupError``.
"""

from __future__ import annotations

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.situation import Situation

TREATMENTS = ("heat", "clean", "cool")


def hands_full(s: Situation) -> str:
    """Another thing, while one holds something."""
    s.require(s.truth.held is not None and s.here not in s.truth.closed)
    return f"take {s.one(s.things(at=s.here))} from {s.here}"


def hands_empty(s: Situation) -> str:
    """Put down what was not taken."""
    s.require(s.truth.held is None)
    return f"move {s.one(s.things(at=s.here))} to {s.anywhere}"


def treat_not_held(s: Situation) -> str:
    """Heat, clean or cool what one does not hold."""
    verb = s.one(TREATMENTS)
    things = s.things(at=s.truth.here) or s.things()
    return f"{verb} {s.one(things)} with {s.one(s.devices(verb))}"


def hold_something_else(s: Situation) -> str:
    """Put down another thing than the one in hand."""
    s.require(s.truth.held is not None)
    return f"move {s.one(s.things())} to {s.anywhere}"


def place_closed(s: Situation) -> str:
    """Put it into what is closed."""
    s.require(s.here in s.truth.closed)
    return f"move {s.held} to {s.here}"


def move_remotely(s: Situation) -> str:
    """Put it where one is not."""
    return f"move {s.held} to {s.elsewhere()}"


def cannot_contain(s: Situation) -> str:
    """Put it where it does not belong."""
    s.require(s.here not in s.truth.closed)
    return f"move {s.held} to {s.here}"


def not_openable(s: Situation) -> str:
    """Open what has no door."""
    s.require(not s.place(s.here).openable)
    return f"{s.one(('open', 'open', 'close'))} {s.here}"


def already_open(s: Situation) -> str:
    """Open what is open."""
    s.require(s.place(s.here).openable and s.here not in s.truth.closed)
    return f"open {s.here}"


def already_closed(s: Situation) -> str:
    """Close what is closed."""
    s.require(s.here in s.truth.closed)
    return f"close {s.here}"


def open_remotely(s: Situation) -> str:
    """Open or close from afar."""
    verb = s.one(("open", "open", "close"))
    here = s.truth.here
    return f"{verb} {s.one([p.name for p in s.game.receptacles if p.openable and p.name != here])}"


def already_here(s: Situation) -> str:
    """Go where one is."""
    return f"go to {s.here}"


def wrong_device(s: Situation) -> str:
    """Heat with the fridge, clean with the microwave."""
    verb = s.one(TREATMENTS)
    others = [device for other in TREATMENTS if other != verb for device in s.devices(other)]
    return f"{verb} {s.truth.held or s.one(s.things())} with {s.one([*others, s.one(s.truth.places)])}"


def device_elsewhere(s: Situation) -> str:
    """The right device, from afar."""
    verb = s.one(TREATMENTS)
    return f"{verb} {s.held} with {s.one([device for device in s.devices(verb) if device != s.truth.here])}"


def no_such_device(s: Situation) -> str:
    """A device that the room lacks."""
    verb = s.one([verb for verb in TREATMENTS if not s.devices(verb)])
    return f"{verb} {s.truth.held or s.one(s.things())} with {catalogue.DEVICES[verb]} 1"


def not_treatable(s: Situation) -> str:
    """Heat, clean or cool what does not bear it."""
    verb = s.one([verb for verb in TREATMENTS if s.truth.here in s.devices(verb)])
    return f"{verb} {s.held} with {s.here}"


def no_switch(s: Situation) -> str:
    """Use what has no switch."""
    things = s.things(at=s.truth.here) + ([s.truth.held] if s.truth.held else [])
    return f"use {s.one(things or s.truth.places)}"


def lamp_elsewhere(s: Situation) -> str:
    """Use a lamp that is not here."""
    lamps = [thing.name for thing in s.game.things if thing.toggleable and thing.receptacle != s.truth.here]
    return f"use {s.one(lamps or ['desklamp 1'])}"


def slice_without_knife(s: Situation) -> str:
    """Slice without a knife in hand, or from afar."""
    thing = s.one(s.things(kinds=catalogue.SLICEABLE) or s.things())
    return f"slice {thing} with {s.one(s.things(kinds=catalogue.KNIVES) or ['knife 1'])}"
