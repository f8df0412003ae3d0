"""An order desk and its agents: writes tool-calling conversations as OpenAI's chat format has them.

    python examples/make_tool_traces.py --traces 1500 --output data/order_desk.jsonl

Each line is one ticket: messages, tools, and `reward`, 1 where the desk did what was right. Some agents
look first, some guess, some press any button. The same seed writes the same file.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ITEMS = ("lamp", "kettle", "chair", "clock", "blanket", "mirror")
CITIES = ("Bonn", "Lyon", "Porto", "Turin", "Ghent", "Malmo")
STATUSES = ("pending", "shipped", "delivered")
TOOLS = {
    "get_order": ("order_id",),
    "check_stock": ("item",),
    "cancel_order": ("order_id",),
    "change_city": ("order_id", "city"),
    "refund_order": ("order_id",),
    "send_again": ("order_id",),
    "close_ticket": ("result",),
}
MOST_TURNS = 8
Call = tuple[str, dict[str, Any]]


@dataclass
class Desk:
    """One order, and what was asked: `cancel`, `move` to another city, or `replace` a broken thing."""

    wish: str
    order_id: int
    item: str
    city: str
    status: str
    in_stock: bool
    new_city: str
    done: str = ""
    result: str = ""

    @classmethod
    def random(cls, rng: random.Random) -> Desk:
        wish = rng.choice(("cancel", "move", "replace"))
        city, new_city = rng.sample(CITIES, 2)
        weights = (1, 1, 4) if wish == "replace" else (3, 2, 1)
        return cls(
            wish=wish,
            order_id=rng.randrange(100, 1000),
            item=rng.choice(ITEMS),
            city=city,
            status=rng.choices(STATUSES, weights)[0],
            in_stock=rng.random() < 0.5,
            new_city=new_city,
        )

    @property
    def asked(self) -> str:
        """What the customer writes."""
        return {
            "cancel": f"Please cancel order {self.order_id}.",
            "move": f"Please send order {self.order_id} to {self.new_city} instead.",
            "replace": f"The {self.item} of order {self.order_id} came broken. Send it again, or refund it.",
        }[self.wish]

    @property
    def right(self) -> str:
        """What the desk should do; nothing where the order is not in the state for it."""
        if self.wish == "replace":
            return "" if self.status != "delivered" else "send_again" if self.in_stock else "refund_order"
        wanted = {"cancel": "cancel_order", "move": f"change_city {self.new_city}"}[self.wish]
        return wanted if self.status == "pending" else ""

    @property
    def reward(self) -> float:
        """1 where the right thing was done, and no other, and the ticket says so."""
        return float(self.done == self.right and self.result == ("done" if self.right else "refused"))

    def answer(self, name: str, arguments: dict[str, Any]) -> str:
        """What a tool says."""
        missing = [key for key in TOOLS.get(name, ()) if key not in arguments]
        if name not in TOOLS or missing:
            return f"Error: {name} needs {missing[0]}" if missing else f"Error: no tool {name}"
        if "order_id" in arguments and arguments["order_id"] != self.order_id:
            return f"Error: no order {arguments['order_id']}"
        return getattr(self, f"_{name}")(**arguments)

    def _get_order(self, order_id: int) -> str:
        return json.dumps({"item": self.item, "city": self.city, "status": self.status})

    def _check_stock(self, item: str) -> str:
        if item not in ITEMS:
            return f"Error: no item {item}"
        return json.dumps({"item": item, "in_stock": self.in_stock if item == self.item else True})

    def _cancel_order(self, order_id: int) -> str:
        return self._do("cancel_order", "pending", f"Order {order_id} is cancelled.")

    def _change_city(self, order_id: int, city: str) -> str:
        return self._do(f"change_city {city}", "pending", f"Order {order_id} goes to {city}.")

    def _refund_order(self, order_id: int) -> str:
        return self._do("refund_order", "delivered", f"Order {order_id} is refunded.")

    def _send_again(self, order_id: int) -> str:
        if not self.in_stock:
            return f"Error: no {self.item} in stock"
        return self._do("send_again", "delivered", f"Order {order_id} is sent again.")

    def _close_ticket(self, result: str) -> str:
        self.result = result
        return "The ticket is closed."

    def _do(self, deed: str, needs: str, said: str) -> str:
        if self.done:
            return "Error: the order was changed already"
        if self.status != needs:
            return f"Error: the order is {self.status}"
        self.done = deed
        return said


def careful(desk: Desk, rng: random.Random) -> Iterator[Call]:
    """Looks, then does what is right."""
    yield "get_order", {"order_id": desk.order_id}
    if desk.wish == "replace" and desk.status == "delivered":
        yield "check_stock", {"item": desk.item}
    if desk.right:
        yield deed(desk, desk.right.split()[0])
    yield "close_ticket", {"result": "done" if desk.right else "refused"}


def hasty(desk: Desk, rng: random.Random) -> Iterator[Call]:
    """Does what was asked for without a look, and closes the ticket as done whatever came of it."""
    wish = {"cancel": "cancel_order", "move": "change_city", "replace": "send_again"}[desk.wish]
    if rng.random() < 0.3:
        yield "get_order", {"order_id": desk.order_id + rng.choice((0, 1))}
    yield deed(desk, wish)
    yield "close_ticket", {"result": "done" if rng.random() < 0.7 or desk.done else "refused"}


def lost(desk: Desk, rng: random.Random) -> Iterator[Call]:
    """Tries any tool, now and then one that is not there or with a piece missing."""
    for _ in range(rng.randrange(2, MOST_TURNS)):
        name, arguments = deed(desk, rng.choice([*TOOLS][:-1]))
        kind = rng.random()
        if kind < 0.1:
            name = rng.choice(("delete_order", "open_order"))
        elif kind < 0.2:
            arguments = {}
        elif kind < 0.3 and "order_id" in arguments:
            arguments = {**arguments, "order_id": rng.randrange(100, 1000)}
        yield name, arguments
    yield "close_ticket", {"result": rng.choice(("done", "refused"))}


PLAYERS: dict[Callable[[Desk, random.Random], Iterator[Call]], float] = {
    careful: 0.2,
    hasty: 0.45,
    lost: 0.35,
}


def deed(desk: Desk, name: str) -> Call:
    """A call of the tool `name` with the ticket's own arguments."""
    values = {"order_id": desk.order_id, "item": desk.item, "city": desk.new_city, "result": "done"}
    return name, {key: values[key] for key in TOOLS[name]}


