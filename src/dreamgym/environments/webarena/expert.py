"""The expert of our own site: it reads what an agent reads, and is told what the task was made from.

A plan is a list of deeds on things that are named as the page names them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from dreamgym.core.data_structures import Task
from dreamgym.environments.webarena.actions import quoted
from dreamgym.environments.webarena.panels import spec_named
from dreamgym.environments.webarena.site.tasks import make_record

NOTHING = "send_msg_to_user('done')"
_LINE = re.compile(r'\[(\d+)\] (\w+): "(.*?)"(?: - (.*?))?(?: \((.*)\))?')


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """An element as its line tells it."""

    id: str
    type: str
    name: str
    value: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deed:
    """``act`` on the first thing of ``type`` whose name starts with ``name``; ``text`` is filled or said."""

    act: str
    type: str = ""
    name: str = ""
    text: str = ""


def things(observation: str) -> list[Thing]:
    """The elements of a turn's text."""
    found = [_LINE.fullmatch(line) for line in observation.splitlines()]
    return [
        Thing(id=m[1], type=m[2], name=m[3], value=m[4] or "", options=tuple((m[5] or "").split(" | ")))
        for m in found
        if m
    ]


class Expert:
    """Follows the plan of the task's template; turns pages and scrolls where a thing is not to be seen."""

    def __init__(self, task: Task, rng: Random) -> None:
        spec = spec_named(task.id)
        assert spec.world is not None
        record = make_record(spec.world, spec.template)
        self._deeds = PLANS[spec.template](record["instantiation_dict"], record["eval"])
        self._at = 0

    def choose(self, observation: str, admissible: Sequence[str]) -> str:
        """The next action."""
        if self._at >= len(self._deeds):
            return NOTHING
        deed = self._deeds[self._at]
        if deed.act == "say":
            self._at += 1
            return f"send_msg_to_user({quoted(deed.text)})"
        seen = things(observation)
        thing = _first(seen, deed.type, deed.name)
        if thing is None:
            further = _first(seen, "link", "next page")
            return f"click('{further.id}')" if further else "scroll(0, 500)"
        self._at += 1
        return _action(deed, thing)


Plan = Callable[[dict[str, Any], dict[str, Any]], list[Deed]]


def _first(seen: Sequence[Thing], type: str, name: str) -> Thing | None:
    return next((thing for thing in seen if thing.type == type and thing.name.startswith(name)), None)


def _action(deed: Deed, thing: Thing) -> str:
    if deed.act == "click":
        return f"click('{thing.id}')"
    return f"{deed.act}('{thing.id}', {quoted(deed.text)})"


def _click(name: str, type: str = "link") -> Deed:
    return Deed("click", type, name)


def _fill(name: str, text: object) -> Deed:
    return Deed("fill", "textbox", name, str(text))


def _select(name: str, text: object) -> Deed:
    return Deed("select_option", "combobox", name, str(text))


def _say(text: object = "done") -> Deed:
    return Deed("say", text=str(text))


def _find(item: str) -> list[Deed]:
    """To an item's page in the shop, or to that of a product."""
    return [_fill("search", item), _click("Search", "button"), _click(item)]


def _post(values: dict[str, Any]) -> list[Deed]:
    return [_click(values["forum"]), _click(values["title"])]


def _product(values: dict[str, Any], field: str) -> list[Deed]:
    found = [_click("Products"), *_find(values["item"])]
    return [*found, _fill(field, values[field]), _click("Save", "button"), _say()]


def _answer(evaluation: dict[str, Any]) -> Deed:
    wanted = next(iter(evaluation["reference_answers"].values()))
    return _say(wanted if isinstance(wanted, str) else wanted[0])


PLANS: dict[str, Plan] = {
    "price_of": lambda v, e: [*_find(v["item"]), _answer(e)],
    "missing_item": lambda v, e: [_fill("search", v["item"]), _click("Search", "button"), _answer(e)],
    "cheapest": lambda v, e: [_click(v["category"]), _click("sort by price"), _answer(e)],
    "open_item": lambda v, e: [*_find(v["item"]), _say()],
    "search_for": lambda v, e: [_fill("search", v["noun"]), _click("Search", "button"), _say()],
    "fill_cart": lambda v, e: [
        *_find(v["item"]), _fill("quantity", v["quantity"]), _click("Add to cart", "button"), _say()
    ],
    "buy": lambda v, e: [
        *_find(v["item"]), _click("Add to cart", "button"), _click("Place order", "button"), _say()
    ],
    "cancel": lambda v, e: [
        _click("Orders"), _click(f"order {v['order']},"), _click("Cancel order", "button"), _say()
    ],
    "move": lambda v, e: [_click("Account"), _fill("city", v["city"]), _click("Save", "button"), _say()],
    "write_review": lambda v, e: [
        *_find(v["item"]), _click("write a review"), _select("stars", v["stars"]), _fill("text", v["text"]),
        _click("Send", "button"), _say(),
    ],
    "log_in": lambda v, e: [
        _click("Log in"), _fill("name", v["name"]), _fill("password", v["password"]),
        _click("Log in", "button"), _say(),
    ],
    "best_month": lambda v, e: [_answer(e)],
    "count_orders": lambda v, e: [
        _click("Orders"), _select("status", v["status"]), _click("Show", "button"), _answer(e)
    ],
    "set_price": lambda v, e: _product(v, "price"),
    "set_stock": lambda v, e: _product(v, "stock"),
    "ship": lambda v, e: [
        _click("Orders"), _click(f"order {v['order']},"), _select("status", "shipped"),
        _click("Save", "button"), _say(),
    ],
    "submit_post": lambda v, e: [
        _click("Submit"), _select("forum", v["forum"]), _fill("title", v["title"]),
        _click("Send", "button"), _say(),
    ],
    "add_comment": lambda v, e: [*_post(v), _fill("comment", v["text"]), _click("Send", "button"), _say()],
    "vote_up": lambda v, e: [*_post(v), _click("Vote up", "button"), _say()],
    "author_of": lambda v, e: [*_post(v), _answer(e)],
    "most_votes": lambda v, e: [_click(v["forum"]), _click("sort by votes"), _answer(e)],
    "set_bio": lambda v, e: [
        _click("Profile"), _fill("about me", v["bio"]), _click("Save", "button"), _say()
    ],
}  # fmt: skip
