"""The whole sheet of a generated shop, to measure a dream beside the real one; training never sees it."""

from __future__ import annotations

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.taubench.calls import ToolCall
from dreamgym.environments.taubench.database import Database
from dreamgym.environments.taubench.notes.facts import (
    AT_FIRST,
    CUSTOMER,
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
    SOLD_OUT,
    THOUGHT,
    WISH,
    Wanted,
    manner,
)
from dreamgym.environments.taubench.notes.hindsight import temper_of
from dreamgym.environments.taubench.shop import KINDS, Shop
from dreamgym.environments.taubench.shop_script import Customer, Request
from dreamgym.environments.taubench.shop_tools import TOOLS
from dreamgym.environments.taubench.shop_user import PATIENCE, USUAL_PATIENCE, shop_user
from dreamgym.models.sheet import AT, HAND, NONE, NOTHING, make_sheet


def true_sheet(shop: Shop) -> Sheet:
    """Everything that the tools would tell, and what the customer will say."""
    customer = shop.customer
    opening = shop_user(customer, shop.requests).opening
    patience = PATIENCE.get(customer.temper, USUAL_PATIENCE)
    first, *second = shop.requests
    facts = {
        AT: NOBODY,
        HAND: HOLDS,
        CUSTOMER: _called(customer),
        MANNER: manner(temper_of(opening), patience),
    }
    facts |= dict(zip((WISH, THOUGHT, HINT), _wish(customer, first), strict=True))
    later = _wish(customer, second[0]) if second else (NONE, NONE, NONE)
    facts |= dict(zip((LATER, LATER_THOUGHT, LATER_HINT), later, strict=True))
    calls = [_line(request) for request in shop.requests if request.allowed and request.call() is not None]
    owed = dict.fromkeys(request.answer for request in shop.requests if request.answer)
    facts |= {LEFT: ", ".join(calls) or NOTHING, OWED: ", ".join(owed) or NOTHING}
    return make_sheet(facts | _records(shop))


def _called(customer: Customer) -> str:
    wrong = f"{AT_FIRST}{customer.wrong_code}" if customer.temper == "mistaken" else ""
    return f"{customer.name}, {customer.code}{wrong}"


def _wish(customer: Customer, request: Request) -> tuple[str, str, str]:
    """What is wanted, what is said first, and what is in an order whose number was forgotten."""
    hesitant = customer.temper == "hesitant" and request.first != request.slots
    forgot = customer.temper == "forgetful" and request.slots
    return (
        _line(request),
        Wanted(kind=request.kind, slots=dict(request.first)).line() if hesitant else NONE,
        request.hint if forgot else NONE,
    )


def _line(request: Request) -> str:
    return Wanted(kind=request.kind, slots=dict(request.slots)).line()


def _records(shop: Shop) -> dict[str, str]:
    """What find_user, get_order, get_item and list_kind answer at the start."""
    database, tables = Database(shop.base), shop.base.tables
    code = shop.customer.code
    own = next(id for id, user in tables["users"].items() if user["code"] == code)

    def told(tool: str, **arguments: str) -> str:
        answer = TOOLS.run(database, ToolCall(name=tool, arguments=arguments))
        return answer.partition(": ")[2].removesuffix(".")

    facts = {code: f"{shop.customer.name}, {own}", own: told("find_user", name=shop.customer.name, code=code)}
    for id, order in tables["orders"].items():
        facts[id] = told("get_order", order=id) if order["user"] == own else OF_ANOTHER
    facts |= {id: told("get_item", item=id) for id in tables["items"]}
    return facts | {kind: told("list_kind", kind=kind) or SOLD_OUT for kind in KINDS}
