"""The scripted customers: each temper by an episode that was written down by hand."""

from __future__ import annotations

import asyncio

import pytest

from dreamgym.environments.taubench.shop_script import Customer, Request
from dreamgym.environments.taubench.shop_user import ShopUser, shop_user
from dreamgym.environments.taubench.user import STOP

WANTED = (("order", "order 17"), ("reason", "late"))
FIRST = (("order", "order 17"), ("reason", "mistake"))
WISH = Request(kind="cancel", slots=WANTED, first=FIRST, hint="lamp 2")
PRICE = Request(kind="total", slots=WANTED[:1], first=WANTED[:1], hint="lamp 2", answer="40")


def talk(temper: str, *said: str, wishes: tuple[Request, ...] = (WISH,)) -> list[str]:
    """What the customer says first, and to each of ``said``."""

    async def conversation() -> list[str]:
        customer = Customer(name="anna", code="code 42", wrong_code="code 24", temper=temper)
        reply = await shop_user(customer, wishes).open()
        heard = [reply.text]
        for content in said:
            reply = await reply.user.answer(content)
            heard.append(reply.text)
        return heard

    return asyncio.run(conversation())


def test_a_terse_one_says_what_it_is_asked() -> None:
    assert talk(
        "terse", "Your name and code?", "which order?", "why?", "may i cancel_order order 17 late?"
    ) == [
        "i want to cancel an order.",
        "anna, code 42.",
        "order 17.",
        "reason late.",
        "yes.",
    ]


def test_a_talkative_one_says_all_at_once() -> None:
    assert talk("talkative") == [
        "hello, what a day! i am anna, code 42. i want to cancel an order: order 17, reason late."
    ]


def test_a_forgetful_one_knows_what_is_in_the_order() -> None:
    assert talk("forgetful", "which order?", "which order?") == [
        "hello, i want to cancel an order.",
        "i do not know the number. lamp 2 is in it.",
        "i do not know the number. lamp 2 is in it.",
    ]


def test_a_hesitant_one_changes_its_mind_when_it_is_asked() -> None:
    assert talk(
        "hesitant",
        "may i cancel_order order 17 mistake?",
        "may i cancel_order order 17 mistake?",
        "may i cancel_order order 17 late?",
    ) == [
        "hello, i want to cancel an order: order 17, reason mistake.",
        "no, sorry, i mean order 17, reason late.",
        "no, that is not what i want.",
        "yes.",
    ]


def test_a_mistaken_one_tells_the_right_code_the_second_time() -> None:
    assert talk("mistaken", "who are you?", "what is your code?")[1:] == [
        "i am anna, code 24.",
        "i am anna, code 42.",
    ]


@pytest.mark.parametrize(("temper", "patience"), [("impatient", 2), ("terse", 5)])
def test_one_that_understands_nothing_leaves(temper: str, patience: int) -> None:
    heard = talk(temper, *["bla"] * patience)
    assert heard[1:] == ["i do not understand."] * (patience - 1) + [f"that takes too long. {STOP}"]


def test_a_second_wish_comes_after_the_first() -> None:
    assert talk("terse", "done", "which order?", "it costs 40.", "done", wishes=(WISH, PRICE))[1:] == [
        "and i want to know what an order costs.",
        "order 17.",
        "thank you.",
        STOP,
    ]


def test_a_refusal_ends_the_wish() -> None:
    assert talk("terse", "I cannot do that.")[1:] == [STOP]
    assert talk("terse", "I cannot do that.", wishes=(WISH, PRICE))[1:] == [
        "and i want to know what an order costs."
    ]


def test_an_answered_customer_is_as_it_was() -> None:
    """A user is a value: the same question to the same user has the same answer."""
    user = shop_user(Customer(name="anna", code="code 42", wrong_code="code 24", temper="mistaken"), (WISH,))
    first = asyncio.run(user.answer("name?"))
    assert asyncio.run(user.answer("name?")) == first
    assert isinstance(first.user, ShopUser)
    assert first.user != user
