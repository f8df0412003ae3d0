"""ALFWorld's rules: which commands are valid in a state, what each changes, and what wins.

These are the actions of ALFWorld's PDDL domain as the stock engine plays it. Some habits surprise: only a
held thing can be examined (the domain means to allow those in sight too, but a stray comma in its text makes
that void), *use* works on a thing in a closed receptacle and only ever switches on, heating needs no open
microwave, and *slice* asks where a thing is, not whether it can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamgym.environments.alfworld.layout import CLEANERS, COOLERS, HEATERS, KNIVES, Layout
from dreamgym.environments.alfworld.moves import Move, Verb


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Everything that changes in a game; a value, so a snapshot is the state itself.

    ``places`` are PDDL's objectAtLocation facts, ``left`` the (thing, receptacle) pairs where the thing was
    taken from and not put back: the two together are what *look* calls lying next to a place.
    """

    here: int
    contents: tuple[tuple[int, ...], ...]
    opened: frozenset[int]
    places: frozenset[tuple[int, int]]
    left: frozenset[tuple[int, int]] = frozenset()
    held: int | None = None
    clean: frozenset[int] = frozenset()
    hot: frozenset[int] = frozenset()
    cool: frozenset[int] = frozenset()
    sliced: frozenset[int] = frozenset()
    switched_on: frozenset[int] = frozenset()


def start(layout: Layout) -> State:
    """The state in which a game begins."""
    return State(
        here=layout.game.start_location,
        contents=layout.contents,
        opened=frozenset(i for i, place in enumerate(layout.receptacles) if place.opened),
        places=layout.places,
        cool=frozenset(i for i, thing in enumerate(layout.things) if thing.cool),
    )


def valid_moves(layout: Layout, state: State) -> dict[str, Move]:
    """Every valid command with what it means."""
    here = layout.receptacles_at(state.here)
    moves = dict(layout.elsewhere(state.here))
    for receptacle in here:
        _moves_at(layout, state, receptacle, moves)
    if state.held is not None:
        _moves_with(layout, state, state.held, here, moves)
    return moves


def _moves_at(layout: Layout, state: State, receptacle: int, moves: dict[str, Move]) -> None:
    """What the receptacle and the things in it allow, whatever the agent holds."""
    place = layout.receptacles[receptacle]
    moves[f"examine {place.name}"] = Move(Verb.EXAMINE_RECEPTACLE, receptacle=receptacle)
    is_open = receptacle in state.opened
    if place.openable:
        command, verb = ("close", Verb.CLOSE) if is_open else ("open", Verb.OPEN)
        moves[f"{command} {place.name}"] = Move(verb, receptacle=receptacle)
    reachable = is_open or not place.openable
    for index in state.contents[receptacle]:
        thing = layout.things[index]
        if thing.toggleable:
            moves[f"use {thing.name}"] = Move(Verb.USE, index, receptacle)
        if reachable and thing.pickupable and state.held is None:
            moves[f"take {thing.name} from {place.name}"] = Move(Verb.TAKE, index, receptacle)


def _moves_with(layout: Layout, state: State, held: int, here: list[int], moves: dict[str, Move]) -> None:
    """What the agent can do with the thing in its hand."""
    thing = layout.things[held]
    moves[f"examine {thing.name}"] = Move(Verb.EXAMINE_THING, held)
    for receptacle in here:
        place = layout.receptacles[receptacle]
        if (not place.openable or receptacle in state.opened) and thing.kind in layout.fits.get(
            place.kind, ()
        ):
            moves[f"move {thing.name} to {place.name}"] = Move(Verb.MOVE, held, receptacle)
        if thing.cleanable and place.kind in CLEANERS:
            moves[f"clean {thing.name} with {place.name}"] = Move(Verb.CLEAN, held, receptacle)
        if thing.heatable and place.kind in HEATERS:
            moves[f"heat {thing.name} with {place.name}"] = Move(Verb.HEAT, held, receptacle)
        if thing.coolable and place.kind in COOLERS:
            moves[f"cool {thing.name} with {place.name}"] = Move(Verb.COOL, held, receptacle)
    if thing.kind in KNIVES:
        for index in layout.sliceable:
            if (index, state.here) in state.places:
                moves[f"slice {layout.things[index].name} with {thing.name}"] = Move(Verb.SLICE, index)


def apply(layout: Layout, state: State, move: Move) -> State:
    """The state after a valid move."""
    verb, thing, receptacle = move
    match verb:
        case Verb.GO:
            return replace(state, here=layout.receptacles[receptacle].location)
        case Verb.OPEN:
            return replace(state, opened=state.opened | {receptacle})
        case Verb.CLOSE:
            return replace(state, opened=state.opened - {receptacle})
        case Verb.TAKE:
            return _take(state, thing, receptacle)
        case Verb.MOVE:
            return _put(state, thing, receptacle)
        case Verb.USE:
            return replace(state, switched_on=state.switched_on | {thing})
        case Verb.CLEAN:
            return replace(state, clean=state.clean | {thing})
        case Verb.HEAT:
            return replace(state, hot=state.hot | {thing}, cool=state.cool - {thing})
        case Verb.COOL:
            return replace(state, cool=state.cool | {thing}, hot=state.hot - {thing})
        case Verb.SLICE:
            return replace(state, sliced=state.sliced | {thing})
        case _:
            return state


def _take(state: State, thing: int, receptacle: int) -> State:
    remaining = tuple(other for other in state.contents[receptacle] if other != thing)
    return replace(
        state,
        contents=_with(state.contents, receptacle, remaining),
        places=state.places - {(thing, state.here)},
        left=state.left | {(thing, receptacle)},
        held=thing,
    )


def _put(state: State, thing: int, receptacle: int) -> State:
    together = tuple(sorted({*state.contents[receptacle], thing}))
    return replace(
        state,
        contents=_with(state.contents, receptacle, together),
        places=state.places | {(thing, state.here)},
        left=state.left - {(thing, receptacle)},
        held=None,
    )


def _with(
    contents: tuple[tuple[int, ...], ...], receptacle: int, things: tuple[int, ...]
) -> tuple[tuple[int, ...], ...]:
    return (*contents[:receptacle], things, *contents[receptacle + 1 :])


def is_won(layout: Layout, state: State) -> bool:
    """True where the goal of the game's task type holds now."""
    match layout.game.goal.task_type:
        case "look_at_obj_in_light":
            return state.held in layout.goal_things and _lamp_is_on_here(layout, state)
        case "pick_clean_then_place_in_recep":
            return _placed(layout, state, layout.goal_things & state.clean)
        case "pick_heat_then_place_in_recep":
            return _placed(layout, state, layout.goal_things & state.hot)
        case "pick_cool_then_place_in_recep":
            return _placed(layout, state, layout.goal_things & state.cool)
        case "pick_two_obj_and_place":
            return _placed(layout, state, layout.goal_things, needed=2)
        case _:
            return _placed(layout, state, layout.goal_things)


def _placed(layout: Layout, state: State, things: frozenset[int], needed: int = 1) -> bool:
    """True where one receptacle of the wanted kind holds ``needed`` of ``things``."""
    return len(things) >= needed and any(
        len(things.intersection(state.contents[receptacle])) >= needed
        for receptacle in layout.goal_receptacles
    )


def _lamp_is_on_here(layout: Layout, state: State) -> bool:
    lit = layout.goal_lamps & state.switched_on
    return any(
        not lit.isdisjoint(state.contents[receptacle]) for receptacle in layout.receptacles_at(state.here)
    )
