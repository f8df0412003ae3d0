"""The sheet of the shop: which keys it has, and how their values are written and read.

::

    at: user 29                          the user that was found; nobody before
    hand: cancel_order order 4 late      what the customer has said yes to; holds, where nothing
    customer: tina, code 32              who calls; "at first code 13" where a wrong code comes first
    manner: telling, patience 5          how it speaks, and how often it will not understand
    wish: cancel_order order 4 late      what it wants now; thought: what it says first, or none
    hint: clock 2                        what is in an order whose number was forgotten, or none
    later: none                          what it will want then, with later thought and later hint
    left: cancel_order order 4 late      what is still to be done; nothing, or spoiled for good
    owed: nothing                        what is still to be said
    code 32: tina, user 29               whose code it is
    user 29: tina, basic, card 17, …     as find_user tells it
    order 4: late, clock 2, total 15, …  as get_order tells it; of another, where it is not this user's
    lamp 2: red, price 20, sold          as get_item tells it
    lamp: lamp 5 red 20                  as list_kind tells it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dreamgym.environments.taubench.calls import CallError, ToolCall, parse_call
from dreamgym.environments.taubench.shop_script import CALLS, LABELS, WISHES
from dreamgym.environments.taubench.shop_tools import CHANGE_FORMS, MOST_DAYS, TOOLS, TRANSFER
from dreamgym.models.sheet import NAME

NOBODY, HOLDS = "nobody", "holds"
CUSTOMER, MANNER, WISH, THOUGHT, HINT, LATER, LEFT, OWED = (
    "customer",
    "manner",
    "wish",
    "thought",
    "hint",
    "later",
    "left",
    "owed",
)
LATER_THOUGHT, LATER_HINT = "later thought", "later hint"
NEXT = {WISH: LATER, THOUGHT: LATER_THOUGHT, HINT: LATER_HINT}  # what each becomes when the next is wanted
OF_ANOTHER, SPOILED, SOLD_OUT, TOTAL, AT_FIRST = "of another", "spoiled", "sold out", "total", ", at first "
KIND_OF_TOOL = {tool: kind for kind, tool in CALLS.items()}
FORMS = {form.name: form for form in CHANGE_FORMS}
LINES = {form.name: form for form in TOOLS.forms}
_MANNER = re.compile(r"(?P<temper>[a-z]+), patience (?P<patience>\d+)")
_STATUS = re.compile(r"(?P<status>[a-z]+)(?: (?P<days>\d+) days ago)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A wish as an episode shows it, or the world has it: its kind, and its details by the tool's names."""

    kind: str
    slots: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        """Whether every detail is known."""
        return self.kind == "human" or set(SLOTS[self.kind]) <= self.slots.keys()

    def line(self) -> str:
        """As the sheet writes it; ``is_whole`` must hold."""
        if self.kind == "human":
            return TRANSFER
        return " ".join([CALLS.get(self.kind, TOTAL), *(self.slots[name] for name in SLOTS[self.kind])])


SLOTS = {
    kind: tuple(name for name, _ in FORMS[CALLS[kind]].arguments) if CALLS.get(kind) in FORMS else ("order",)
    for kind in WISHES
}


def wanted_of(call: ToolCall) -> Wanted:
    """The wish that ``call`` fulfils."""
    return Wanted(kind=KIND_OF_TOOL[call.name], slots={k: str(v) for k, v in call.arguments.items()})


def details(text: str) -> dict[str, str]:
    """The details that a customer says: ``order 17, lamp 2, new item lamp 5`` by the tool's names."""
    found = {}
    for part in text.rstrip(".").split(", "):
        label = next((name for name, label in LABELS.items() if part.startswith(label)), None)
        if label is not None:
            found[label] = part.removeprefix(LABELS[label])
        elif NAME.fullmatch(part):
            found["order" if part.startswith("order ") else "item"] = part
    return found


def is_allowed(wanted: Wanted, order: str, user: str) -> bool:
    """What the shop's policy says of a wish, by the order's and the user's line."""
    match = _STATUS.match(order)
    status, days = (match["status"], int(match["days"] or 0)) if match else ("", 0)
    if wanted.kind == "cancel":
        return status in ("pending", "late")
    if wanted.kind == "credit":
        return status == "late" and ", gold," in user
    if wanted.kind in ("return", "exchange"):
        return status == "delivered" and days <= MOST_DAYS
    return status == "pending"


def manner(temper: str, patience: int) -> str:
    """The value of ``manner``."""
    return f"{temper}, patience {patience}"


def impatient(value: str) -> str:
    """The value of ``manner`` after something was not understood."""
    match = _MANNER.fullmatch(value)
    return manner(match["temper"], max(0, int(match["patience"]) - 1)) if match else value


def line_of(action: str) -> str:
    """An action as one line, also where it was JSON; what is no call of the shop stays as it is."""
    try:
        call = parse_call(action, TOOLS.forms)
    except CallError:
        return " ".join(action.split())
    form = LINES.get(call.name)
    fits = form is not None and all(isinstance(call.arguments.get(n), str) for n, _ in form.arguments)
    return form.write(call) if form is not None and fits else " ".join(action.split())
