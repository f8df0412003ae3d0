"""The forms of the commands that have worked in the real environment, and so may work in a dream.

A form is a command with ``#`` for every name: ``take mug 1 from cabinet 2`` is ``take # from #``. Where an
environment has a fixed set of commands, its logged trajectories hold every form, and what has another one
(``go to go to shelf 1``) is no command at all: no model need be asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from dreamgym.core.data_structures import Origin, Trajectory
from dreamgym.models.sheet import NAME


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
