"""Reasoning traces R* of a generated shop (Eq. 5): what decided each answer, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dreamgym.core.data_structures import Sheet, Trajectory, Transition
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.webshop.notes.facts import first_facts
from dreamgym.environments.webshop.notes.rules import respond
from dreamgym.environments.webshop.notes.view import shown_keys
from dreamgym.environments.webshop.pages import short_receipt
from dreamgym.environments.webshop.reading import read_wish
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import UNSEEN, with_changes

MOST_PARTS = 5  # of an instruction: two attributes, two options, the price
_WORTHS = sorted({met / parts for parts in range(1, MOST_PARTS + 1) for met in range(parts + 1)})
OVER = tuple(short_receipt(worth) for worth in _WORTHS)  # how an episode ends, won or not


def annotate(trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """Each turn of ``trajectory`` answered from the sheet as it stood before the turn."""
    instruction = trajectory.task.instruction
    wish = read_wish(instruction)
    known = {key for key, value in first_facts(wish).items() if value != UNSEEN}
    for turn, transition in enumerate(trajectory.transitions):
        action = transition.action.text
        expected = respond(sheet, action, instruction, wish)
        follows = agrees(expected.answer, transition)
        answer = expected.answer if follows else _as_logged(expected.answer, transition)
        after = with_changes(sheet, answer.changes)
        news = [key for key in shown_keys(after) if key not in known]
        known.update(news)
        yield AnnotatedTurn(
            sheet=sheet,
            action=action,
            quotes=expected.quotes,
            answer=answer,
            turn=turn,
            first_look=news[0] if news else "",
            written=expected.written if follows else None,
        )
        sheet = after


def agrees(expected: Answer, logged: Transition) -> bool:
    """Whether the lines say what has happened."""
    is_same = (expected.next_state, expected.valid) == (logged.next_state, logged.valid)
    return is_same and (expected.reward > 0) == (logged.reward >= 1.0)


def _as_logged(expected: Answer, logged: Transition) -> Answer:
    """The answer of a turn whose lines the sheet does not have, or has otherwise."""
    won = logged.reward >= 1.0
    return replace(
        expected,
        valid=logged.valid,
        next_state=logged.next_state,
        changes=expected.changes if logged.valid else (),
        reward=float(won),
        done=won,
        check=expected.check if (expected.reward > 0) == won else "",
    )
