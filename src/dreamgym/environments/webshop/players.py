"""Scripted players for an experience model to learn from: an expert, a curious, a careless, a random one.

A player is told what followed every action (``see``), also where it did not choose it, and says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from dreamgym.environments.webshop.catalogue import Goal
from dreamgym.environments.webshop.reading import Offer, Results, read_details, read_item, read_results
from dreamgym.utils.draws import choose

Admissible = Callable[[], Sequence[str]]
BUY, PREVIOUS, NEXT, BACK = "click[buy now]", "click[< prev]", "click[next >]", "click[back to search]"
FEATURES = "click[features]"
PAGES_LOOKED_AT = 3
CARELESSNESS = (0.2, 0.7)  # how often a careless player slips: from, to


class Player(Protocol):
    """Plays one episode."""

    def see(self, action: str, observation: str) -> None:
        """Take note of what followed ``action``."""
        ...

    def choose(self, admissible: Admissible) -> str:
        """The next action; ``admissible`` lists what can be done here."""
        ...


class Expert:
    """Knows the product that the goal was made from: searches, opens it, chooses the options, buys."""

    def __init__(self, goal: Goal, rng: Random) -> None:
        self._item = f"click[{goal.asin.lower()}]"
        self._options = [f"click[{value}]" for _, value in goal.options]
        by_need = f"{goal.query} {' '.join(goal.attributes)}"
        self._queries = [choose(rng, (goal.instruction, by_need, goal.query)), goal.title]
        self._looked_at = 0
        self._clicked: list[str] = []  # since the last page of results

    def see(self, action: str, observation: str) -> None:
        """See ``Player``."""
        on_results = "[SEP] Page " in observation
        self._looked_at = self._looked_at + 1 if on_results else 0
        self._clicked = [] if on_results else [*self._clicked, action]

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        actions = admissible()
        if BACK not in actions:
            return f"search[{self._queries.pop(0) if len(self._queries) > 1 else self._queries[0]}]"
        if BUY in actions and self._item in self._clicked:
            left = [option for option in self._options if option not in self._clicked]
            return left[0] if left else BUY
        if self._item in actions:
            return self._item
        if NEXT in actions:
            return NEXT if self._looked_at < PAGES_LOOKED_AT else BACK
        return PREVIOUS


class Careless:
    """An expert who slips: clicks what is not there, takes another item or option, buys at once, babbles."""

    def __init__(self, goal: Goal, rng: Random) -> None:
        self._expert = Expert(goal, rng)
        self._goal, self._rng = goal, rng
        low, high = CARELESSNESS
        self._rate = low + rng.random() * (high - low)

    def see(self, action: str, observation: str) -> None:
        """See ``Player``."""
        self._expert.see(action, observation)

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        if self._rng.random() < self._rate:
            return choose(self._rng, self._slips(admissible()))
        return self._expert.choose(admissible)

    def _slips(self, actions: Sequence[str]) -> list[str]:
        """One action of each kind of slip; a random one here counts three times, a purchase twice."""
        words = self._goal.instruction.split()
        number = 1 + int(self._rng.random() * 20)
        return [
            *(choose(self._rng, actions) for _ in range(3)),
            BUY,
            BUY,
            f"click[b{number:02d}]",
            f"click[{choose(self._rng, [value for _, value in self._goal.options] or ['red'])}]",
            f"click[{self._goal.query}]",
            f"search[{choose(self._rng, words)}]",
            choose(self._rng, ("search", "buy now", "click[]", "look", f"buy[{self._goal.query}]")),
        ]


class Curious:
    """Knows the instruction alone: reads the features of whatever may fit, and buys the first that does.

    Where nothing on the pages it looks at fits, it takes the first thing that may.
    """

    def __init__(self, goal: Goal, rng: Random) -> None:
        self._goal = goal
        self._query = choose(rng, (goal.instruction, f"{goal.query} {' '.join(goal.attributes)}", goal.query))
        self._page = ""
        self._title = ""  # of the item that is open
        self._features: dict[str, tuple[str, ...]] = {}  # by title, of what was read
        self._clicked: list[str] = []  # since the last page of results
        self._settles = False

    def see(self, action: str, observation: str) -> None:
        """See ``Player``."""
        self._page = observation
        if read_results(observation) is not None:
            self._clicked = []
        elif (item := read_item(observation)) is not None:
            self._title = item.title
        elif action == FEATURES:
            self._features[self._title] = read_details(observation)
        self._clicked.append(action)

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        if (results := read_results(self._page)) is not None:
            return self._among(results)
        if (item := read_item(self._page)) is None:
            return PREVIOUS if PREVIOUS in admissible() else f"search[{self._query}]"
        if item.title not in self._features:
            return FEATURES
        if not self._settles and not set(self._goal.attributes) <= set(self._features[item.title]):
            return PREVIOUS
        offered = {value for _, values in item.options for value in values}
        wanted = [f"click[{value}]" for _, value in self._goal.options if value in offered]
        return next((option for option in wanted if option not in self._clicked), BUY)

    def _among(self, results: Results) -> str:
        """The first offer that may fit and was not looked at, the next page, or the first that may fit."""
        likely = [offer for offer in results.offers if self._may_fit(offer)]
        new = [offer for offer in likely if offer.title not in self._features or self._settles]
        if new:
            return f"click[{new[0].item}]"
        if results.offers and results.number < PAGES_LOOKED_AT:
            return NEXT
        self._settles = True
        return PREVIOUS if results.number > 1 else f"search[{self._goal.query}]"

    def _may_fit(self, offer: Offer) -> bool:
        kind = offer.title.rpartition(" ")[2].lower()
        return kind == self._goal.query and float(offer.price_tag.lstrip("$")) <= self._goal.price_upper


class RandomPlayer:
    """Any action that can be done here."""

    def __init__(self, goal: Goal, rng: Random) -> None:
        self._rng = rng

    def see(self, action: str, observation: str) -> None:
        """See ``Player``."""

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        return choose(self._rng, admissible())


PLAYERS: dict[str, Callable[[Goal, Random], Player]] = {
    "expert": Expert,
    "curious": Curious,
    "careless": Careless,
    "random": RandomPlayer,
}
