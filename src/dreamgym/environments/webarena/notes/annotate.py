"""Reasoning traces R* of the site (Eq. 5): what decided each answer, and what it changed in the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dreamgym.core.data_structures import Sheet, Trajectory, Transition
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.webarena.notes.facts import BLANK, page_text, stored
from dreamgym.environments.webarena.notes.rules import OVER as ENDED
from dreamgym.environments.webarena.notes.rules import conditions, respond
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import AT, HAND, value_of, with_changes

OVER = (ENDED,)  # how an episode ends, won or not


def annotate(trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """Each turn of ``trajectory`` answered from the sheet as it stood before the turn."""
    for turn, transition in enumerate(trajectory.transitions):
        expected = respond(sheet, transition.action.text)
        follows = agrees(expected.answer, transition)
        answer = expected.answer if follows else _as_logged(sheet, expected.answer, transition)
        yield AnnotatedTurn(
            sheet=sheet,
            action=transition.action.text,
            quotes=expected.quotes,
            answer=answer,
            turn=turn,
            written=expected.written if follows else None,
        )
        sheet = with_changes(sheet, answer.changes)


def agrees(expected: Answer, logged: Transition) -> bool:
    """Whether the lines say what has happened."""
    return expected.next_state == logged.next_state and (expected.reward > 0) == (logged.reward > 0)


def _as_logged(sheet: Sheet, expected: Answer, logged: Transition) -> Answer:
    """The answer of a turn whose lines the sheet does not have, or has otherwise."""
    text = stored(page_text(logged.next_state))
    page = next((key for key, value in sheet.facts if value == text), None)
    changes = {HAND: BLANK} if page is None else {AT: page, HAND: BLANK}
    is_won = logged.reward > 0
    return replace(
        expected,
        valid=logged.valid,
        next_state=logged.next_state,
        changes=tuple(
            (key, value)
            for key, value in changes.items()
            if page is not None and logged.valid and value_of(sheet, key) != value
        ),
        reward=float(is_won),
        done=is_won,
        check=conditions(said=is_won, did=is_won, here=is_won) if logged.next_state.endswith(OVER) else "",
    )
