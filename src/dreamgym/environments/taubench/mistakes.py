"""Actions that our shop refuses, whatever happened before: the mistakes that agents make, by kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dreamgym.environments.taubench.calls import LineForm
from dreamgym.environments.taubench.shop import Shop
from dreamgym.environments.taubench.shop_tools import CHANGE_FORMS, TOOLS

NO_ORDERS = range(61, 100)  # numbers that no generated order has


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """An action, and what is wrong with it."""

    kind: str
    action: str


def wrong_action(rng: Random, shop: Shop, kind: str | None = None) -> Mistake:
    """A mistake in this shop, of any kind that is written as a line where none is named."""
    name = kind or rng.choice([kind for kind in MISTAKES if kind not in IN_JSON])
    return Mistake(kind=name, action=MISTAKES[name](rng, shop))


def _unknown_order(rng: Random, shop: Shop) -> str:
    return f"get_order order {rng.choice(NO_ORDERS)}"


def _other_users_order(rng: Random, shop: Shop) -> str:
    own = next(
        iter(id for id, user in shop.base.tables["users"].items() if user["code"] == shop.customer.code)
    )
    orders = shop.base.tables["orders"]
    return f"get_order {rng.choice([id for id, order in orders.items() if order['user'] != own])}"


def _unknown_user(rng: Random, shop: Shop) -> str:
    return f"find_user {shop.customer.name} {shop.customer.wrong_code}"


def _unknown_tool(rng: Random, shop: Shop) -> str:
    order = rng.choice(list(shop.base.tables["orders"]))
    return f"{rng.choice(('refund_order', 'delete_order', 'open_order', 'get_orders'))} {order}"


def _missing_argument(rng: Random, shop: Shop) -> str:
    form = rng.choice([form for form in TOOLS.forms if form.arguments])
    return _line(rng, shop, form).rpartition(" ")[0]


def _too_many_arguments(rng: Random, shop: Shop) -> str:
    form = rng.choice([form for form in TOOLS.forms if form.name not in ("respond", "calculate")])
    return f"{_line(rng, shop, form)} now"


def _wrong_type(rng: Random, shop: Shop) -> str:
    number = int(rng.choice(list(shop.base.tables["orders"])).split(" ")[1])
    return json.dumps({"name": "get_order", "arguments": {"order": number}})


def _broken_json(rng: Random, shop: Shop) -> str:
    whole = json.dumps(
        {"name": "get_order", "arguments": {"order": rng.choice(list(shop.base.tables["orders"]))}}
    )
    return whole[: rng.randrange(1, len(whole))]


def _not_asked(rng: Random, shop: Shop) -> str:
    """A change of an order that exists and that this customer never agreed to: it is another user's."""
    own = _other_users_order(rng, shop).removeprefix("get_order ")
    form = rng.choice(CHANGE_FORMS)
    return _line(rng, shop, form, own)


def _line(rng: Random, shop: Shop, form: LineForm, order: str | None = None) -> str:
    """A call of ``form`` on names of this shop."""
    items = list(shop.base.tables["items"])
    values = {
        "order": order or rng.choice(list(shop.base.tables["orders"])),
        "item": rng.choice(items),
        "new_item": rng.choice(items),
        "kind": rng.choice(items).split(" ")[0],
        "name": shop.customer.name,
        "code": shop.customer.code,
        "address": "oak 12",
        "payment": "card 3",
        "reason": "late",
        "expression": "20 + 35",
        "content": "hello",
    }
    return " ".join([form.name, *(values[name] for name, _ in form.arguments)])


IN_JSON = ("wrong type", "broken JSON")
MISTAKES: dict[str, Callable[[Random, Shop], str]] = {
    "unknown order": _unknown_order,
    "another user's order": _other_users_order,
    "unknown user": _unknown_user,
    "unknown tool": _unknown_tool,
    "missing argument": _missing_argument,
    "too many arguments": _too_many_arguments,
    "wrong type": _wrong_type,
    "broken JSON": _broken_json,
    "never agreed": _not_asked,
}
