"""What an agent writes is read as a call or answered by what is wrong with it; nothing raises."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamgym.environments.taubench.arithmetic import calculate
from dreamgym.environments.taubench.calls import MAX_ACTION, CallError, ToolCall, parse_call
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.panels import task_named
from dreamgym.environments.taubench.schema import object_problem
from dreamgym.environments.taubench.shop_tools import TOOLS

TASK = task_named("shop:train:0")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*TOOLS.tools, "respond"])


@given(TEXT, st.dictionaries(TEXT, JSON, max_size=5))
def test_a_call_is_read_as_it_was_written(name: str, arguments: dict[str, Any]) -> None:
    call = ToolCall(name=name, arguments=arguments)
    assert parse_call(call.to_json()) == call
    assert parse_call(f"  {json.dumps({'arguments': arguments, 'name': name}, indent=2)}\n") == call


@given(st.data())
def test_a_line_is_read_as_it_was_written(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(TOOLS.forms))
    arguments = {}
    for name, pattern in form.arguments:
        value = data.draw(st.from_regex(pattern, fullmatch=True))
        arguments[name] = " ".join(value.split()) if name in ("content", "expression") else value
    call = ToolCall(name=form.name, arguments=arguments)
    if all(arguments.values()):  # a content of nothing but spaces is none
        assert parse_call(form.write(call), TOOLS.forms) == call


def answer(action: str) -> tuple[str, bool, float, bool]:
    async def step() -> tuple[str, bool, float, bool]:
        environment = TaubenchEnv()
        await environment.reset(TASK, 0)
        result = await environment.step(action)
        return result.observation.text, result.valid, result.reward, result.terminated

    return asyncio.run(step())


@settings(max_examples=200)
@given(
    st.text(max_size=200)
    | st.builds(lambda name, rest: f"{name} {rest}", NAMES, st.text(max_size=60))
    | st.builds(lambda name, arguments: json.dumps({"name": name, "arguments": arguments}), NAMES, JSON)
    | st.builds(lambda text, cut: text[:cut], JSON.map(json.dumps), st.integers(0, 30))
    | JSON.map(json.dumps)
)
def test_whatever_is_typed_is_answered_in_printable_words_and_pays_nothing(action: str) -> None:
    text, valid, reward, terminated = answer(action)
    assert text
    assert len(text) < 2_000
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert reward == 0
    assert valid or text.startswith(("Error: ", "Unknown action "))
    assert not terminated or "###STOP###" in text


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("", "that is no call."),
        ("hello", "that is no call."),
        ("x" * (MAX_ACTION + 1), "an action of 20001 characters"),
        ('{"name": "get_order"', "is not JSON"),
        ('{"name": "get_order", "arguments": {"order": NaN}}', "NaN is not a number"),
        ('{"name": "get_order", "arguments": {"order": 1e999}}', "is too large"),
        ('{"name": "get_order", "arguments": {"order": ' + "9" * 400 + ".0}}", "99 is too large): want"),
        ('{"name": "get_order", "arguments": {"order": ' + "9" * 5000 + "}}", "is not JSON"),
        ('{"name": "get_order", "arguments": ' + "[" * 9000 + "}", "is not JSON"),
        ('{"name": "get_order", "arguments": []}', "has a name and arguments"),
        ('{"name": 3}', "has a name and arguments"),
        ('{"name": "get_order", "kwargs": {}}', "has a name and arguments"),
        ('{"name": "get_order", "arguments": {"order": "\\ud800"}}', "not valid Unicode"),
        ("get_order \ud800", "not valid Unicode"),
        ("get_order", "is written like this: get_order order 17"),
        ("get_order order seventeen", "is written like this: get_order order 17"),
        ('{"name": "get_order", "arguments": {"order": "17"}}', "order does not look like 'order 17'"),
        ('{"name": "get_order", "arguments": {"order": 17}}', "order is integer, string was wanted"),
        ('{"name": "get_order", "arguments": {"order": null}}', "order is null, string was wanted"),
        ('{"name": "get_order", "arguments": {}}', "order is missing"),
        ('{"name": "get_order", "arguments": {"order": "order 1", "x": 1}}', "there is no argument 'x'"),
        ('{"name": "nothing", "arguments": {}}', "Unknown action nothing"),
        ('{"name": "respond", "arguments": {"content": 5}}', "respond wants one argument, content"),
        ('{"name": "respond", "arguments": {"content": " "}}', "respond wants one argument, content"),
        ('{"name": "respond"}', "respond wants one argument, content"),
    ],
)
def test_each_way_of_being_wrong_is_told(action: str, says: str) -> None:
    text, valid, reward, terminated = answer(action)
    assert says in text
    assert len(text) < 400
    assert (valid, reward, terminated) == (False, 0, False)


@pytest.mark.parametrize("text", ['["name"]', "7", '"respond"', "null", "{"])
def test_json_that_is_no_object_is_no_call(text: str) -> None:
    with pytest.raises(CallError):
        parse_call(text)


NESTED = {
    "type": "object",
    "properties": {
        "people": {
            "type": "array",
            "items": {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]},
        },
        "share": {"type": "number"},
    },
    "required": ["people"],
}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"people": []}, ""),
        ({"people": [{"age": 3}], "share": 0.5}, ""),
        ({"people": [{"age": 3}], "share": 1}, ""),
        ({"people": [{"age": 3}, {}]}, "people[1].age is missing"),
        ({"people": [{"age": 3.5}]}, "people[0].age is number, integer was wanted"),
        ({"people": [{"age": True}]}, "people[0].age is boolean, integer was wanted"),
        ({"people": [7]}, "people[0] is integer, object was wanted"),
        ({"people": "all"}, "people is string, array was wanted"),
        ({"people": [{"age": 3, "name": "x"}]}, "there is no argument 'name' of people[0]"),
        ({"people": [{"age": 3}] * 101}, "people has 101 items, at most 100 are read"),
        ({}, "people is missing"),
    ],
)
def test_a_schema_names_the_place_that_is_wrong(value: dict[str, Any], problem: str) -> None:
    assert object_problem(value, NESTED) == problem


SUMS = st.recursive(
    st.integers(0, 999).map(str) | st.decimals(0, 99, places=2).map(str),
    lambda inner: st.builds(
        lambda one, operator, other: f"({one}) {operator} ({other})", inner, st.sampled_from("+-*/"), inner
    )
    | inner.map(lambda one: f"-({one})"),
    max_leaves=8,
)


@given(SUMS)
def test_the_calculator_is_python_s(expression: str) -> None:
    try:
        wanted = str(round(float(eval(expression)), 2))  # our own expressions, to judge the reader by
    except ZeroDivisionError as error:
        wanted = f"Error: {error}"
    assert calculate(expression) == wanted


@given(st.text("0123456789+-*/(). ", max_size=40))
def test_the_calculator_answers_everything(expression: str) -> None:
    value = calculate(expression)
    assert value.startswith("Error: ") or float(value) == float(value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", "14.0"),
        ("(2 + 3) * 4", "20.0"),
        ("2 ** 3 ** 2", "512.0"),
        ("-2 ** 2", "-4.0"),
        ("7 // 2", "3.0"),
        ("10 / 3", "3.33"),
        ("1 / 0", "Error: division by zero"),
        ("9 ** 9 ** 9", "Error: the power is too large"),
        ("(" * 400 + "1" + ")" * 400, "Error: an expression of 801 characters, at most 500"),
        ("(" * 200 + "1" + ")" * 200, "Error: too many nested parentheses"),
        ("1 +", "Error: invalid syntax (<string>, line 1)"),
        ("1.2.3", "Error: invalid syntax (<string>, line 1)"),
        ("import os", "Error: invalid characters in expression"),
    ],
)
def test_sums_by_hand(expression: str, value: str) -> None:
    assert calculate(expression) == value
