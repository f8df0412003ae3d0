"""A shop: products, the index that finds them, and their pages, prepared when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dreamgym.environments.webshop import pages
from dreamgym.environments.webshop.catalogue import Product, search_text
from dreamgym.environments.webshop.index_files import build_index
from dreamgym.environments.webshop.pages import SubPage, View
from dreamgym.environments.webshop.search_index import SearchIndex

PAGES, SEARCHES = 4096, 512  # kept, the latest; an agent may search for anything, so these are fewer


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How much a page shows. ``results``: the most that a search finds; ``full_receipt``: the original's."""

    page_size: int
    results: int
    full_receipt: bool


ORIGINAL = Layout(page_size=10, results=50, full_receipt=True)
SHORT = Layout(page_size=4, results=12, full_receipt=False)


class Shop:
    """Shared by episodes: nothing in it changes but what it has prepared.

    ``index`` is one that was built of the products' ``search_text`` and stored, where building it takes long.
    """

    def __init__(
        self,
        products: Sequence[Product],
        layout: Layout = ORIGINAL,
        *,
        show_attributes: bool = False,
        index: SearchIndex | None = None,
    ) -> None:
        self.products = {product.asin: product for product in products}
        self.layout = layout
        self._show_attributes = show_attributes
        self._index = index or build_index((product.asin, search_text(product)) for product in products)
        self.found = lru_cache(SEARCHES)(self._found)
        self.results = lru_cache(SEARCHES)(self._results)
        self.item = lru_cache(PAGES)(self._item)
        self.sub_page = lru_cache(PAGES)(self._sub_page)

    def _found(self, query: str) -> tuple[str, ...]:
        """The asins that a search finds, best first."""
        return tuple(self._index.search(query, self.layout.results))

    def _results(self, query: str, number: int) -> View:
        """Page ``number`` of what a search finds; beyond the last one it is empty."""
        found, size = self.found(query), self.layout.page_size
        shown = [self.products[asin] for asin in found[(number - 1) * size : number * size]]
        return pages.results_page(shown, number, len(found))

    def _item(self, asin: str) -> View:
        """The page of an item."""
        return pages.item_page(self.products[asin], show_attributes=self._show_attributes)

    def _sub_page(self, asin: str, page: SubPage) -> View:
        """A page behind an item."""
        return pages.sub_page(self.products[asin], page)
