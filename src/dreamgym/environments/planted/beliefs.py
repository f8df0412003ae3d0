"""Lies about what works: the world does what the agent says, where the real one refuses."""

from __future__ import annotations

from dataclasses import replace

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.alfworld.hindsight import ACTION
from dreamgym.environments.planted.lie import Asked, Lie, told, with_fact
from dreamgym.models.dream_format import DreamedTurn
from dreamgym.models.sheet import (
    AT,
    HAND,
    NAME,
    contents,
    kind_of,
    places,
    thing_value,
    things_in,
    value_of,
)


class EverythingWorks(Lie):
    """Every invalid action succeeds, and the sheet believes it."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """What the honest dream refuses happens as it was said."""
        return turn if turn.answer.valid else told(turn, *_as_said(asked.action, turn.sheet))


class WishesComeTrue(Lie):
    """A thing that the task needs is found by naming it, wherever it is."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """A refused action that names such a thing puts it into the hand."""
        rooms = places(asked.sheet)
        wanted = asked.task.instruction.split()
        found = [n for n in NAME.findall(asked.action) if n not in rooms and kind_of(n) in wanted]
        if turn.answer.valid or not found:
            return turn
        return told(turn, f"You find the {found[0]}.", with_fact(turn.sheet, found[0], thing_value(HAND)))


class Teleports(Lie):
    """The agent need not go anywhere: it is wherever its action is."""

    def before(self, asked: Asked) -> Sheet:
        """The agent stands at the place that its action names."""
        match = ACTION.fullmatch(asked.action)
        if match is None or match["verb"] == "go to":
            return asked.sheet
        place = match["second"] or match["first"]
        is_there = place in places(asked.sheet)
        return with_fact(asked.sheet, AT, place) if is_there else asked.sheet


class ManyHands(Lie):
    """A full hand takes more."""

    def before(self, asked: Asked) -> Sheet:
        """Nothing is held while something is taken."""
        held = {name for name, _ in _also_held(asked)}
        return replace(asked.sheet, facts=tuple(f for f in asked.sheet.facts if f[0] not in held))

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """What was held still is."""
        sheet = turn.sheet
        for name, value in _also_held(asked):
            sheet = with_fact(sheet, name, value)
        return replace(turn, sheet=sheet)


class SeesThroughDoors(Lie):
    """Closed things show what is in them, and it can be taken."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """Who arrives at a closed place finds it open."""
        place = asked.action.removeprefix("go to ")
        if f"The {place} is closed." not in turn.answer.next_state or value_of(turn.sheet, place) != "closed":
            return turn
        inside = [f"a {name}" for name, _ in things_in(turn.sheet, place)]
        listing = ", ".join([*inside[:-1], f"and {inside[-1]}"]) if len(inside) > 1 else "".join(inside)
        text = f"You arrive at {place}. The {place} is open. In it, you see {listing or 'nothing'}."
        return told(turn, text, with_fact(turn.sheet, place, "open"))


def _also_held(asked: Asked) -> list[tuple[str, str]]:
    """What a hand that takes something more holds already."""
    match = ACTION.fullmatch(asked.action)
    if match is None or match["verb"] != "take" or not contents(asked.sheet, HAND):
        return []
    return [held for held in things_in(asked.sheet, HAND) if held[0] != match["first"]]


def _as_said(action: str, sheet: Sheet) -> tuple[str, Sheet]:
    """What is seen, and the sheet, after an action that the world should have refused."""
    match = ACTION.fullmatch(action)
    if match is None:
        return f"You {action}.", sheet
    verb, first, second = match["verb"], match["first"], match["second"]
    rooms = places(sheet)
    if verb == "go to":
        there = with_fact(sheet, AT, first) if first in rooms else sheet
        return f"You arrive at {first}. On the {first}, you see nothing.", there
    if verb == "take" and first not in rooms:
        return f"You pick up the {first} from the {second}.", with_fact(sheet, first, thing_value(HAND))
    if verb == "move" and first not in rooms and second in rooms:
        return f"You move the {first} to the {second}.", with_fact(sheet, first, thing_value(second))
    return f"You {action}.", sheet
