"""The scripted customers of our own shop: they understand a few words, each in its own temper."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from dreamgym.environments.taubench.guard import offered
from dreamgym.environments.taubench.shop_script import (
    LABELS,
    REFUSAL,
    WISHES,
    Customer,
    Request,
    Slots,
    details,
)
from dreamgym.environments.taubench.user import STOP, Reply

PATIENCE = {"impatient": 2}
USUAL_PATIENCE = 5  # replies that a customer does not understand before leaving
TELLS_ALL = ("talkative", "hesitant", "mistaken", "impatient")  # say the details of a wish at once
IDENTITY = ("name", "code", "who")
QUESTIONS = {  # words by which a customer understands which detail is asked for, the first that fits
    "reason": ("why", "reason"),
    "new_item": ("new",),
    "item": ("item",),
    "address": ("address", "where"),
    "payment": ("payment", "card", "pay"),
    "order": ("order",),
}
_WORDS = re.compile(r"[a-z_]+|\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopUser:
    """A customer with the ``wishes`` that are left, the first of them in hand.

    ``corrected``: it says what it really wants, a hesitant one only after a first thought; ``asked``: it has
    told who it is.
    """

    customer: Customer
    wishes: tuple[Request, ...]
    patience: int
    corrected: bool
    asked: bool = False

    async def open(self) -> Reply:
        """See ``User``."""
        return self._say(self.opening)

    @property
    def opening(self) -> str:
        """What it says first."""
        hello = {
            "terse": "",
            "talkative": f"hello, what a day! i am {self.customer.name}, {self.customer.code}. ",
        }
        return hello.get(self.customer.temper, "hello, ") + self._wish()

    async def answer(self, content: str) -> Reply:
        """See ``User``."""
        words = _WORDS.findall(content.lower())
        wish, offer = self.wishes[0], offered(content)
        if offer is not None:
            return self._to_offer(offer == wish.call(), offer == wish.call(wish.first))
        if "done" in words or REFUSAL in words:
            return self._next()
        if any(word in words for word in IDENTITY):
            return self._identity()
        if wish.answer in words:
            return self._say("thank you.")
        for slot, keys in QUESTIONS.items():
            if any(key in words for key in keys) and slot in dict(wish.slots):
                return self._say(self._detail(slot))
        return self._lost("i do not understand.")

    def _to_offer(self, right: bool, first: bool) -> Reply:
        if right:
            return self._say("yes.")
        if first and not self.corrected:
            corrected = replace(self, corrected=True)
            return corrected._say(f"no, sorry, i mean {details(self.wishes[0].slots)}.")
        return self._lost("no, that is not what i want.")

    def _next(self) -> Reply:
        later = self.wishes[1:]
        if not later:
            return self._say(STOP)
        user = replace(self, wishes=later, corrected=_is_sure(self.customer))
        return user._say(f"and {user._wish()}")

    def _wish(self) -> str:
        """What it wants, as its temper says it."""
        wish = self.wishes[0]
        what = f"i want to {WISHES[wish.kind]}"
        if self.customer.temper in TELLS_ALL and wish.slots:
            return f"{what}: {details(self._slots())}."
        return f"{what}."

    def _slots(self) -> Slots:
        return self.wishes[0].slots if self.corrected else self.wishes[0].first

    def _detail(self, slot: str) -> str:
        if slot == "order" and self.customer.temper == "forgetful":
            return f"i do not know the number. {self.wishes[0].hint} is in it."
        return f"{LABELS.get(slot, '')}{dict(self._slots())[slot]}."

    def _identity(self) -> Reply:
        told = replace(self, asked=True)
        code = self.customer.code
        if self.customer.temper == "mistaken" and not self.asked:
            code = self.customer.wrong_code
        hello = "" if self.customer.temper == "terse" else "i am "
        return told._say(f"{hello}{self.customer.name}, {code}.")

    def _lost(self, text: str) -> Reply:
        left = replace(self, patience=self.patience - 1)
        return left._say(text if left.patience > 0 else f"that takes too long. {STOP}")

    def _say(self, text: str) -> Reply:
        return Reply(text=text, user=self)


def shop_user(customer: Customer, requests: tuple[Request, ...]) -> ShopUser:
    """The customer at the beginning."""
    patience = PATIENCE.get(customer.temper, USUAL_PATIENCE)
    return ShopUser(customer=customer, wishes=requests, patience=patience, corrected=_is_sure(customer))


def _is_sure(customer: Customer) -> bool:
    return customer.temper != "hesitant"
