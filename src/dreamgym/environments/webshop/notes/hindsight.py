"""What a logged episode has shown of its shop: the sheet that it must have started from, from its texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dreamgym.core.data_structures import Sheet, Trajectory
from dreamgym.environments.webshop.generator import SHELF
from dreamgym.environments.webshop.notes.facts import (
    CHEAP,
    FITS,
    OPTIONS,
    OTHER,
    TRAITS,
    WHOLE,
    complete,
    first_facts,
    fits_line,
    found,
    page_key,
    page_line,
    product_line,
)
from dreamgym.environments.webshop.notes.facts import options_line as line_of_options
from dreamgym.environments.webshop.notes.spots import BEGINNING, FEATURES, Spot, chosen, moved
from dreamgym.environments.webshop.reading import (
    Wish,
    read_details,
    read_item,
    read_results,
    read_score,
    read_wish,
)
from dreamgym.models.sheet import UNSEEN, joined, make_sheet

A_FEW = tuple(f"b{number:02d}" for number in range(1, SHELF + 1))


def hindsight_sheet(trajectory: Trajectory) -> Sheet:
    """The sheet at the start, as far as the episode tells; what it did not show is ``unseen``."""
    wish = read_wish(trajectory.task.instruction)
    facts, spot = first_facts(wish), BEGINNING
    for transition in trajectory.transitions:
        if transition.valid:
            spot = moved(spot, transition.action.text, trajectory.task.instruction)
            facts |= _shown(spot, transition.next_state, facts, wish)
    return make_sheet(complete(facts, wish))


def blank_sheet(instruction: str) -> Sheet:
    """What an instruction alone tells of the shop, as if it had a few products and no more."""
    wish = read_wish(instruction)
    return make_sheet(complete({**first_facts(wish), **dict.fromkeys(A_FEW, UNSEEN)}, wish))


def together(sheets: Sequence[Sheet]) -> Sheet:
    """What the episodes of one task have shown.

    Where an item is known to meet everything, others whose worth nobody has seen are supposed to meet nothing
    but the price: few meet more, and what is bought most often is what does.
    """
    facts = dict(joined(sheets).facts)
    fits = {key: value for key, value in facts.items() if key.endswith(f" {FITS}")}
    whole = next((value for value in fits.values() if value.startswith(WHOLE)), "")
    for key in [key for key, value in fits.items() if whole and value == UNSEEN]:
        is_cheap = facts[key.removesuffix(f" {FITS}")].endswith(CHEAP)
        facts[key] = f"{int(is_cheap)} of {whole.rpartition(' ')[2]}"
    return make_sheet(facts)


def _shown(spot: Spot, text: str, facts: dict[str, str], wish: Wish) -> dict[str, str]:
    """The facts in the page that a move led to."""
    if spot.bought:
        return _bought(spot, text, facts, wish)
    if spot.behind == FEATURES:
        return {f"{spot.item} {TRAITS}": ", ".join(read_details(text))}
    if spot.item and (page := read_item(text)) is not None:
        return {
            spot.item: product_line(page.title, page.price_tag, wish),
            f"{spot.item} {OPTIONS}": line_of_options(page.options),
        }
    return dict(_listed(spot, text, wish))


def _listed(spot: Spot, text: str, wish: Wish) -> Iterator[tuple[str, str]]:
    """The facts on a page of results; a search that finds nothing has no key."""
    results = read_results(text)
    if results is None or results.total == 0:
        return
    yield spot.query, found(results.total)
    if results.offers:
        items = (offer.item for offer in results.offers)
        yield page_key(spot.query, results.number), page_line(items)
    for offer in results.offers:
        yield offer.item, product_line(offer.title, offer.price_tag, wish)


def _bought(spot: Spot, text: str, facts: dict[str, str], wish: Wish) -> dict[str, str]:
    """What a purchase tells of the item: its worth, less that of the options."""
    if complete(facts, wish)[f"{spot.item} {FITS}"] == OTHER:
        return {}
    taken = chosen(spot, facts[f"{spot.item} {OPTIONS}"])
    right = sum(taken.get(name) == value for name, value in wish.options)
    met = round(read_score(text) * wish.parts) - right
    return {f"{spot.item} {FITS}": fits_line(met, wish)}
