"""The wishes of the shop's customers, and what makes each of them allowed or forbidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from dreamgym.environments.taubench.database import Record
from dreamgym.environments.taubench.shop_script import REFUSAL, Request, Slots
from dreamgym.environments.taubench.shop_tools import MOST_DAYS, REASONS

Tables = Mapping[str, dict[str, Record]]
Draw = Callable[[Random, Tables, str], Slots]


def make_request(rng: Random, tables: Tables, kind: str, order_id: str, *, allowed: bool) -> Request:
    """A wish about an order; the order becomes one for which the policy says what ``allowed`` says."""
    order = tables["orders"][order_id]
    if kind == "human":
        return Request(kind=kind, slots=(), first=())
    if kind == "total":
        price = sum(tables["items"][item]["price"] for item in order["items"])
        slots: Slots = (("order", order_id),)
        return Request(kind=kind, slots=slots, first=slots, hint=order["items"][0], answer=str(price))
    (_allow if allowed else _forbid)(rng, tables, kind, order)
    slots = DRAWS[kind](rng, tables, order_id)
    return Request(
        kind=kind,
        slots=slots,
        first=_first_thought(rng, tables, kind, order_id, slots),
        hint=order["items"][0],
        allowed=allowed,
        answer="" if allowed else REFUSAL,
    )


def _allow(rng: Random, tables: Tables, kind: str, order: Record) -> None:
    user = tables["users"][order["user"]]
    if kind == "credit":
        order["status"], user["tier"] = "late", "gold"
    elif kind in ("return", "exchange"):
        order["status"], order["days"] = "delivered", rng.randint(1, MOST_DAYS)
    elif kind == "cancel":
        order["status"] = rng.choice(("pending", "late"))
    else:
        order["status"] = "pending"
    if kind == "payment":
        price = sum(tables["items"][item]["price"] for item in order["items"])
        user["balance"] = max(user["balance"], price)


def _forbid(rng: Random, tables: Tables, kind: str, order: Record) -> None:
    user = tables["users"][order["user"]]
    if kind in ("return", "exchange") and rng.random() < 0.5:
        order["status"], order["days"] = "delivered", rng.randint(MOST_DAYS + 1, 2 * MOST_DAYS)
    elif kind in ("return", "exchange"):
        order["status"] = rng.choice(("pending", "late"))
    elif kind == "credit" and rng.random() < 0.5:
        order["status"], user["tier"] = "late", "basic"
    elif kind == "credit":
        order["status"] = "pending"
    elif kind == "cancel":
        order["status"] = "delivered"
    else:
        order["status"] = rng.choice(("late", "delivered"))


def _order_only(rng: Random, tables: Tables, order_id: str) -> Slots:
    return (("order", order_id),)


def _cancel(rng: Random, tables: Tables, order_id: str) -> Slots:
    return (("order", order_id), ("reason", rng.choice(REASONS)))


def _return(rng: Random, tables: Tables, order_id: str) -> Slots:
    return (("order", order_id), ("item", rng.choice(tables["orders"][order_id]["items"])))


def _replace(rng: Random, tables: Tables, order_id: str) -> Slots:
    """An item of the order and one of its kind that is in stock."""
    item = rng.choice(tables["orders"][order_id]["items"])
    kind = item.split(" ")[0]
    there = [id for id, record in tables["items"].items() if record["stock"] and id.split(" ")[0] == kind]
    return (("order", order_id), ("item", item), ("new_item", rng.choice(there)))


def _address(rng: Random, tables: Tables, order_id: str) -> Slots:
    order = tables["orders"][order_id]
    street = order["address"].split(" ")[0]
    return (("order", order_id), ("address", f"{street} {rng.randint(11, 15)}"))


def _payment(rng: Random, tables: Tables, order_id: str) -> Slots:
    order = tables["orders"][order_id]
    user = tables["users"][order["user"]]
    other = user["gift"] if order["payment"] == user["card"] else user["card"]
    return (("order", order_id), ("payment", other))


def _first_thought(rng: Random, tables: Tables, kind: str, order_id: str, slots: Slots) -> Slots:
    """What a hesitant customer says first: another order of theirs, or another detail of the last kind."""
    name, value = slots[-1]
    if name == "reason":
        return (*slots[:-1], (name, rng.choice([reason for reason in REASONS if reason != value])))
    if name == "address":
        return (*slots[:-1], (name, f"{value.split(' ')[0]} {rng.randint(16, 20)}"))
    orders = tables["orders"]
    others = [id for id, order in orders.items() if order["user"] == orders[order_id]["user"]]
    other = rng.choice([id for id in others if id != order_id])
    return tuple((name, other if name == "order" else value) for name, value in slots)


DRAWS: dict[str, Draw] = {
    "cancel": _cancel,
    "swap": _replace,
    "address": _address,
    "payment": _payment,
    "return": _return,
    "exchange": _replace,
    "credit": _order_only,
}
