"""Reasoning traces R* of a generated shop (Eq. 5): what decided each answer, and what it changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dreamgym.core.data_structures import Sheet, Trajectory, Transition
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.webshop.actions import Search, parse_action
from dreamgym.environments.webshop.notes.facts import (
    BACK,
    EMPTY,
    FITS,
    ITEM_NAME,
    OPEN,
    OPTIONS,
    RIGHT,
    TRAITS,
    WANTED,
    WHOLE,
    WRONG,
    first_facts,
)
from dreamgym.environments.webshop.notes.spots import (
    BEGINNING,
    BEHIND,
    DESCRIPTION,
    FEATURES,
    Spot,
    clicked_name,
    moved,
)
from dreamgym.environments.webshop.pages import Link, short_receipt
from dreamgym.environments.webshop.reading import Wish, read_wish
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import AT, HAND, INSIDE, NONE, UNSEEN, label_of, value_of, with_changes

MOST_PARTS = 5  # of an instruction: two attributes, two options, the price
_WORTHS = sorted({met / parts for parts in range(1, MOST_PARTS + 1) for met in range(parts)})
OVER = tuple(short_receipt(worth) for worth in _WORTHS)  # how a purchase ends that is not all that was wanted
BUTTONS = frozenset((*Link, *BEHIND)) - {Link.ITEM, Link.SUB_PAGE, Link.OPTION}
_NAME = re.compile(r"[a-z0-9]+(?: [a-z0-9]+){0,2}")  # what may be an item or an option


def annotate(trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """Each turn of ``trajectory`` answered from the sheet as it stood before the turn."""
    instruction, spot = trajectory.task.instruction, BEGINNING
    wish = read_wish(instruction)
    known = {key for key, value in first_facts(wish).items() if value != UNSEEN}
    for turn, transition in enumerate(trajectory.transitions):
        action = transition.action.text
        after = moved(spot, action, instruction) if transition.valid else spot
        answer = _answer(sheet, spot, after, transition, wish)
        quotes = (*_deciding(sheet, spot, action), *_shown_by(sheet, after, wish))
        news = [key for key in quotes if INSIDE not in key and key not in known]
        known.update(news)
        yield AnnotatedTurn(
            sheet=sheet,
            action=action,
            quotes=quotes,
            answer=answer,
            turn=turn,
            first_look=news[0] if news else "",
        )
        sheet, spot = with_changes(sheet, answer.changes), _settled(sheet, after)


def _settled(sheet: Sheet, spot: Spot) -> Spot:
    """A search that found nothing leads to the one list that holds nothing."""
    return replace(spot, query=_list_of(sheet, spot)) if spot.query else spot


def _deciding(sheet: Sheet, spot: Spot, action: str) -> tuple[str, ...]:
    """The lines by which an action works or fails, and by which it changes the sheet."""
    name = clicked_name(action)
    if name == Link.PREVIOUS and spot.item and not spot.behind:
        return (BACK,)
    if name in BUTTONS or not _NAME.fullmatch(name) or spot.behind or not spot.query:
        return ()
    if not spot.item:
        return (f"{name}{INSIDE}{spot.results}",)
    options = f"{spot.item} {OPTIONS}"
    label = label_of(name, value_of(sheet, options) or "")
    return (f"{name}{INSIDE}{options}", *((f"{name}{INSIDE}{WANTED}", label) if label != NONE else ()))


def _shown_by(sheet: Sheet, spot: Spot, wish: Wish) -> tuple[str, ...]:
    """The lines that a page is written from."""
    if spot.bought:
        return (*(name for name, _ in wish.options), f"{spot.item} {FITS}")
    if spot.item:
        if spot.behind:
            behind = {DESCRIPTION: (spot.item,), FEATURES: (f"{spot.item} {TRAITS}",)}
            return behind.get(spot.behind, ())
        return spot.item, f"{spot.item} {OPTIONS}"
    if not spot.query:
        return ()
    listed = value_of(sheet, spot.results) or NONE
    items = [entry for entry in listed.split(", ") if ITEM_NAME.fullmatch(entry)]
    return (spot.results, *(items or (_list_of(sheet, spot),)))


def _list_of(sheet: Sheet, spot: Spot) -> str:
    """The list that a spot is in; a search of no key has found nothing."""
    return spot.query if value_of(sheet, spot.query) is not None else EMPTY


def _answer(sheet: Sheet, spot: Spot, after: Spot, transition: Transition, wish: Wish) -> Answer:
    won = transition.reward >= 1.0
    return Answer(
        valid=transition.valid,
        next_state=transition.next_state,
        changes=tuple(_changes(sheet, spot, after, transition.action.text, wish)) if transition.valid else (),
        reward=float(won),
        done=won,
        check=_check(sheet, after, wish) if after.bought and transition.valid else "",
    )


def _check(sheet: Sheet, spot: Spot, wish: Wish) -> str:
    """The conditions of the task, one by one."""
    fits = (value_of(sheet, f"{spot.item} {FITS}") or "").startswith(WHOLE)
    named = [(name, value_of(sheet, name) == RIGHT) for name, _ in wish.options]
    return ", ".join(f"{name} {'yes' if met else 'no'}" for name, met in [("item", fits), *named])


def _changes(sheet: Sheet, spot: Spot, after: Spot, action: str, wish: Wish) -> Iterator[tuple[str, str]]:
    """The lines that an action sets which was accepted."""
    if after.bought:
        return
    name = clicked_name(action)
    if isinstance(parse_action(action), Search) or after.at != spot.at:
        yield AT, after.at if after.item or not after.query else _list_of(sheet, after)
    if isinstance(parse_action(action), Search) or after.open != spot.open:
        yield HAND, after.open
    if after.item and not spot.item:
        yield BACK, spot.results
        yield from ((option, OPEN) for option, _ in wish.options)
    elif after.clicked != spot.clicked and after.item:
        label = label_of(name, value_of(sheet, f"{after.item} {OPTIONS}") or "")
        if value_of(sheet, label) is not None:
            yield label, RIGHT if (label, name) in wish.options else WRONG
