"""What a logged ALFWorld episode has shown: the sheet that it must have started from, read off its texts.

The engine's hidden state is never consulted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from dreamgym.core.data_structures import Sheet, Trajectory
from dreamgym.environments.alfworld.notes import NOTHING
from dreamgym.models.sheet import AT, HAND, NAME, UNSEEN, kind_of, make_sheet, thing_value

MIDDLE = "middle"
_LISTING = re.compile(r"(?P<on>On|In) (?:the (?P<place>[a-z]+ \d+)|it), you see (?P<things>[^.]*)\.")
_STATUS = re.compile(r"The (?P<place>[a-z]+ \d+) is (?P<status>open|closed)\.")
ACTION = re.compile(
    r"(?P<verb>go to|open|close|take|move|heat|cool|clean|use|slice) (?P<first>[a-z]+ \d+)"
    r"(?: (?:from|to|with) (?P<second>[a-z]+ \d+))?"
)


def hindsight_sheet(trajectory: Trajectory) -> Sheet:
    """The sheet that the episode started from, as far as its observations tell; the rest stays ``unseen``.

    A dream may show what cannot be: nothing lies in a place that the room has not, or that was
    seen without it.
    """
    opening = trajectory.task.opening or trajectory.transitions[0].state
    facts, rooms, moved = opening_sheet(opening), set(room_places(opening)), set[str]()
    for transition in trajectory.transitions:
        place = _shown_place(transition.next_state)
        if place in rooms:
            _look_at_listing(facts, transition.next_state, place, moved)
        match = ACTION.fullmatch(transition.action.text)
        if match and match["verb"] == "take" and transition.next_state != NOTHING:
            moved.add(match["first"])
            if match["first"] not in facts and facts.get(match["second"], "").endswith(UNSEEN):
                facts[match["first"]] = thing_value(match["second"])
    return make_sheet(facts)


def without_unseen(sheet: Sheet, status_of_kind: Mapping[str, str]) -> Sheet:
    """The sheet with what was never seen filled in: the kind's usual status, and nothing inside."""
    facts = {}
    for key, value in sheet.facts:
        usual = status_of_kind.get(kind_of(key), "surface")
        facts[key] = usual if value == UNSEEN else value.removesuffix(f", {UNSEEN}")
    return Sheet(facts=tuple(facts.items()))


def room_places(opening: str) -> list[str]:
    """The places that the first observation lists."""
    first_paragraph = opening.split("Your task is to:")[0]
    return NAME.findall(first_paragraph)


def opening_sheet(opening: str) -> dict[str, str]:
    """The facts that the first observation alone gives: places, all unseen."""
    return {AT: MIDDLE, HAND: "holds", **dict.fromkeys(room_places(opening), UNSEEN)}


def _look_at_listing(facts: dict[str, str], observation: str, place: str, moved: set[str]) -> None:
    """Write down what an observation shows of ``place`` as it was at the start of the episode.

    The first listing counts: what a later one adds, was brought there or made up by a dream.
    """
    status = _STATUS.search(observation)
    listing = _LISTING.search(observation)
    if UNSEEN not in facts[place]:
        return
    if facts[place] == UNSEEN:
        opened_now = observation.startswith("You open")
        first = "closed" if opened_now or status is None else status["status"]
        facts[place] = ("surface" if status is None else first) if listing else f"{first}, {UNSEEN}"
    elif listing:
        facts[place] = facts[place].removesuffix(f", {UNSEEN}")
    for name in NAME.findall(listing["things"]) if listing else []:
        if name not in facts and name not in moved:
            facts[name] = thing_value(place)


def first_shown(observation: str, seen: Set[str]) -> str:
    """The place that ``observation`` shows as nobody has seen it before, closed or with what is in it."""
    place = _shown_place(observation)
    if place is None:
        return ""
    shown = f"in {place}" if _LISTING.search(observation) else place
    return shown if shown not in seen and f"in {place}" not in seen else ""


def _shown_place(observation: str) -> str | None:
    match = _STATUS.search(observation) or re.search(r"On the (?P<place>[a-z]+ \d+), you see", observation)
    return match["place"] if match else None
