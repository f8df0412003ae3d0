"""What kinds of task the site's instructions are: what has to be said, done and open at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """``deed`` is the button that does it; ``said``: an answer is wanted, and where it is ``exact``, no word
    more; ``ends``: where it ends matters.
    """

    deed: str = ""
    said: bool = False
    exact: bool = False
    ends: bool = False


KINDS = {
    r"What is the price|In which": Kind(said=True, exact=True),
    r"What is|How many|Which": Kind(said=True),
    r"Show me|Search the shop": Kind(ends=True),
    r"Open the post": Kind(said=True, exact=True, ends=True),
    r"Put ": Kind(deed="Add to cart"),
    r"Buy ": Kind(deed="Place order"),
    r"Cancel my order": Kind(deed="Cancel order"),
    r"Change the city|Change my profile|Set the": Kind(deed="Save"),
    r"Mark order": Kind(deed="Save", ends=True),
    r"Review |Comment ": Kind(deed="Send"),
    r"Write a post": Kind(deed="Send", ends=True),
    r"Log in": Kind(deed="Log in"),
    r"Vote for": Kind(deed="Vote up"),
}


def kind_of_task(instruction: str) -> Kind:
    """The kind of task that ``instruction`` is; one that nobody knows wants everything."""
    known = (kind for words, kind in KINDS.items() if re.match(words, instruction))
    return next(known, Kind(deed=" ", said=True, ends=True))
