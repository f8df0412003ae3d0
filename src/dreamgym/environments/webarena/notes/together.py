"""What several episodes of one task have shown of the site, as one sheet.

Every episode gives its pages numbers of its own; what shows the same is the same page, by its first number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.webarena.notes.facts import GOAL
from dreamgym.environments.webarena.notes.site_map import MOST_PAGES
from dreamgym.models.sheet import UNSEEN, make_sheet
from dreamgym.models.slots import UNKNOWN

_PAGE = re.compile(r"page \d+")
_KEY = re.compile(r"()(page \d+)")
_VALUE = re.compile(r"((?:(?:link|button|field|text|choice), )?(?:\{= )?)(page \d+)")
_VAGUE = re.compile(rf"{UNSEEN}|(?:.*, )?{UNKNOWN}")


def together(sheets: Sequence[Sheet]) -> Sheet:
    """The sheets of one task's episodes as one; who comes first tells what it knows."""
    facts: dict[str, str] = {}
    shown: dict[str, str] = {}  # the name of each page by what it shows
    for sheet in sheets:
        for key, value in _renamed(sheet, shown):
            if key not in facts or _tells_more(value, facts[key]):
                facts[key] = value
    return make_sheet(facts)


def _renamed(sheet: Sheet, shown: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The lines of a sheet with its pages by the names in ``shown``, where new ones are noted.

    Pages for which there is no name left are left out, and what leads to them is unknown.
    """
    names: dict[str, str] = {}
    taken = set(shown.values())
    free = (f"page {number}" for number in range(1, MOST_PAGES + 1))
    for key, value in sheet.facts:
        if _PAGE.fullmatch(key):
            name = shown.get(value)
            if name is None or name in names.values():
                name = key if key not in taken else next((one for one in free if one not in taken), "")
                shown.setdefault(value, name)
                taken.add(name)
            names[key] = name
    for key, value in sheet.facts:
        if renamed := _with_name(_KEY, key, names):
            yield renamed, value if _PAGE.fullmatch(key) else _with_name(_VALUE, value, names) or UNKNOWN


def _with_name(pattern: re.Pattern[str], text: str, names: Mapping[str, str]) -> str:
    """``text`` with the name of the page that it begins with; empty where that has none."""
    match = pattern.match(text)
    if match is None:
        return text
    name = names.get(match[2], "")
    return f"{match[1]}{name}{text[match.end() :]}" if name else ""


def _tells_more(value: str, known: str) -> bool:
    """Whether ``value`` tells what ``known`` leaves open, or what the task is about."""
    is_vague = _VAGUE.fullmatch(known) is not None and _VAGUE.fullmatch(value) is None
    return is_vague or value == f"{known}, {GOAL}"
