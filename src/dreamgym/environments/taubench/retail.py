"""The tools of tau-bench's retail domain that look things up."""

from __future__ import annotations

import json

from dreamgym.environments.taubench.arithmetic import calculate
from dreamgym.environments.taubench.database import Database
from dreamgym.environments.taubench.tools import Arguments, Function, record, refuse


def find_user_id_by_email(database: Database, arguments: Arguments) -> str:
    """The first user with this address, whatever the case of its letters."""
    wanted = arguments["email"].lower()
    for user_id, user in database.table("users").items():
        if user["email"].lower() == wanted:
            return user_id
    refuse("user not found")


def find_user_id_by_name_zip(database: Database, arguments: Arguments) -> str:
    """The first user of this name, whatever the case of its letters, and exactly this zip code."""
    wanted = (arguments["first_name"].lower(), arguments["last_name"].lower(), arguments["zip"])
    for user_id, user in database.table("users").items():
        name = user["name"]
        if (name["first_name"].lower(), name["last_name"].lower(), user["address"]["zip"]) == wanted:
            return user_id
    refuse("user not found")


def get_order_details(database: Database, arguments: Arguments) -> str:
    """The order as JSON."""
    return json.dumps(record(database, "orders", arguments["order_id"], "order"))


def get_product_details(database: Database, arguments: Arguments) -> str:
    """The product with its variants as JSON."""
    return json.dumps(record(database, "products", arguments["product_id"], "product"))


def get_user_details(database: Database, arguments: Arguments) -> str:
    """The user as JSON."""
    return json.dumps(record(database, "users", arguments["user_id"], "user"))


def list_all_product_types(database: Database, arguments: Arguments) -> str:
    """Names and ids of all products, by name."""
    products = database.table("products").values()
    return json.dumps(dict(sorted((product["name"], product["product_id"]) for product in products)))


def think(database: Database, arguments: Arguments) -> str:
    """Nothing happens."""
    return ""


def transfer_to_human_agents(database: Database, arguments: Arguments) -> str:
    """The episode ends here."""
    return "Transfer successful"


SHARED: dict[str, Function] = {
    "calculate": lambda database, arguments: calculate(arguments["expression"]),
    "get_user_details": get_user_details,
    "think": think,
    "transfer_to_human_agents": transfer_to_human_agents,
}
READING: dict[str, Function] = {
    **SHARED,
    "find_user_id_by_email": find_user_id_by_email,
    "find_user_id_by_name_zip": find_user_id_by_name_zip,
    "get_order_details": get_order_details,
    "get_product_details": get_product_details,
    "list_all_product_types": list_all_product_types,
}
