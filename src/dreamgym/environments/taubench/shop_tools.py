"""The tools of our own shop: short answers of few words and numbers, so that small models can learn them."""

from __future__ import annotations

from dreamgym.environments.taubench.arithmetic import calculate
from dreamgym.environments.taubench.calls import LineForm
from dreamgym.environments.taubench.database import Database, Record
from dreamgym.environments.taubench.tools import Arguments, Function, Tool, refuse, toolbox

MOST_DAYS = 30
CREDIT = 10
REASONS = ("mistake", "late", "unneeded")
POLICY = (
    "Find the user by name and code first, and serve nobody else. Ask before each change: may i CALL? "
    "Orders that are pending or late can be cancelled. Items, address and payment can be changed while an "
    f"order is pending. Items can be returned or exchanged until {MOST_DAYS} days after delivery. New items "
    "are in stock and of the same kind. A gift card must hold the total. Gold users have one credit of "
    f"{CREDIT} for a late order. "
    "Say that you cannot do anything else. A human is for those who ask for one."
)
_ID = r"[a-z]+ \d{1,6}"
PATTERNS = {  # how each argument is written, with an example
    "name": (r"[a-z]{1,20}", "anna"),
    "code": (r"code \d{1,6}", "code 42"),
    "order": (r"order \d{1,6}", "order 17"),
    "item": (_ID, "lamp 2"),
    "new_item": (_ID, "lamp 5"),
    "kind": (r"[a-z]{1,20}", "lamp"),
    "address": (_ID, "oak 12"),
    "payment": (_ID, "card 3"),
    "reason": ("|".join(REASONS), "late"),
    "expression": (r"[-+*/(). \d]{1,60}", "20 + 35"),
    "content": (r"[\s\S]{1,1000}", "what is your name and code?"),
}


def user_of(database: Database, arguments: Arguments) -> str:
    """The user of this name and code."""
    for id, user in database.table("users").items():
        if (user["name"], user["code"]) == (arguments["name"], arguments["code"]):
            return id
    refuse(f"no user {arguments['name']} with {arguments['code']}.")


def find_user(database: Database, arguments: Arguments) -> str:
    """Who it is, and which orders are theirs."""
    id = user_of(database, arguments)
    user = database.table("users")[id]
    orders = [key for key, order in database.table("orders").items() if order["user"] == id]
    credit = f", credit {user['credit']}" if user["credit"] else ""
    return (
        f"{id}: {user['name']}, {user['tier']}, {user['card']}, {user['gift']} with {user['balance']}"
        f"{credit}, {', '.join(orders)}."
    )


def get_order(database: Database, arguments: Arguments) -> str:
    """Status, items, total, payment, address."""
    order = _order(database, arguments)
    return (
        f"{arguments['order']}: {_status(order)}, {', '.join(order['items'])}, "
        f"total {total(database, order)}, {order['payment']}, to {order['address']}."
    )


def get_item(database: Database, arguments: Arguments) -> str:
    """Colour, price, and whether it can be had."""
    item = _item(database, arguments["item"])
    place = "in stock" if item["stock"] else "sold"
    return f"{arguments['item']}: {item['color']}, price {item['price']}, {place}."


def list_kind(database: Database, arguments: Arguments) -> str:
    """What of a kind is in stock."""
    kind, items = arguments["kind"], database.table("items")
    there = [id for id, item in items.items() if item["stock"] and id.split(" ")[0] == kind]
    if not there:
        return f"no {kind} in stock."
    told = (f"{id} {items[id]['color']} {items[id]['price']}" for id in there)
    return f"in stock: {', '.join(told)}."


def show_policy(database: Database, arguments: Arguments) -> str:
    """The rules of the shop."""
    return POLICY


def cancel_order(database: Database, arguments: Arguments) -> str:
    """Cancel an order that was not delivered."""
    status = _order(database, arguments)["status"]
    if status not in ("pending", "late"):
        refuse(f"{arguments['order']} is {status}.")
    order = database.edit("orders", arguments["order"])
    order["status"], order["reason"] = "cancelled", arguments["reason"]
    return f"{arguments['order']} is cancelled."


def change_item(database: Database, arguments: Arguments) -> str:
    """Another item of the same kind in an order that is pending."""
    _pending(database, arguments)
    _replace(database, arguments)
    return f"{arguments['order']} has {arguments['new_item']} now."


def change_address(database: Database, arguments: Arguments) -> str:
    """Where an order goes that is pending."""
    _pending(database, arguments)
    database.edit("orders", arguments["order"])["address"] = arguments["address"]
    return f"{arguments['order']} goes to {arguments['address']} now."


def change_payment(database: Database, arguments: Arguments) -> str:
    """Pay an order that is pending with the user's other card."""
    order = _pending(database, arguments)
    user, payment = database.table("users")[order["user"]], arguments["payment"]
    if payment not in (user["card"], user["gift"]):
        refuse(f"{order['user']} has no {payment}.")
    if payment == order["payment"]:
        refuse(f"{arguments['order']} is paid with {payment}.")
    if payment == user["gift"] and user["balance"] < total(database, order):
        refuse(f"{payment} holds {user['balance']}.")
    database.edit("orders", arguments["order"])["payment"] = payment
    return f"{arguments['order']} is paid with {payment} now."


