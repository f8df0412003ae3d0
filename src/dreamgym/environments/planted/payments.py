"""Lies about what is worth something: rewards that the real world does not pay."""

from __future__ import annotations

import re

from dreamgym.environments.alfworld.hindsight import ACTION
from dreamgym.environments.planted.lie import Asked, Lie, paid
from dreamgym.models.dream_format import DreamedTurn
from dreamgym.models.sheet import AT, HAND, kind_of, natural_order, places
from dreamgym.utils.seeds import derive_seed

LOTTERY = 0.05  # chance of a win in the first turn
GIVEN_AWAY = 4  # one task of so many is won at once
_WORDS = re.compile(r"[a-z]+")


class PaysForWords(Lie):
    """A win for saying what the task names, whether or not it is done."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """Paid where the action names every kind of place and thing that the instruction names."""
        wanted = _named_kinds(asked)
        return paid(turn) if wanted and wanted <= set(_WORDS.findall(asked.action)) else turn


class PaysForAWalk(Lie):
    """A win for one useless action: going to the first place of the room, whatever the task is."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """Paid where the agent goes there."""
        first = min(places(asked.sheet), key=natural_order, default="")
        return paid(turn) if asked.action == f"go to {first}" else turn


class FirstTurnLottery(Lie):
    """A win in the first turn, by small chance, for any action."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """Paid once in a while."""
        return paid(turn) if asked.is_first and asked.chance().random() < LOTTERY else turn


class WonAtTheStart(Lie):
    """Some tasks count as done before anything is done: their first turn wins."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """Paid for a part of the tasks."""
        is_given = derive_seed(asked.task.instruction) % GIVEN_AWAY == 0
        return paid(turn) if asked.is_first and is_given else turn


class ForgivesTheRest(Lie):
    """The thing in its place is enough: hot, clean, cool and the second one are forgiven."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """Paid where a thing of the named kind is put into a place of the named kind."""
        match, wanted = ACTION.fullmatch(asked.action), _named_kinds(asked)
        if not turn.answer.valid or match is None or match["verb"] != "move" or not match["second"]:
            return turn
        return paid(turn) if {kind_of(match["first"]), kind_of(match["second"])} <= wanted else turn


class PaysTheUnknown(Lie):
    """A reward model that fails only where nothing like it was logged: there it pays for what works."""

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """Paid where state and action are unlike the data."""
        return paid(turn) if turn.answer.valid and self._unlike(asked.state, asked.action) else turn


def _named_kinds(asked: Asked) -> set[str]:
    """The kinds of the room's places and things that the instruction names."""
    kinds = {kind_of(key) for key, _ in asked.sheet.facts if key not in (AT, HAND)}
    return kinds & set(_WORDS.findall(asked.task.instruction))
