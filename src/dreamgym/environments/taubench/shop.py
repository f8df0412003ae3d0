"""Our own shop, made from a seed: users, orders, items, and a customer with wishes that can be judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from dreamgym.environments.taubench.database import Base, Record
from dreamgym.environments.taubench.script import Script
from dreamgym.environments.taubench.shop_script import (
    TEMPERS,
    WISHES,
    Customer,
    Request,
    script_of,
)
from dreamgym.environments.taubench.shop_tools import MOST_DAYS
from dreamgym.environments.taubench.shop_wishes import make_request
from dreamgym.utils.seeds import derive_seed

NAMES = [
    "anna",
    "ben",
    "carla",
    "david",
    "emma",
    "felix",
    "grace",
    "henry",
    "ida",
    "jonas",
    "kara",
    "leo",
    "mia",
    "noah",
    "olga",
    "paul",
    "rosa",
    "sam",
    "tina",
    "victor",
]
KINDS = ["bag", "ball", "chair", "clock", "desk", "kettle", "lamp", "mug", "pillow", "shirt"]
COLORS = ["black", "blue", "brown", "green", "red", "white", "yellow"]
STREETS = ["bridge", "elm", "hill", "lake", "oak", "park", "pine", "river"]
SECOND_WISH = 0.25  # how often a customer wants two things
FORBIDDEN = 0.2  # how often the policy forbids a wish


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A generated world with its task."""

    id: str
    base: Base
    customer: Customer
    requests: tuple[Request, ...]

    @property
    def script(self) -> Script:
        """The task as the user simulator and the judge have it."""
        return script_of(self.id, self.customer, self.requests)


@lru_cache(maxsize=1024)
def make_shop(split: str, number: int) -> Shop:
    """The shop ``shop:SPLIT:NUMBER``; the same everywhere, another for every split and number."""
    rng = Random(derive_seed("taubench shop", split, number))
    users = _users(rng)
    items: dict[str, Record] = {}
    orders = _orders(rng, users, items)
    for kind in KINDS:
        for _ in range(rng.randint(1, 2)):
            _new_item(rng, items, kind, stock=True)
    own = [id for id, order in orders.items() if order["user"] == next(iter(users))]
    kinds = list(WISHES)
    first = kinds[number % len(kinds)]
    wanted = [first]
    if first != "human" and rng.random() < SECOND_WISH:
        wanted.append(rng.choice([kind for kind in kinds if kind not in (first, "human")]))
    tables = {"items": items, "orders": orders, "tickets": {}, "users": users}
    rng.shuffle(own)
    requests = tuple(
        make_request(rng, tables, kind, id, allowed=rng.random() >= FORBIDDEN)
        for kind, id in zip(wanted, own, strict=False)
    )
    customer = _customer(rng, users, TEMPERS[number // len(kinds) % len(TEMPERS)])
    base = Base({name: dict(sorted(table.items())) for name, table in tables.items()})
    return Shop(id=f"shop:{split}:{number}", base=base, customer=customer, requests=requests)


def _customer(rng: Random, users: dict[str, Record], temper: str) -> Customer:
    """The first user."""
    user = next(iter(users.values()))
    codes = {other["code"] for other in users.values()}
    wrong = next(code for code in iter(lambda: f"code {rng.randint(10, 99)}", "") if code not in codes)
    return Customer(name=user["name"], code=user["code"], wrong_code=wrong, temper=temper)


def _users(rng: Random) -> dict[str, Record]:
    numbers, names = rng.sample(range(1, 40), 3), rng.sample(NAMES, 3)
    codes, cards = rng.sample(range(10, 100), 3), rng.sample(range(1, 40), 6)
    return {
        f"user {numbers[i]}": {
            "name": names[i],
            "code": f"code {codes[i]}",
            "tier": rng.choice(("basic", "gold")),
            "card": f"card {cards[i]}",
            "gift": f"gift {cards[i + 3]}",
            "balance": 5 * rng.randint(0, 40),
            "credit": 0,
        }
        for i in range(3)
    }


def _orders(rng: Random, users: dict[str, Record], items: dict[str, Record]) -> dict[str, Record]:
    """Three orders of the first user, one of each other."""
    first, *others = users
    owners = [first, first, first, *others]
    numbers = rng.sample(range(1, 61), len(owners))
    return {
        f"order {number}": _order(rng, owner, users[owner], items)
        for number, owner in zip(numbers, owners, strict=True)
    }


def _order(rng: Random, owner: str, user: Record, items: dict[str, Record]) -> Record:
    kinds = rng.sample(KINDS, rng.randint(1, 3))
    return {
        "user": owner,
        "status": rng.choice(("pending", "late", "delivered", "delivered")),
        "days": rng.randint(1, 2 * MOST_DAYS),
        "items": [_new_item(rng, items, kind, stock=False) for kind in kinds],
        "returned": [],
        "address": f"{rng.choice(STREETS)} {rng.randint(1, 10)}",
        "payment": user[rng.choice(("card", "gift"))],
        "credited": False,
        "reason": "",
    }


def _new_item(rng: Random, items: dict[str, Record], kind: str, *, stock: bool) -> str:
    taken = {id for id in items if id.startswith(f"{kind} ")}
    id = rng.choice([f"{kind} {number}" for number in range(1, 10) if f"{kind} {number}" not in taken])
    items[id] = {"color": rng.choice(COLORS), "price": 5 * rng.randint(1, 19), "stock": stock}
    return id
