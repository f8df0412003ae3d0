"""Answers in a form: found among words, repaired where wrong, refused where they stay so."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dreamgym.core.errors import AnswerFormatError
from dreamgym.models.llm_client import Message, ScriptedClient
from dreamgym.models.structured import acomplete_as, complete_as, json_object, strict_schema


class Part(BaseModel):
    label: Literal["yes", "no"]
    note: str | None = None


class Verdict(BaseModel):
    score: int
    parts: list[Part] = []


GOOD = '{"score": 2, "parts": [{"label": "yes", "note": "a {brace}"}]}'


@pytest.mark.parametrize(
    "answer", [GOOD, f"Sure!\n```json\n{GOOD}\n```\nDone.", f"{{not this}} but {GOOD} {{}}"]
)
def test_the_object_is_found_among_words(answer: str) -> None:
    verdict = complete_as(ScriptedClient([answer]), Verdict, "judge")
    assert verdict == Verdict(score=2, parts=[Part(label="yes", note="a {brace}")])


def test_a_wrong_answer_is_sent_back_with_what_is_wrong() -> None:
    client = ScriptedClient(["I think two", '{"score": "many"}', GOOD])
    verdict = complete_as(client, Verdict, [Message(role="system", content="be strict")])
    assert verdict.score == 2
    first, second, third = client.prompts
    assert json.dumps(strict_schema(Verdict)) in first
    assert second.startswith(first + "\n\nI think two\n\n")
    assert "no JSON object" in second
    assert "score: Input should be a valid integer" in third


def test_after_three_tries_the_last_answer_is_told() -> None:
    client = ScriptedClient({"judge": "never\n" * 1000})
    with pytest.raises(
        AnswerFormatError, match=r"no Verdict in 3 answers: no JSON object in it.*never"
    ) as error:
        asyncio.run(acomplete_as(client, Verdict, "judge"))
    assert error.value.answer == "never\n" * 1000
    assert "\n" not in str(error.value)
    assert len(client.prompts) == 3


def test_the_schema_is_closed_all_the_way_down() -> None:
    schema = strict_schema(Verdict)
    assert schema["required"] == ["score", "parts"]
    inner = schema["$defs"]["Part"]
    assert inner["required"] == ["label", "note"]
    assert inner["additionalProperties"] is schema["additionalProperties"] is False
    assert "default" not in json.dumps(schema)


OBJECTS = st.dictionaries(
    st.text(max_size=5), st.integers() | st.text(max_size=9) | st.booleans(), max_size=4
)


@given(st.text(alphabet=st.characters(exclude_characters="{")), OBJECTS, st.text(max_size=20))
def test_any_object_behind_any_words_is_found(before: str, value: dict, after: str) -> None:
    assert json_object(before + json.dumps(value) + after) == value


@given(st.text())
def test_any_text_is_an_object_or_an_error_of_value(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(json_object(text), dict)


def test_deep_nesting_is_an_error_of_value() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_object('{"a": ' * 100_000)
