"""Reasoning traces R* for ALFWorld trajectories (Eq. 5), by rules, in hindsight, from the trajectory alone.

Each turn is answered from the sheet as it stood, which `hindsight` has read off the episode's observations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dreamgym.core.data_structures import Sheet, Trajectory, Transition
from dreamgym.environments.alfworld.hindsight import ACTION, first_shown
from dreamgym.environments.alfworld.notes import NOTHING
from dreamgym.environments.alfworld.task_check import task_check
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import (
    AT,
    HAND,
    NAME,
    kind_of,
    marks_of,
    place_of,
    thing_value,
    value_of,
    with_changes,
)

_LIGHT = re.compile(r"(?:look at|examine the) (?P<thing>[a-z]+) (?:under|with) the (?P<lamp>[a-z]+)\.")


def quoted_keys(sheet: Sheet, action: str, instruction: str) -> tuple[str, ...]:
    """What the reasoning quotes: every name in the action, the place of a thing that stands alone, and the
    kind that decides whether the task is done.
    """
    names = list(dict.fromkeys(NAME.findall(action)))[:3]
    if len(names) == 1 and (place := place_of(value_of(sheet, names[0]) or "")) is not None:
        names.append(place)
    return (*names, *_deciding_kinds(action, instruction))


def _deciding_kinds(action: str, instruction: str) -> tuple[str, ...]:
    """The twins of a thing put down (is it the second of two?); of thing and lamp the one that the action of
    an *examine* task does not name.
    """
    match, light = ACTION.fullmatch(action), _LIGHT.fullmatch(instruction)
    if match is None:
        return ()
    kind = kind_of(match["first"])
    if match["verb"] == "move":
        return (kind,)
    if light is None:
        return ()
    return {("take", light["thing"]): (light["lamp"],), ("use", light["lamp"]): (light["thing"],)}.get(
        (match["verb"], kind), ()
    )


def _marks_after(verb: str, marks: tuple[str, ...]) -> tuple[str, ...]:
    gone = {"heat": {"cool", "hot"}, "cool": {"hot", "cool"}}.get(verb, set())
    mark = {"heat": "hot", "cool": "cool", "clean": "clean", "slice": "sliced", "use": "on"}.get(verb)
    kept = [m for m in marks if m not in gone and m != mark]
    order = ("hot", "cool", "clean", "sliced", "on")
    return tuple(sorted(kept + ([mark] if mark else []), key=order.index))


def changed_lines(sheet: Sheet, action: str) -> tuple[tuple[str, str], ...]:
    """The ``set`` lines of an action that worked."""
    match = ACTION.fullmatch(action)
    if match is None:
        return ()
    verb, first, second = match["verb"], match["first"], match["second"]
    if verb == "go to":
        return ((AT, first),)
    if verb in ("open", "close"):
        return ((first, "open" if verb == "open" else "closed"),)
    value = value_of(sheet, first)
    place = {"take": HAND, "move": second}.get(verb, place_of(value or ""))
    if value is None or place is None:
        return ()
    return ((first, thing_value(place, _marks_after(verb, marks_of(value)))),)


def _answer(sheet: Sheet, transition: Transition, instruction: str) -> Answer:
    valid, action = transition.next_state != NOTHING, transition.action.text
    changes = changed_lines(sheet, action) if valid else ()
    return Answer(
        valid=valid,
        next_state=transition.next_state,
        changes=changes,
        reward=transition.reward,
        done=transition.terminated,
        check=task_check(with_changes(sheet, changes), action, instruction) if valid else "",
    )


def annotate(trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """Each turn of ``trajectory`` answered from the sheet as it stood before the turn."""
    seen: set[str] = set()
    for turn, transition in enumerate(trajectory.transitions):
        action, shown = transition.action.text, first_shown(transition.next_state, seen)
        before = frozenset(seen)
        seen.add(shown)
        answer = _answer(sheet, transition, trajectory.task.instruction)
        yield AnnotatedTurn(
            sheet=sheet,
            action=action,
            quotes=quoted_keys(sheet, action, trajectory.task.instruction),
            answer=answer,
            turn=turn,
            first_look=shown.removeprefix("in "),
            shown=before,
        )
        sheet = with_changes(sheet, answer.changes)
