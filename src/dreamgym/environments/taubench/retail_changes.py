"""The tools of tau-bench's retail domain that change orders and users."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dreamgym.environments.taubench.database import Database, Record
from dreamgym.environments.taubench.retail import READING
from dreamgym.environments.taubench.tools import Arguments, Function, record, refuse

REASONS = ("no longer needed", "ordered by mistake")
ADDRESS = ("address1", "address2", "city", "state", "country", "zip")


def cancel_pending_order(database: Database, arguments: Arguments) -> str:
    """Cancel an order and pay back all of it; gift cards have the money at once."""
    order_id = arguments["order_id"]
    if record(database, "orders", order_id, "order")["status"] != "pending":
        refuse("non-pending order cannot be cancelled")
    if arguments["reason"] not in REASONS:
        refuse("invalid reason")
    order = database.edit("orders", order_id)
    refunds = [{**payment, "transaction_type": "refund"} for payment in map(_money, order["payment_history"])]
    for refund in refunds:
        _receive(database, order, refund["payment_method_id"], refund["amount"])
    order["status"] = "cancelled"
    order["cancel_reason"] = arguments["reason"]
    order["payment_history"].extend(refunds)
    return json.dumps(order)


def modify_pending_order_address(database: Database, arguments: Arguments) -> str:
    """Send an order elsewhere."""
    _pending(database, arguments)
    order = database.edit("orders", arguments["order_id"])
    order["address"] = {part: arguments[part] for part in ADDRESS}
    return json.dumps(order)


def modify_user_address(database: Database, arguments: Arguments) -> str:
    """Another default address of a user."""
    record(database, "users", arguments["user_id"], "user")
    user = database.edit("users", arguments["user_id"])
    user["address"] = {part: arguments[part] for part in ADDRESS}
    return json.dumps(user)


def modify_pending_order_payment(database: Database, arguments: Arguments) -> str:
    """Pay an order in another way; the first payment comes back."""
    order, method_id = _pending(database, arguments), arguments["payment_method_id"]
    method = _method(database, order, method_id)
    first, *others = order["payment_history"]
    if others or first["transaction_type"] != "payment":
        refuse("there should be exactly one payment for a pending order")
    if first["payment_method_id"] == method_id:
        refuse("the new payment method should be different from the current one")
    amount = first["amount"]
    if method["source"] == "gift_card" and method["balance"] < amount:
        refuse("insufficient gift card balance to pay for the order")
    order = database.edit("orders", arguments["order_id"])
    back = {"amount": amount, "payment_method_id": first["payment_method_id"]}
    order["payment_history"] += [
        {"transaction_type": "payment", "amount": amount, "payment_method_id": method_id},
        {"transaction_type": "refund", **back},
    ]
    if method["source"] == "gift_card":
        _add(database, order, method_id, -amount)
    _receive(database, order, first["payment_method_id"], amount)
    return json.dumps(order)


def modify_pending_order_items(database: Database, arguments: Arguments) -> str:
    """Other variants in an order that was not sent yet; the difference is paid or paid back."""
    order = _pending(database, arguments)
    difference = _price_difference(database, order, arguments)
    method_id = arguments["payment_method_id"]
    method = _method(database, order, method_id)
    if method["source"] == "gift_card" and method["balance"] < difference:
        refuse("insufficient gift card balance to pay for the new item")
    order = database.edit("orders", arguments["order_id"])
    order["payment_history"].append(
        {
            "transaction_type": "payment" if difference > 0 else "refund",
            "amount": abs(difference),
            "payment_method_id": method_id,
        }
    )
    if method["source"] == "gift_card":
        _add(database, order, method_id, -difference)
    for old, new in zip(arguments["item_ids"], arguments["new_item_ids"], strict=True):
        item = _item(order, old)
        variant = database.table("products")[item["product_id"]]["variants"][new]
        item |= {"item_id": new, "price": variant["price"], "options": variant["options"]}
    order["status"] = "pending (item modified)"
    return json.dumps(order)


def return_delivered_order_items(database: Database, arguments: Arguments) -> str:
    """Ask for items to be returned, to the original payment or a gift card."""
    order = _delivered(database, arguments, "returned")
    method_id, items = arguments["payment_method_id"], arguments["item_ids"]
    _method(database, order, method_id)
    original = order["payment_history"][0]["payment_method_id"]
    if "gift_card" not in method_id and method_id != original:
        refuse("payment method should be either the original payment method or a gift card")
    if _missing(order, items) is not None:
        refuse("some item not found")
    order = database.edit("orders", arguments["order_id"])
    order["status"] = "return requested"
    order["return_items"] = sorted(items)
    order["return_payment_method_id"] = method_id
    return json.dumps(order)


def exchange_delivered_order_items(database: Database, arguments: Arguments) -> str:
    """Ask for items to be exchanged for other variants; the difference is due when they arrive."""
    order = _delivered(database, arguments, "exchanged")
    difference = round(_price_difference(database, order, arguments), 2)
    method = _method(database, order, arguments["payment_method_id"])
    if method["source"] == "gift_card" and method["balance"] < difference:
        refuse("insufficient gift card balance to pay for the price difference")
    order = database.edit("orders", arguments["order_id"])
    order["status"] = "exchange requested"
    order["exchange_items"] = sorted(arguments["item_ids"])
    order["exchange_new_items"] = sorted(arguments["new_item_ids"])
    order["exchange_payment_method_id"] = arguments["payment_method_id"]
    order["exchange_price_difference"] = difference
    return json.dumps(order)


def _pending(database: Database, arguments: Arguments) -> Record:
    order = record(database, "orders", arguments["order_id"], "order")
    return order if order["status"] == "pending" else refuse("non-pending order cannot be modified")


def _delivered(database: Database, arguments: Arguments, done: str) -> Record:
    order = record(database, "orders", arguments["order_id"], "order")
    return order if order["status"] == "delivered" else refuse(f"non-delivered order cannot be {done}")


def _method(database: Database, order: Record, method_id: str) -> Record:
    methods = database.table("users")[order["user_id"]]["payment_methods"]
    found: Record = methods[method_id] if method_id in methods else refuse("payment method not found")
    return found


def _item(order: Record, item_id: str) -> Record:
    found: Record = next(item for item in order["items"] if item["item_id"] == item_id)
    return found


def _missing(order: Record, items: Sequence[str]) -> str | None:
    """The first item that is asked for more often than the order has it."""
    there = [item["item_id"] for item in order["items"]]
    return next((item for item in items if items.count(item) > there.count(item)), None)


def _price_difference(database: Database, order: Record, arguments: Arguments) -> float:
    """What the new items cost more than the old ones, where each is another variant that is available."""
    items, new_items = arguments["item_ids"], arguments["new_item_ids"]
    if (missing := _missing(order, items)) is not None:
        refuse(f"{missing} not found")
    if len(items) != len(new_items):
        refuse("the number of items to be exchanged should match")
    difference = 0
    for old, new in zip(items, new_items, strict=True):
        item = _item(order, old)
        variants = database.table("products")[item["product_id"]]["variants"]
        if new not in variants or not variants[new]["available"]:
            refuse(f"new item {new} not found or available")
        difference += variants[new]["price"] - item["price"]
    return difference


def _money(payment: Record) -> Record:
    return {name: payment[name] for name in ("transaction_type", "amount", "payment_method_id")}


def _receive(database: Database, order: Record, method_id: str, amount: float) -> None:
    """Money back: a gift card has it at once, others within days that nobody models."""
    if "gift_card" in method_id:
        _add(database, order, method_id, amount)


def _add(database: Database, order: Record, method_id: str, amount: float) -> None:
    method = database.edit("users", order["user_id"])["payment_methods"][method_id]
    method["balance"] = round(method["balance"] + amount, 2)


TOOLS: dict[str, Function] = {
    **READING,
    "cancel_pending_order": cancel_pending_order,
    "exchange_delivered_order_items": exchange_delivered_order_items,
    "modify_pending_order_address": modify_pending_order_address,
    "modify_pending_order_items": modify_pending_order_items,
    "modify_pending_order_payment": modify_pending_order_payment,
    "modify_user_address": modify_user_address,
    "return_delivered_order_items": return_delivered_order_items,
}