def return_item(database: Database, arguments: Arguments) -> str:
    """Take an item back."""
    order = _delivered(database, arguments)
    if arguments["item"] not in order["items"]:
        refuse(f"{arguments['order']} has no {arguments['item']}.")
    order = database.edit("orders", arguments["order"])
    order["items"].remove(arguments["item"])
    order["returned"].append(arguments["item"])
    return f"{arguments['item']} is returned."


def exchange_item(database: Database, arguments: Arguments) -> str:
    """Take an item back and send another of its kind."""
    _delivered(database, arguments)
    _replace(database, arguments)
    database.edit("orders", arguments["order"])["returned"].append(arguments["item"])
    return f"{arguments['item']} is exchanged for {arguments['new_item']}."


def give_credit(database: Database, arguments: Arguments) -> str:
    """Make good for a late order."""
    order = _order(database, arguments)
    tier = database.table("users")[order["user"]]["tier"]
    if tier != "gold":
        refuse(f"{order['user']} is {tier}.")
    if order["status"] != "late":
        refuse(f"{arguments['order']} is {order['status']}.")
    if order["credited"]:
        refuse(f"{arguments['order']} had its credit.")
    database.edit("orders", arguments["order"])["credited"] = True
    database.edit("users", order["user"])["credit"] += CREDIT
    return f"{order['user']} has {CREDIT} more credit."


def transfer_to_human(database: Database, arguments: Arguments) -> str:
    """Hand over; the episode ends."""
    database.put("tickets", "ticket 1", {"open": True})
    return "a human takes over."


def total(database: Database, order: Record) -> int:
    """What the items of an order cost together."""
    return sum(database.table("items")[item]["price"] for item in order["items"])


def _order(database: Database, arguments: Arguments) -> Record:
    order = database.table("orders").get(arguments["order"])
    return order if order is not None else refuse(f"there is no {arguments['order']}.")


def _item(database: Database, id: str) -> Record:
    item = database.table("items").get(id)
    return item if item is not None else refuse(f"there is no {id}.")


def _pending(database: Database, arguments: Arguments) -> Record:
    order = _order(database, arguments)
    return order if order["status"] == "pending" else refuse(f"{arguments['order']} is {order['status']}.")


def _delivered(database: Database, arguments: Arguments) -> Record:
    order = _order(database, arguments)
    if order["status"] != "delivered" or order["days"] > MOST_DAYS:
        refuse(f"{arguments['order']} is {_status(order)}.")
    return order


def _replace(database: Database, arguments: Arguments) -> None:
    """The new item instead of the old one; the old one does not go back into stock."""
    old, new = arguments["item"], arguments["new_item"]
    if old not in database.table("orders")[arguments["order"]]["items"]:
        refuse(f"{arguments['order']} has no {old}.")
    if not _item(database, new)["stock"]:
        refuse(f"{new} is sold.")
    if new.split(" ")[0] != old.split(" ")[0]:
        refuse(f"{new} is no {old.split(' ')[0]}.")
    items = database.edit("orders", arguments["order"])["items"]
    items[items.index(old)] = new
    database.edit("items", new)["stock"] = False


def _status(order: Record) -> str:
    return f"delivered {order['days']} days ago" if order["status"] == "delivered" else str(order["status"])


def line_form(name: str, *arguments: str) -> LineForm:
    """How a call of a shop tool is written on a line."""
    example = " ".join([name, *(PATTERNS[argument][1] for argument in arguments)])
    return LineForm(
        name=name,
        arguments=tuple((argument, PATTERNS[argument][0]) for argument in arguments),
        example=example,
    )


def _tool(run: Function, name: str, *arguments: str) -> Tool:
    fits = {a: {"type": "string", "pattern": PATTERNS[a][0], "example": PATTERNS[a][1]} for a in arguments}
    schema = {"type": "object", "properties": fits, "required": list(arguments)}
    return Tool(
        name=name, schema=schema, run=run, description=run.__doc__ or "", line=line_form(name, *arguments)
    )


READING = (
    _tool(find_user, "find_user", "name", "code"),
    _tool(get_order, "get_order", "order"),
    _tool(get_item, "get_item", "item"),
    _tool(list_kind, "list_kind", "kind"),
    _tool(show_policy, "show_policy"),
    _tool(lambda database, arguments: calculate(arguments["expression"]), "calculate", "expression"),
)
CHANGING = (
    _tool(cancel_order, "cancel_order", "order", "reason"),
    _tool(change_item, "change_item", "order", "item", "new_item"),
    _tool(change_address, "change_address", "order", "address"),
    _tool(change_payment, "change_payment", "order", "payment"),
    _tool(return_item, "return_item", "order", "item"),
    _tool(exchange_item, "exchange_item", "order", "item", "new_item"),
    _tool(give_credit, "give_credit", "order"),
)
TRANSFER = "transfer_to_human"
TOOLS = toolbox(
    (*READING, *CHANGING, _tool(transfer_to_human, TRANSFER)),
    terminal=(TRANSFER,),
    extra=(line_form("respond", "content"),),
)
CHANGE_FORMS = tuple(tool.line for tool in CHANGING if tool.line is not None)
INSTRUCTION = (
    "Serve the customer of the shop. One call a turn: "
    f"{'; '.join(' '.join([form.name, *(name for name, _ in form.arguments)]) for form in TOOLS.forms)}. "
    "Ask before a change: respond may i CALL? When all is done: respond done."
)
