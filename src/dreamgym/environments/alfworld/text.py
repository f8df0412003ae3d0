"""What the engine says: ALFWorld's text grammar as plain functions of a state."""

from __future__ import annotations

from collections.abc import Sequence

from dreamgym.environments.alfworld.layout import Layout
from dreamgym.environments.alfworld.moves import Move, Verb
from dreamgym.environments.alfworld.rules import State

NOTHING_HAPPENS = "Nothing happens."
HELP = """\
Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""


def opening(layout: Layout, state: State) -> str:
    """The first observation: what is in the room, and the task."""
    here = layout.receptacles_at(state.here)
    receptacles = [f"a {receptacle.name}" for receptacle in layout.receptacles]
    scene = look(layout, state) if here else _middle_of_the_room(receptacles)
    return f"-= Welcome to TextWorld, ALFRED! =-\n\n{scene}\n\nYour task is to: {layout.game.instruction}"


def answer(layout: Layout, state: State, move: Move) -> str:
    """The observation after ``move``, which led to ``state``."""
    verb, thing, receptacle = move
    match verb:
        case Verb.LOOK:
            return look(layout, state)
        case Verb.INVENTORY:
            return inventory(layout, state)
        case Verb.HELP:
            return HELP
        case Verb.GO:
            name = layout.receptacles[receptacle].name
            return f"You arrive at {name}. {receptacle_view(layout, state, receptacle)}"
        case Verb.OPEN:
            name = layout.receptacles[receptacle].name
            return f"You open the {name}. {receptacle_view(layout, state, receptacle)}"
        case Verb.CLOSE:
            return f"You close the {layout.receptacles[receptacle].name}."
        case Verb.EXAMINE_RECEPTACLE:
            return receptacle_view(layout, state, receptacle)
        case Verb.EXAMINE_THING:
            return thing_view(layout, state, thing)
        case _:
            return _done_to_thing(layout, state, move)


def _done_to_thing(layout: Layout, state: State, move: Move) -> str:
    name = layout.things[move.thing].name
    match move.verb:
        case Verb.USE:
            return f"You turn on the {name}."
        case Verb.SLICE:
            assert state.held is not None
            return f"You sliced the {name} with the {layout.things[state.held].name}."
    place = layout.receptacles[move.receptacle].name
    match move.verb:
        case Verb.TAKE:
            return f"You pick up the {name} from the {place}."
        case Verb.MOVE:
            return f"You move the {name} to the {place}."
        case _:  # heat, clean, cool
            return f"You {move.verb.name.lower()} the {name} using the {place}."


def look(layout: Layout, state: State) -> str:
    """Where the agent stands, and the things beside the places there: taken from one, put down in another."""
    here = layout.receptacles_at(state.here)
    if not here:
        return _middle_of_the_room([])
    beside = [
        f"a {layout.things[thing].name}"
        for thing, receptacle in sorted(state.left)
        if receptacle in here and (thing, state.here) in state.places
    ]
    facing = _listed([layout.receptacles[receptacle].name for receptacle in here])
    return f"You are facing the {facing}. Next to it, you see {_listed(beside)}."


def _middle_of_the_room(receptacles: Sequence[str]) -> str:
    return f"You are in the middle of a room. Looking quickly around you, you see {_listed(receptacles)}."


def inventory(layout: Layout, state: State) -> str:
    """What the agent holds."""
    if state.held is None:
        return "You are not carrying anything."
    return f"You are carrying: a {layout.things[state.held].name}."


def receptacle_view(layout: Layout, state: State, receptacle: int) -> str:
    """What lies in or on a receptacle, as far as it shows."""
    place = layout.receptacles[receptacle]
    if place.openable and receptacle not in state.opened:
        return f"The {place.name} is closed."
    things = _listed([f"a {layout.things[thing].name}" for thing in state.contents[receptacle]])
    if place.openable:
        return f"The {place.name} is open. In it, you see {things}."
    return f"On the {place.name}, you see {things}."


def thing_view(layout: Layout, state: State, index: int) -> str:
    """How a thing looks when examined. Its contents hide its state; its temperature hides that it is on."""
    thing = layout.things[index]
    if thing.holds_things:
        inside = _listed([f"a {layout.things[other].name}" for other in layout.inside.get(index, [])])
        return f"This is a normal {thing.name}. In it, you see {inside}."
    words = _words(state, index)
    if words:
        return f"This is a {words} {thing.name}."
    if index in state.switched_on:
        return f"This {thing.name} is on."
    return f"There's nothing special about {thing.name}."


def _words(state: State, index: int) -> str:
    """ "hot and clean sliced": a cool thing is called cold where that is all there is to say of it."""
    sliced = index in state.sliced
    clean = index in state.clean
    temperature = "hot" if index in state.hot else "cool" if index in state.cool else ""
    if temperature == "cool" and not clean and not sliced:
        return "cold"
    words = " and ".join(filter(None, (temperature, "clean" if clean else "")))
    return " ".join(filter(None, (words, "sliced" if sliced else "")))


def _listed(items: Sequence[str]) -> str:
    """ "a, and b"; "nothing" for an empty list."""
    if not items:
        return "nothing"
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])}, and {items[-1]}"
