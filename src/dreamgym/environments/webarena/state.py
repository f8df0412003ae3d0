"""The paper's abstract state (App. C): the three to ten elements that matter, ``[id] TYPE: description``.

Ids are exact, charts and tables whole. The paper lets a language model choose; here rules do, so that the
same page always reads the same: messages, tables and charts first, then what can be acted on, then the rest,
and whatever shares words with the task before its like. What is left out comes with ``scroll``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dreamgym.environments.webarena.elements import Element

SHOWN = 10
MAX_NAME = 200  # characters of a name in the abstract state; tables and charts are whole
MAX_OBSERVATION = 65_536
MAX_TABLE = 8_000
MAX_OPTIONS = 20
SCORES = {"alert": 100, "table": 60, "chart": 60, "heading": 50, "text": 25, "link": 30}
ACTED_ON = 40
ASIDE_PENALTY = 22
PER_WORD, MOST_WORDS = 15, 3
_WORD = re.compile(r"[a-z0-9]{3,}")


def windows(elements: Sequence[Element]) -> int:
    """How many screens of the abstract state a page has."""
    return max(1, -(-len(elements) // SHOWN))


def abstract(elements: Sequence[Element], instruction: str, window: int = 0) -> list[Element]:
    """The elements that matter, in reading order; ``window`` counts the screens of ``SHOWN``, best first."""
    wanted = set(_WORD.findall(instruction.lower()))
    order = sorted(range(len(elements)), key=lambda index: (-_score(elements[index], wanted), index))
    chosen = order[window * SHOWN : (window + 1) * SHOWN]
    return [elements[index] for index in sorted(chosen)]


def describe(elements: Sequence[Element], *, whole: bool = False) -> str:
    """One line an element."""
    return "\n".join(_line(element, whole) for element in elements)


def clean(text: str, limit: int = MAX_NAME) -> str:
    """One line of printable characters, cut to ``limit``."""
    printable = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


def _score(element: Element, wanted: set[str]) -> int:
    score = SCORES.get(element.type, ACTED_ON if element.interactive else 20)
    words = wanted.intersection(_WORD.findall(f"{element.name} {element.value}".lower()[:1_000]))
    return score - ASIDE_PENALTY * element.aside + PER_WORD * min(len(words), MOST_WORDS)


def _line(element: Element, whole: bool) -> str:
    long = element.type in ("table", "chart")
    limit = MAX_TABLE if whole or long else MAX_NAME
    line = f'[{element.id}] {element.type}: "{clean(element.name, limit)}"'.replace('""', '""')
    if element.value:
        line += f" - {clean(element.value, limit)}"
    if element.options:
        shown = [clean(option, 40) for option in element.options[:MAX_OPTIONS]]
        line += f" ({' | '.join(shown)}{' | …' if len(element.options) > MAX_OPTIONS else ''})"
    return line
