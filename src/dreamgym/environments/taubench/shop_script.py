"""What a customer of our own shop is and wants: a person, a temperament, and one request or two."""

from __future__ import annotations

from dataclasses import dataclass

from dreamgym.environments.taubench.calls import ToolCall, respond
from dreamgym.environments.taubench.script import Script

CALLS = {  # the tool that does what is requested; to be told a price takes none
    "cancel": "cancel_order",
    "swap": "change_item",
    "address": "change_address",
    "payment": "change_payment",
    "return": "return_item",
    "exchange": "exchange_item",
    "credit": "give_credit",
    "human": "transfer_to_human",
}
WISHES = {
    "cancel": "cancel an order",
    "swap": "change an item of an order that was not sent",
    "address": "send an order to another address",
    "payment": "pay an order in another way",
    "return": "return an item",
    "exchange": "exchange an item that i have",
    "credit": "have a credit for a late order",
    "human": "talk to a human",
    "total": "know what an order costs",
}
LABELS = {"new_item": "new item ", "reason": "reason ", "address": "to ", "payment": "with "}
TEMPERS = ("terse", "talkative", "forgetful", "hesitant", "mistaken", "impatient")
REFUSAL = "cannot"  # the word by which a customer understands that it will not be done

Slots = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One wish. ``slots`` are its details in the order of the tool's arguments; ``first`` those that a
    hesitant customer says at first; ``hint`` is an item of its order, for one who forgot the number.

    ``allowed`` is false where the shop's policy forbids it; ``answer`` is what must be told.
    """

    kind: str
    slots: Slots
    first: Slots
    hint: str = ""
    allowed: bool = True
    answer: str = ""

    def call(self, slots: Slots | None = None) -> ToolCall | None:
        """The call that does it, with other ``slots`` where given; None where telling is all."""
        name = CALLS.get(self.kind)
        return ToolCall(name=name, arguments=dict(slots or self.slots)) if name else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """Who it is."""

    name: str
    code: str
    wrong_code: str
    temper: str


def script_of(id: str, customer: Customer, requests: tuple[Request, ...]) -> Script:
    """The task of an agent, with the reference solution and a description that a language model can play."""
    calls = [ToolCall(name="find_user", arguments={"name": customer.name, "code": customer.code})]
    for request in requests:
        call = request.call()
        if call is not None and request.allowed:
            calls.append(call)
        elif request.answer:
            calls.append(respond(request.answer))
    outputs = tuple(request.answer for request in requests if request.answer)
    return Script(id=id, instruction=_description(customer, requests), calls=tuple(calls), outputs=outputs)


def details(slots: Slots) -> str:
    """The slots as a customer says them: ``order 17, lamp 2, new item lamp 5``."""
    return ", ".join(f"{LABELS.get(name, '')}{value}" for name, value in slots)


def _description(customer: Customer, requests: tuple[Request, ...]) -> str:
    wishes = [f"You want to {WISHES[r.kind]}{f' ({details(r.slots)})' if r.slots else ''}." for r in requests]
    return (
        f"Your name is {customer.name}, your code is {customer.code.split()[-1]}. You are {customer.temper}. "
        f"{' Then: '.join(wishes)} You say yes when you are asked whether exactly this may be done. "
        "Where the shop cannot do it, you accept that."
    )
