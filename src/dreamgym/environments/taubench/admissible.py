"""What an agent of our own shop could sensibly say or call now, by the names that it has been told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product

from dreamgym.environments.taubench.calls import RESPOND, CallError, ToolCall
from dreamgym.environments.taubench.database import Database
from dreamgym.environments.taubench.episode import Episode
from dreamgym.environments.taubench.shop import KINDS, STREETS
from dreamgym.environments.taubench.shop_tools import CHANGE_FORMS, REASONS, TOOLS

LINES = {form.name: form for form in TOOLS.forms if form.name not in (RESPOND, "calculate")}
CHANGES = frozenset(form.name for form in CHANGE_FORMS)
PHRASES = (
    "what is your name and code?",
    "which order?",
    "which item?",
    "which new item?",
    "which address?",
    "which payment?",
    "why?",
    "i cannot do that.",
    "done",
)
_NAME = re.compile(r"\b[a-z]+ \d+\b")
_PERSON = re.compile(r"\b([a-z]+), (code \d+)")
_PRICE = re.compile(r"\b(?:total|price) (\d+)")


def admissible(episode: Episode, seen: Sequence[str]) -> tuple[str, ...] | None:
    """The calls that the shop would do now, and the questions that a customer understands, sorted.

    Found by trying each call that the names ``seen`` so far allow on a copy of the database. None in
    tau-bench's own domains, whose calls nobody can list.
    """
    if episode.world.toolbox is not TOOLS:
        return None
    database, guard = episode.now.database, episode.now.guard
    done = [call for call in _calls(seen) if _would_do(database, call)]
    lines = {LINES[call.name].write(call) for call in done if not guard.problem(database, call)}
    changes = [call for call in done if call.name in CHANGES]
    offers = [f"may i {LINES[call.name].write(call)}?" for call in changes if _may_ask(episode, call)]
    prices = [f"{price}." for text in seen for price in _PRICE.findall(text)]
    return tuple(sorted(lines | {f"{RESPOND} {words}" for words in (*PHRASES, *offers, *prices)}))


def _calls(seen: Sequence[str]) -> Iterator[ToolCall]:
    """Every call of every tool on the names that were told, and of the calculator none."""
    told = _names(seen)
    people = [person for text in seen for person in _PERSON.findall(text)]
    for form in LINES.values():
        if form.name == "find_user":
            yield from (ToolCall(name=form.name, arguments={"name": n, "code": c}) for n, c in people)
        elif all(name in told for name, _ in form.arguments):
            slots = [name for name, _ in form.arguments]
            for values in product(*(told[name] for name in slots)):
                yield ToolCall(name=form.name, arguments=dict(zip(slots, values, strict=True)))


def _names(seen: Sequence[str]) -> dict[str, list[str]]:
    """What each argument could be, by what was told."""
    names = sorted({name for text in seen for name in _NAME.findall(text)})
    kinds = {name: name.split(" ")[0] for name in names}
    items = [name for name in names if kinds[name] in KINDS]
    return {
        "order": [name for name in names if kinds[name] == "order"],
        "item": items,
        "new_item": items,
        "kind": sorted({kinds[item] for item in items}),
        "address": [name for name in names if kinds[name] in STREETS],
        "payment": [name for name in names if kinds[name] in ("card", "gift")],
        "reason": list(REASONS),
    }


def _would_do(database: Database, call: ToolCall) -> bool:
    try:
        TOOLS.run(database.copy(), call)
    except CallError:
        return False
    return True


def _may_ask(episode: Episode, call: ToolCall) -> bool:
    """Whether only the customer's yes is missing."""
    agreed = episode.now.guard.heard(f"may i {LINES[call.name].write(call)}?", "yes.")
    return not agreed.problem(episode.now.database, call)
