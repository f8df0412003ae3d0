"""One shopper in a shop: where they are, what they chose, and what an action changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamgym.environments.webshop import pages
from dreamgym.environments.webshop.actions import Search, parse_action
from dreamgym.environments.webshop.catalogue import Goal
from dreamgym.environments.webshop.pages import Link, SubPage
from dreamgym.environments.webshop.reward import Score, score
from dreamgym.environments.webshop.shop import Shop


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Where a shopper is: at the receipt if ``bought``, else at a sub-page, an item, results or the start.

    ``query`` is None before the first search and after a return to the search page.
    """

    query: str | None = None
    number: int = 1
    asin: str | None = None
    sub_page: SubPage | None = None
    chosen: tuple[tuple[str, str], ...] = ()
    bought: Score | None = None


class Session:
    """An episode; ``state`` may be kept and put back."""

    def __init__(self, shop: Shop, goal: Goal) -> None:
        self._shop, self._goal = shop, goal
        self.state = State()

    def act(self, action: str) -> bool:
        """Do what ``action`` says; False where it says nothing that can be done here, and nothing changes."""
        parsed = parse_action(action)
        if parsed is None or self.state.bought:
            return False
        if isinstance(parsed, Search):
            self.state = State(query=parsed.words)
            return True
        link, value = self.clickables().get(parsed.name, (Link.SEARCH, ""))
        if link is Link.SEARCH or parsed.name == Link.SEARCH:
            return False  # an empty search bar has nothing to look for
        self.state = self._after(link, value, parsed.name)
        return True

    def clickables(self) -> dict[str, tuple[Link, str]]:
        """What can be clicked here, in the page's order."""
        if self.state.bought:
            return {}
        view = self._view()
        return pages.SEARCH_CLICKABLES if view is None else view.clickables

    def text(self) -> str:
        """The page."""
        state, instruction = self.state, self._goal.instruction
        if state.bought:
            assert state.asin is not None
            if not self._shop.layout.full_receipt:
                return pages.short_receipt(state.bought.reward)
            return pages.receipt(state.asin, dict(state.chosen), state.bought.reward)
        view = self._view()
        if view is None:
            return pages.search_page(instruction)
        return pages.with_instruction(instruction, view)

    def _view(self) -> pages.View | None:
        """The page below its instruction; None on the search page."""
        state = self.state
        if state.query is None:
            return None
        if state.asin is None:
            return self._shop.results(state.query, state.number)
        if state.sub_page is None:
            return self._shop.item(state.asin)
        return self._shop.sub_page(state.asin, state.sub_page)

    def _after(self, link: Link, value: str, name: str) -> State:
        state = self.state
        match link:
            case Link.BACK:
                return State()
            case Link.NEXT:
                return replace(state, number=state.number + 1)
            case Link.PREVIOUS if state.sub_page is not None:
                return replace(state, sub_page=None)
            case Link.PREVIOUS if state.asin is not None:
                return State(query=state.query, number=state.number)
            case Link.PREVIOUS:
                return replace(state, number=state.number - 1)
            case Link.ITEM:
                return replace(state, asin=value)
            case Link.SUB_PAGE:
                return replace(state, sub_page=SubPage(value))
            case Link.OPTION:
                return replace(state, chosen=tuple({**dict(state.chosen), value: name}.items()))
            case _:
                assert link is Link.BUY
                assert state.asin is not None
                product = self._shop.products[state.asin]
                return replace(state, bought=score(product, dict(state.chosen), self._goal))
