"""Lies about what is so: the world forgets, wanders, or has things twice."""

from __future__ import annotations

from dataclasses import replace

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.alfworld.hindsight import ACTION
from dreamgym.environments.planted.lie import Asked, Lie, with_fact
from dreamgym.models.dream_format import DreamedTurn
from dreamgym.models.sheet import AT, HAND, kind_of, marks_of, place_of, places, thing_value, value_of

DRIFT_TURNS = 20  # after so many turns something wanders in every one


class Duplicates(Lie):
    """What is put down lies there twice."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """A thing that was put down has a twin beside it."""
        match = ACTION.fullmatch(asked.action)
        if not turn.answer.valid or match is None or match["verb"] != "move":
            return turn
        put = value_of(turn.sheet, match["first"])
        return (
            turn
            if put is None
            else replace(turn, sheet=with_fact(turn.sheet, _twin(turn.sheet, match["first"]), put))
        )


class Forgets(Lie):
    """Edits do not last: what is neither here nor in the hand is as it was at the start."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """All but the last edits are undone, and marks (hot, clean) with them."""
        turns = asked.past.turns
        first, here = dict((turns[0].sheet if turns else asked.sheet).facts), value_of(turn.sheet, AT)
        facts = []
        for key, value in turn.sheet.facts:
            is_near = key in (AT, HAND, here) or place_of(value) in (here, HAND)
            lasting = thing_value(HAND) if place_of(value) == HAND and marks_of(value) else value
            facts.append((key, lasting if is_near or key not in first else first[key]))
        return replace(turn, sheet=Sheet(facts=tuple(facts)))


class Drifts(Lie):
    """Things wander, the more often the longer the episode lasts."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """With a chance that grows with the turn's number a thing lies elsewhere."""
        chance = asked.chance()
        things = [k for k, v in turn.sheet.facts if place_of(v) not in (None, HAND)]
        if turn.answer.done or not things or chance.random() >= asked.number / DRIFT_TURNS:
            return turn
        moved, place = chance.choice(things), chance.choice(places(turn.sheet))
        return replace(turn, sheet=with_fact(turn.sheet, moved, thing_value(place)))


def _twin(sheet: Sheet, name: str) -> str:
    """The next free name of the same kind."""
    kind = kind_of(name)
    numbers = [int(key.rpartition(" ")[2]) for key, _ in sheet.facts if kind_of(key) == kind]
    return f"{kind} {max(numbers) + 1}"