def conversation(rng: random.Random) -> dict[str, Any]:
    """One ticket."""
    desk = Desk.random(rng)
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You are the order desk. Change nothing that the status forbids."},
        {"role": "user", "content": desk.asked},
    ]
    player = rng.choices([*PLAYERS], [*PLAYERS.values()])[0]
    for number, (name, arguments) in enumerate(player(desk, rng)):
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"id": f"call_{number}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        said = desk.answer(name, arguments)
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": said})
    return {"messages": messages, "tools": [schema(name) for name in TOOLS], "reward": desk.reward}


def schema(name: str) -> dict[str, Any]:
    """A tool as OpenAI's API is told of it."""
    kinds = {key: {"type": "integer" if key == "order_id" else "string"} for key in TOOLS[name]}
    parameters = {"type": "object", "properties": kinds, "required": list(kinds)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("data/order_desk.jsonl"))
    chosen = parser.parse_args()
    rng, won = random.Random(chosen.seed), 0
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    with chosen.output.open("w", encoding="utf-8") as file:
        for _ in range(chosen.traces):
            record = conversation(rng)
            won += record["reward"] == 1.0
            file.write(json.dumps(record) + "\n")
    print(f"{chosen.traces} traces written to {chosen.output}, {won} of them won")


if __name__ == "__main__":
    main()
