"""The action parser: what it reads, and that nothing whatever breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.environments.webshop.actions import LONGEST_ACTION, Click, Search, parse_action
from dreamgym.environments.webshop.generator import generate_goal, generate_products
from dreamgym.environments.webshop.session import Session, State
from dreamgym.environments.webshop.shop import SHORT, Shop

PRODUCTS = generate_products(5)
SHOP, GOAL = Shop(PRODUCTS, SHORT), generate_goal(PRODUCTS, 5, 0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("search[Red Shirt]", Search(words="red shirt")),
        ("click[Buy Now]", Click(name="buy now")),
        ("click[< Prev]", Click(name="< prev")),
        ("click[a[b]c]", Click(name="a[b]c")),
        ("click[x] because I like it", Click(name="x")),
        ("search[ ]", Search(words=" ")),
        ("search[]", None),
        ("click", None),
        ("Click[x]", None),
        (" click[x]", None),
        ("buy[x]", None),
        ("click[x", None),
        ("search[a\nb]", None),
        ("", None),
        ("search[" + "a" * LONGEST_ACTION + "]", None),
    ],
)
def test_actions(text: str, wanted: object) -> None:
    assert parse_action(text) == wanted


@given(st.text())
def test_any_text_is_an_action_or_none(text: str) -> None:
    parsed = parse_action(text)
    assert parsed is None or text.startswith(("search[", "click["))


@given(st.sampled_from(["search", "click"]), st.text(st.characters(exclude_characters="\n"), min_size=1))
def test_what_is_between_the_brackets_comes_through_in_lower_case(verb: str, argument: str) -> None:
    parsed = parse_action(f"{verb}[{argument}]")
    assert parsed == (Search(words=argument.lower()) if verb == "search" else Click(name=argument.lower()))


@given(st.lists(st.one_of(st.text(), st.sampled_from(
    ["search[shirt]", "search[lamp red]", "click[b01]", "click[b05]", "click[next >]", "click[< prev]",
     "click[features]", "click[back to search]", "click[red]", "click[buy now]"]
)), max_size=30))  # fmt: skip
def test_no_actions_break_a_session(actions: list[str]) -> None:
    """Whatever is typed: a refused action changes nothing, a click that is listed is never refused."""
    session = Session(SHOP, GOAL)
    for action in actions:
        before = (session.state, session.text())
        listed = {f"click[{name}]" for name in session.clickables()} - {"click[search]"}
        done = session.act(action)
        assert done or (session.state, session.text()) == before
        assert done or action not in listed
        assert session.state != State() or "[SEP] Search" in session.text()
