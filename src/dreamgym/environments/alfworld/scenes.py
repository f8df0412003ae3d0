"""Furnished rooms from a seed, as often and as full as ALFWorld's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Receptacle, Thing
from dreamgym.utils.draws import choose, draw

SIZES = (((8, 12), 30), ((13, 24), 45), ((25, 40), 25))  # receptacles of a scene: (from, to), per cent
FULL_HOUSE = {"kitchen": 32, "livingroom": 16, "bedroom": 16, "bathroom": 14}  # nothing is left out from here
LAMPS = 90  # per cent of living rooms and bedrooms with a lamp: more than ALFWorld's, so that all types occur


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A furnished room without a task."""

    seed: int
    room: str
    receptacles: tuple[Receptacle, ...]
    things: tuple[Thing, ...]


@lru_cache(maxsize=64)
def generate_scene(seed: int) -> Scene:
    """A room with its receptacles and the things in them."""
    rng = Random(f"alfworld scene {seed}")
    room = draw(rng, {name: room.weight for name, room in catalogue.ROOMS.items()})
    size = _draw_size(rng, catalogue.ROOMS[room].largest)
    receptacles = _furnish(rng, catalogue.ROOMS[room], size)
    things = _fill(rng, room, receptacles)
    return Scene(seed=seed, room=room, receptacles=receptacles, things=things)


def _draw_size(rng: Random, largest: int) -> int:
    low, high = draw(rng, dict(SIZES))
    return min(low + int(rng.random() * (high - low + 1)), largest)


def _furnish(rng: Random, room: catalogue.Room, size: int) -> tuple[Receptacle, ...]:
    """Receptacles as often as in ALFWorld's rooms, some taken away or added to come near ``size``."""
    counts = {kind: draw(rng, weights) for kind, weights in room.receptacles.items()}
    counts |= {kind: max(1, counts[kind]) for kind in sorted(room.essential)}
    while sum(counts.values()) > size:
        spare = {kind: n - (kind in room.essential) for kind, n in counts.items()}
        if not any(spare.values()):
            break
        counts[draw(rng, spare)] -= 1
    while sum(counts.values()) < size:
        room_for_more = {
            kind: max(weights) - counts[kind]
            for kind, weights in room.receptacles.items()
            if counts[kind] < max(weights)
        }
        counts[draw(rng, room_for_more)] += 1
    all_open_alike = rng.random() < 0.6
    names = [(kind, number) for kind in sorted(counts) for number in range(counts[kind], 0, -1)]
    return tuple(
        Receptacle(
            name=f"{kind} {number}",
            kind=kind,
            location=location,
            openable=_is_openable(rng, kind, all_open_alike),
        )
        for location, (kind, number) in enumerate(names, start=1)
    )


def _is_openable(rng: Random, kind: str, all_open_alike: bool) -> bool:
    """Some rooms have doors everywhere, others shelves without doors among the cabinets."""
    share = catalogue.OPENABLE.get(kind, 0)
    return share == 100 or (share > 0 and (all_open_alike or rng.random() < 0.55))


def _fill(rng: Random, room: str, receptacles: Sequence[Receptacle]) -> tuple[Thing, ...]:
    """Things as often and where ALFWorld's rooms have them; fewer in a small room."""
    by_kind: dict[str, list[Receptacle]] = {}
    for receptacle in receptacles:
        by_kind.setdefault(receptacle.kind, []).append(receptacle)
    share = min(1.0, 0.4 + 0.6 * len(receptacles) / FULL_HOUSE[room])
    things: list[Thing] = []
    for kind, contents in catalogue.ROOMS[room].contents.items():
        counts = dict(enumerate(contents.counts))
        if kind == "desklamp":
            counts = {0: 100 - LAMPS, 1: LAMPS}
        elif rng.random() >= share:
            continue
        places = {place: weight for place, weight in contents.places.items() if place in by_kind}
        if not places:
            continue
        homes = [choose(rng, by_kind[draw(rng, places)]) for _ in range(draw(rng, counts))]
        things.extend(
            _thing(kind, number, home) for number, home in reversed(list(enumerate(homes, start=1)))
        )
    return tuple(things)


def _thing(kind: str, number: int, home: Receptacle) -> Thing:
    return Thing(
        name=f"{kind} {number}",
        kind=kind,
        receptacle=home.name,
        pickupable=kind not in catalogue.FIXED,
        cleanable=kind in catalogue.CLEANABLE,
        heatable=kind in catalogue.HEATABLE,
        coolable=kind in catalogue.COOLABLE,
        toggleable=kind in catalogue.TOGGLEABLE,
        sliceable=kind in catalogue.SLICEABLE,
        holds_things=kind in catalogue.HOLDS_THINGS,
    )
