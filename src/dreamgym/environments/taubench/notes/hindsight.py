"""What a logged episode of the shop has shown: the sheet that it must have started from, from its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dreamgym.core.data_structures import Sheet, Trajectory
from dreamgym.environments.taubench.guard import offered
from dreamgym.environments.taubench.notes.facts import (
    AT_FIRST,
    CUSTOMER,
    FORMS,
    HINT,
    HOLDS,
    LATER,
    LATER_HINT,
    LATER_THOUGHT,
    LEFT,
    MANNER,
    NOBODY,
    OF_ANOTHER,
    OWED,
    SLOTS,
    SOLD_OUT,
    THOUGHT,
    WISH,
    Wanted,
    details,
    is_allowed,
    line_of,
    manner,
    wanted_of,
)
from dreamgym.environments.taubench.shop_script import REFUSAL, WISHES
from dreamgym.environments.taubench.shop_tools import TRANSFER
from dreamgym.environments.taubench.shop_user import PATIENCE, USUAL_PATIENCE
from dreamgym.models.sheet import AT, HAND, NONE, NOTHING, UNSEEN, make_sheet

TERSE, TALKATIVE, TELLING, ASKED = "terse", "talkative", "telling", "asked"
SPEAKER = "customer: "
_PHRASES = {phrase: kind for kind, phrase in WISHES.items()}
_WANTS = re.compile(r"i want to (?P<phrase>[^:.]+)(?:: (?P<details>[^.]*))?\.")
_PERSON = re.compile(r"\b(?P<name>[a-z]+), (?P<code>code \d+)\.")
_USER = re.compile(r"(?P<user>user \d+): (?P<told>[^.]*)\.")
_ORDER = re.compile(r"(?P<order>order \d+): (?P<told>[^.]*, total (?P<total>\d+), [^.]*)\.")
_ITEM = re.compile(r"(?P<item>[a-z]+ \d+): (?P<told>[a-z]+, price \d+, (?:in stock|sold))\.")
_STOCK = re.compile(r"in stock: (?P<told>[^.]*)\.")
_OTHERS = re.compile(r"Error: (?P<order>order \d+) is not of user \d+\.")
_FORGOT = re.compile(r"i do not know the number\. (?P<item>[a-z]+ \d+) is in it\.")
_NAME = re.compile(r"\b[a-z]+ \d+\b")
_ITEM_NAME = re.compile(r"\b(?!order|card|gift|user|code|total|price)[a-z]+ \d+\b")


@dataclass(slots=True)
class _Heard:
    """One wish as the customer has told it so far."""

    kind: str
    slots: dict[str, str] = field(default_factory=dict)
    thought: dict[str, str] | None = None
    hint: str = ""

    @property
    def wanted(self) -> Wanted:
        return Wanted(kind=self.kind, slots=self.slots)

    @property
    def first(self) -> str:
        """What it said at first, as the sheet writes it."""
        whole = None if self.thought is None else Wanted(kind=self.kind, slots=self.thought)
        return whole.line() if whole is not None and whole.is_whole else NONE


def hindsight_sheet(trajectory: Trajectory) -> Sheet:
    """The sheet at the start, as far as the episode tells; what it tells of, but not all, is ``unseen``."""
    facts = {AT: NOBODY, HAND: HOLDS}
    wishes = list(_wishes(trajectory))
    facts |= _people(trajectory)
    facts |= _records(trajectory)
    for names, wish in zip(((WISH, THOUGHT, HINT), (LATER, LATER_THOUGHT, LATER_HINT)), wishes, strict=False):
        _find_forgotten(wish, facts)
        known = wish.wanted.is_whole
        facts |= dict(
            zip(names, (wish.wanted.line() if known else UNSEEN, wish.first, wish.hint or NONE), strict=True)
        )
    if len(wishes) < 2:
        facts |= dict.fromkeys((LATER, LATER_THOUGHT, LATER_HINT), NONE)
    facts |= _due(trajectory, wishes, facts)
    return make_sheet(facts)


def _wishes(trajectory: Trajectory) -> Iterator[_Heard]:
    """Each wish with all that is said of it, the first from the opening on."""
    heard: _Heard | None = None
    for action, text in [("", trajectory.task.opening), *_turns(trajectory)]:
        if not text.startswith(SPEAKER):
            continue
        if match := _WANTS.search(text):
            if heard is not None:
                yield heard
            heard = _Heard(
                kind=_PHRASES[match["phrase"]], slots=details(match["details"]) if match["details"] else {}
            )
        elif heard is not None:
            _listen(heard, action, text.removeprefix(SPEAKER))
    if heard is not None:
        yield heard


def _listen(heard: _Heard, action: str, said: str) -> None:
    """Add what an answer tells of the wish."""
    if said == "yes." and (call := offered(action)) is not None and wanted_of(call).kind == heard.kind:
        heard.slots = dict(wanted_of(call).slots)
    elif "i mean " in said:
        heard.thought, heard.slots = heard.slots, details(said.partition("i mean ")[2])
    elif match := _FORGOT.fullmatch(said):
        heard.hint = match["item"]
    elif "?" in action and not _PERSON.search(said) and re.fullmatch(r"[a-z]+(?: [a-z]+)* ?\d*\.", said):
        heard.slots |= {name: value for name, value in details(said).items() if name in _slots_of(heard)}


def _slots_of(heard: _Heard) -> set[str]:
    """The names of the details that a wish of this kind has."""
    return set(SLOTS[heard.kind])


def _find_forgotten(wish: _Heard, facts: dict[str, str]) -> None:
    """The number that the customer forgot, where an order was seen that holds what is in it."""
    if wish.hint and "order" not in wish.slots:
        holding = [k for k, v in facts.items() if k.startswith("order ") and wish.hint in v.split(", ")]
        wish.slots |= {"order": holding[0]} if len(holding) == 1 else {}


def _people(trajectory: Trajectory) -> dict[str, str]:
    """The customer, and how it speaks; the codes that were told."""
    opening = trajectory.task.opening.removeprefix(SPEAKER)
    told = [match for _, text in [("", opening), *_turns(trajectory)] for match in _PERSON.finditer(text)]
    codes = list(dict.fromkeys(match["code"] for match in told))
    facts = {CUSTOMER: UNSEEN}
    if codes:
        wrong = f"{AT_FIRST}{codes[0]}" if len(codes) > 1 else ""
        facts[CUSTOMER] = f"{told[0]['name']}, {codes[-1]}{wrong}"
    left = sum("i do not understand" in t or "not what i want" in t for _, t in _turns(trajectory))
    hurried = (
        any("that takes too long" in text for _, text in _turns(trajectory)) and left < USUAL_PATIENCE - 1
    )
    facts[MANNER] = manner(temper_of(opening), PATIENCE["impatient"] if hurried else USUAL_PATIENCE)
    return facts


def temper_of(opening: str) -> str:
    """How the first words sound."""
    if "what a day" in opening:
        return TALKATIVE
    if not opening.startswith("hello, "):
        return TERSE
    return TELLING if ": " in opening else ASKED


def _records(trajectory: Trajectory) -> dict[str, str]:
    """Users, orders, items and kinds as they were first told; what is only named is ``unseen``."""
    facts: dict[str, str] = {}
    changed: set[str] = set()
    for action, text in _turns(trajectory):
        for key, value in _told(action, text):
            if key not in changed and facts.get(key, UNSEEN) == UNSEEN:
                facts[key] = value
        if action.split(" ")[0] in FORMS and not text.startswith("Error"):
            changed |= set(_NAME.findall(action))  # what is told of it later is not how it was
    return facts


def _told(action: str, text: str) -> Iterator[tuple[str, str]]:
    """The facts in one answer."""
    words = action.split(" ")
    if (match := _USER.fullmatch(text)) and words[0] == "find_user":
        yield " ".join(words[2:4]), f"{words[1]}, {match['user']}"
        yield match["user"], match["told"]
        yield from ((name, UNSEEN) for name in _NAME.findall(match["told"]) if name.startswith("order "))
    elif match := _ORDER.fullmatch(text):
        yield match["order"], match["told"]
        listed = match["told"].partition(", total ")[0]
        yield from ((name, UNSEEN) for name in _ITEM_NAME.findall(listed))
    elif match := _ITEM.fullmatch(text):
        yield match["item"], match["told"]
    elif match := _OTHERS.fullmatch(text):
        yield match["order"], OF_ANOTHER
    elif words[0] == "list_kind" and (match := _STOCK.fullmatch(text)):
        yield words[1], match["told"]
        for item in match["told"].split(", "):
            kind, number, color, price = item.split(" ")
            yield f"{kind} {number}", f"{color}, price {price}, in stock"
    elif words[0] == "list_kind" and text.endswith(" in stock."):
        yield words[1], SOLD_OUT


def _due(trajectory: Trajectory, wishes: list[_Heard], facts: dict[str, str]) -> dict[str, str]:
    """What is to be done and to be said; ``unseen`` where a wish is not known, or what it would take."""
    user = next((value for key, value in facts.items() if key.startswith("user ")), "")
    left, owed = [], []
    for wish in wishes:
        wanted = wish.wanted
        order = facts.get(wanted.slots.get("order", ""), UNSEEN)
        if wanted.kind == "human":
            left.append(TRANSFER)
        elif not wanted.is_whole or (order == UNSEEN and not trajectory.success):
            return {LEFT: UNSEEN, OWED: UNSEEN}
        elif wanted.kind == "total":
            price = re.search(r"total (\d+)", order)
            owed.append(price[1] if price else UNSEEN)
        elif _was_done(trajectory, wanted) or (not trajectory.success and is_allowed(wanted, order, user)):
            left.append(wanted.line())
        else:
            owed.append(REFUSAL)
    if UNSEEN in owed:
        return {LEFT: UNSEEN, OWED: UNSEEN}
    return {LEFT: ", ".join(left) or NOTHING, OWED: ", ".join(dict.fromkeys(owed)) or NOTHING}


def _was_done(trajectory: Trajectory, wanted: Wanted) -> bool:
    """Whether the episode was won by doing it."""
    done = any(
        action == wanted.line() and not text.startswith("Error") for action, text in _turns(trajectory)
    )
    return trajectory.success and done


def _turns(trajectory: Trajectory) -> list[tuple[str, str]]:
    """What was done, as a line, and what was answered."""
    return [(line_of(turn.action.text), turn.next_state) for turn in trajectory.transitions]
