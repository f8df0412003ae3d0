"""The next sensible command towards a goal, from what the notes hold."""

from __future__ import annotations

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Goal
from dreamgym.environments.alfworld.notes import Notes
from dreamgym.models.sheet import kind_of

TREATMENT = {
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
}


def next_command(goal: Goal, notes: Notes) -> str | None:
    """What brings the goal nearer; None where something must be found first."""
    if notes.held is not None and kind_of(notes.held) != goal.thing:
        return put_down(notes)
    if notes.held is None:
        return _fetch(goal, notes)
    if goal.task_type == "look_at_obj_in_light":
        return _use_lamp(goal, notes)
    verb = TREATMENT.get(goal.task_type)
    if verb is not None and (verb, notes.held) not in notes.treated:
        return _treat(verb, notes.held, notes)
    return _deliver(goal, notes.held, notes)


def search_command(place: str, notes: Notes) -> str:
    """Look into ``place``."""
    return _reach(place, notes) or f"examine {place}"


def put_down(notes: Notes) -> str | None:
    """Put the held thing where it lay, or else where it may lie; None where nothing takes it."""
    assert notes.held is not None
    place = _home_of(notes)
    if place is None:
        return None
    return _reach(place, notes) or f"move {notes.held} to {place}"


def _home_of(notes: Notes) -> str | None:
    assert notes.held is not None
    kind = kind_of(notes.held)
    for place in (notes.here, notes.came_from, *notes.places):
        if place is not None and kind in catalogue.CAN_CONTAIN.get(kind_of(place), ()):
            return place
    return None


def _reach(place: str, notes: Notes) -> str | None:
    """Go there, then open it; None where both are done."""
    if notes.here != place:
        return f"go to {place}"
    return f"open {place}" if place in notes.closed else None


def _fetch(goal: Goal, notes: Notes) -> str | None:
    """Take a thing of the goal's kind, the nearest first, but none that is delivered already."""
    done = _deliveries(goal, notes)
    options = [(place, thing) for place, thing in notes.where(goal.thing) if (place, thing) not in done]
    if not options:
        return None
    place, thing = min(options, key=lambda option: (option[0] != notes.here, option[0] in notes.closed))
    return _reach(place, notes) or f"take {thing} from {place}"


def _deliveries(goal: Goal, notes: Notes) -> list[tuple[str, str]]:
    if goal.task_type != "pick_two_obj_and_place":
        return []
    target = _target(goal, notes)
    return [(place, thing) for place, thing in notes.where(goal.thing) if place == target]


def _target(goal: Goal, notes: Notes) -> str | None:
    """The one place to fill: it has most of the things already, or is here, or has the lowest number."""
    counts = dict.fromkeys(notes.of_kind(goal.target), 0)
    for place, _ in notes.where(goal.thing):
        if place in counts:
            counts[place] += 1
    return min(counts, key=lambda p: (-counts[p], p != notes.here), default=None)


def _deliver(goal: Goal, thing: str, notes: Notes) -> str | None:
    place = _target(goal, notes)
    if place is None:
        return None
    return _reach(place, notes) or f"move {thing} to {place}"


def _treat(verb: str, thing: str, notes: Notes) -> str | None:
    devices = notes.of_kind(catalogue.DEVICES[verb])
    if not devices:
        return None
    device = notes.here if notes.here in devices else devices[0]
    return f"{verb} {thing} with {device}" if notes.here == device else f"go to {device}"


def _use_lamp(goal: Goal, notes: Notes) -> str | None:
    lamps = notes.where(goal.target)
    if not lamps:
        return None
    place, lamp = min(lamps, key=lambda option: option[0] != notes.here)
    return _reach(place, notes) or f"use {lamp}"
