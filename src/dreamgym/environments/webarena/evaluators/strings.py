"""``string_match``: WebArena's comparisons of what the agent said, and of texts of pages."""

from __future__ import annotations

import re

from dreamgym.environments.webarena.specs import Contents

OR = " |OR| "
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|\w+(?:[-.]\w+)*|[^\w\s]")


def plain(text: str) -> str:
    """Lower case, without spaces around it, without one pair of quotes around it."""
    text = text.strip()
    for quote in "'\"":
        if len(text) > 1 and text.startswith(quote) and text.endswith(quote):
            text = text[1:-1]
    return text.lower()


def exact(wanted: str, found: str) -> bool:
    """The same text."""
    return plain(found) == plain(wanted)


def includes(wanted: str, found: str, *, as_word: bool = False) -> bool:
    """``wanted`` is in ``found``; where it is one word and ``as_word``, as a word of its own."""
    wanted, found = plain(wanted), plain(found)
    if as_word and len(_TOKEN.findall(wanted)) == 1:
        return wanted in _TOKEN.findall(found)
    return wanted in found


def answer_matches(wanted: Contents, answer: str) -> bool:
    """Everything but what a judge must say of it."""
    if wanted.exact is not None and not exact(wanted.exact, answer):
        return False
    alone = len(wanted.must_include) == 1  # "1" must not be found in "10"
    return all(includes(text, answer, as_word=alone) for text in wanted.must_include)


def page_matches(wanted: Contents, text: str) -> bool:
    """Everything but what a judge must say of it; of a text of a page, where alternatives may be given."""
    if wanted.exact is not None:
        return exact(wanted.exact, text)
    return all(any(includes(one, text) for one in each.split(OR)) for each in wanted.must_include)
