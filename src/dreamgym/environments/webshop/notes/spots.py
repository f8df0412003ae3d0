"""Where a shopper is, by what was done so far: the shop's rules of moving, without the shop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamgym.environments.webshop.actions import Search, parse_action
from dreamgym.environments.webshop.notes.facts import ITEM_NAME, query_key
from dreamgym.environments.webshop.pages import Link
from dreamgym.models.sheet import label_of

DESCRIPTION, FEATURES, REVIEWS = "description", "features", "reviews"
BEHIND = (DESCRIPTION, FEATURES, REVIEWS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A place in a shop. ``query`` is the key of a list, ``behind`` one of the pages behind an item,
    ``clicked`` the option values that were chosen since the item was opened.
    """

    query: str = ""
    number: int = 1
    item: str = ""
    behind: str = ""
    clicked: tuple[str, ...] = ()
    bought: bool = False


BEGINNING = Spot()


def clicked_name(action: str) -> str:
    """What an action clicks; empty where it does not click."""
    parsed = parse_action(action)
    return "" if parsed is None or isinstance(parsed, Search) else parsed.name


def moved(spot: Spot, action: str, instruction: str) -> Spot:
    """Where an action leads that the shop has accepted."""
    parsed = parse_action(action)
    if isinstance(parsed, Search):
        return Spot(query=query_key(parsed.words, instruction))
    name = clicked_name(action)
    if name == Link.BACK:
        return BEGINNING
    if name == Link.NEXT:
        return replace(spot, number=spot.number + 1)
    if name == Link.PREVIOUS:
        if spot.behind:
            return replace(spot, behind="")
        return Spot(query=spot.query, number=spot.number if spot.item else spot.number - 1)
    if name == Link.BUY:
        return replace(spot, bought=True)
    if name in BEHIND:
        return replace(spot, behind=name)
    if not spot.item and ITEM_NAME.fullmatch(name):
        return replace(spot, item=name)
    return replace(spot, clicked=(*spot.clicked, name))


def chosen(spot: Spot, options: str) -> dict[str, str]:
    """The options that are chosen, by name, where ``options`` is the item's line."""
    return {label_of(value, options): value for value in spot.clicked}
