"""What real trajectories have shown of a world; what they never held, a dream need not believe.

A *form* is a command with ``#`` for every name: ``take mug 1 from cabinet 2`` is ``take # from #``. Where an
environment has a fixed set of commands, its logged trajectories hold every form, and what has another one
(``go to go to shelf 1``) is no command at all: no model need be asked. Likewise a kind of thing that never
lay anywhere is not imagined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dreamgym.core.data_structures import Origin, Sheet, Trajectory
from dreamgym.models.sheet import NAME, kind_of, place_of


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedWorld:
    """The forms of command that may work and the kinds of things there are; None where any may."""

    forms: frozenset[str] | None = None
    things: frozenset[str] | None = None

    def may_work(self, action: str) -> bool:
        """Whether an action has a form that has worked."""
        return self.forms is None or form_of(action) in self.forms

    def unknown_things(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that are of no known kind."""
        return [name for name in names if self.things is not None and kind_of(name) not in self.things]


OPEN_WORLD = ClosedWorld()


def form_of(action: str) -> str:
    """The form of a command."""
    return NAME.sub("#", " ".join(action.split()))


def known_forms(trajectories: Iterable[Trajectory]) -> frozenset[str]:
    """The forms of all actions that the real environment accepted."""
    return frozenset(
        form_of(turn.action.text)
        for trajectory in trajectories
        if trajectory.origin is Origin.REAL
        for turn in trajectory.transitions
        if turn.valid
    )


def known_things(sheets: Iterable[Sheet]) -> frozenset[str]:
    """The kinds of all things that the sheets place somewhere."""
    return frozenset(
        kind_of(name) for sheet in sheets for name, value in sheet.facts if place_of(value) is not None
    )
