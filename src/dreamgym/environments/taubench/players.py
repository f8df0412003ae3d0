"""Scripted players of our own shop: an expert, one that is often distracted, a random one.

A player hears the opening and the answer to every action (``see``) and says what to do next (``choose``). The
expert knows the reference solution, but asks and looks up all that it uses, so that others can learn from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from dreamgym.environments.taubench.mistakes import wrong_action
from dreamgym.environments.taubench.shop import Shop
from dreamgym.environments.taubench.shop_script import Request, Slots, details
from dreamgym.environments.taubench.shop_tools import TOOLS, TRANSFER

Admissible = Callable[[], Sequence[str]]
DISTRACTION = (0.1, 0.5)  # how often a weak player does something else: from, to
CORRECTION = "i mean "
QUESTIONS = {
    "order": "which order?",
    "item": "which item?",
    "new_item": "which new item?",
    "address": "which address?",
    "payment": "which payment?",
    "reason": "why?",
}
_LINES = {form.name: form for form in TOOLS.forms}


class Player(Protocol):
    """Plays one episode."""

    def see(self, action: str, observation: str) -> None:
        """Take note of the answer to ``action``; the opening has the empty action."""
        ...

    def choose(self, admissible: Admissible) -> str:
        """The next action; ``admissible`` lists what would do now."""
        ...


class Expert:
    """Finds the user, asks for what is missing, asks whether it may, looks whether the policy allows it."""

    def __init__(self, shop: Shop, rng: Random) -> None:
        self._shop = shop
        self._wish = 0
        self._told: list[str] = []
        self._done: set[str] = set()
        self._corrected = self._agreed = False
        self._found = ""

    def see(self, action: str, observation: str) -> None:
        """See ``Player``."""
        self._told.append(observation)
        self._done.add(action)
        if action.startswith("find_user") and not observation.startswith("Error"):
            self._found = observation
        self._corrected |= CORRECTION in observation
        if action.startswith("respond may i"):
            self._agreed = observation.endswith(": yes.")
        if action in ("respond done", "respond i cannot do that."):
            self._wish += 1
            self._corrected = self._agreed = False

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        wish = self._shop.requests[min(self._wish, len(self._shop.requests) - 1)]
        if not self._found:
            return self._find()
        if wish.kind == "human":
            return TRANSFER
        return self._missing(wish) or self._serve(wish)

    def _find(self) -> str:
        customer = self._shop.customer
        told = [text for text in self._told if f"{customer.name}, code" in text]
        for code in (customer.code, customer.wrong_code):
            action = f"find_user {customer.name} {code}"
            if action not in self._done and any(code in text for text in told):
                return action
        return "respond what is your name and code?"

    def _slots(self, wish: Request) -> Slots:
        """The details as far as they can be known now."""
        hesitant = self._shop.customer.temper == "hesitant"
        return wish.first if hesitant and not self._corrected else wish.slots

    def _missing(self, wish: Request) -> str | None:
        """A question for a detail that was not told, or a look for the order that was forgotten."""
        said = [text for text in self._told if text.startswith("customer: ")]
        for name, value in self._slots(wish):
            if any(details(((name, value),)) in text for text in said):
                continue
            if name == "order" and any(f"{wish.hint} is in it" in text for text in said):
                if not any(text.startswith(f"{value}: ") and wish.hint in text for text in self._told):
                    return self._look()
                continue
            return f"respond {QUESTIONS[name]}"
        return None

    def _look(self) -> str:
        """The next of the user's orders."""
        orders = [part.strip(" .") for part in self._found.split(",") if part.startswith(" order ")]
        return next(look for order in orders if (look := f"get_order {order}") not in self._done)

    def _serve(self, wish: Request) -> str:
        call, look = wish.call(self._slots(wish)), f"get_order {dict(self._slots(wish))['order']}"
        if call is None:
            told = f"respond {wish.answer}."
            return look if look not in self._done else told if told not in self._done else "respond done"
        action = _LINES[call.name].write(call)
        if not self._agreed and action not in self._done:
            return f"respond may i {action}?"
        if look not in self._done:
            return look
        if not wish.allowed:
            return "respond i cannot do that."
        return action if action not in self._done else "respond done"


class Weak:
    """An expert that is often distracted: does something else, or what the shop refuses."""

    def __init__(self, shop: Shop, rng: Random) -> None:
        self._expert = Expert(shop, rng)
        self._shop = shop
        self._rng = rng
        low, high = DISTRACTION
        self._distraction = low + rng.random() * (high - low)

    def see(self, action: str, observation: str) -> None:
        """See ``Player``."""
        self._expert.see(action, observation)

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        if self._rng.random() >= self._distraction:
            return self._expert.choose(admissible)
        if self._rng.random() < 0.5:
            return wrong_action(self._rng, self._shop).action
        return self._rng.choice([action for action in admissible() if action != "respond done"])


class RandomPlayer:
    """Anything that would do."""

    def __init__(self, shop: Shop, rng: Random) -> None:
        self._rng = rng

    def see(self, action: str, observation: str) -> None:
        """See ``Player``."""

    def choose(self, admissible: Admissible) -> str:
        """See ``Player``."""
        return self._rng.choice(admissible())


PLAYERS: dict[str, Callable[[Shop, Random], Player]] = {
    "expert": Expert,
    "weak": Weak,
    "random": RandomPlayer,
}
