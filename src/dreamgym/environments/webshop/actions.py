"""The two actions: ``search[words]`` and ``click[something on the page]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_ACTION = 2_048  # characters; nobody means more, and a search costs time by its length
_ACTION = re.compile(r"(search|click)\[(.+)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """Look for ``words``, in lower case."""

    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Click:
    """Follow the link, press the button or choose the option with this name, in lower case."""

    name: str


def parse_action(text: str) -> Search | Click | None:
    """The action that a text says, None where it says none.

    As in the original, what stands behind the last bracket does not count; nothing may stand before the verb.
    """
    if len(text) > LONGEST_ACTION:
        return None
    match = _ACTION.match(text)
    if match is None:
        return None
    verb, argument = match.groups()
    return Search(words=argument.lower()) if verb == "search" else Click(name=argument.lower())
