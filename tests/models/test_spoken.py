"""What an action says is put where a key names it, and what was put in names nothing itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.models.quoting import quote
from dreamgym.models.sheet import AT, HAND, make_sheet
from dreamgym.models.spoken import arguments, key_meant, named, plain_words

FACTS = {
    AT: "b07",
    HAND: "item",
    "b07": "Marble Boots",
    "b07 options": "color: blue, green, size: 7",
    "search red boots": "4 found",
    "search *": "9 found",
    "{ at }": "no key that an action can mean",
}
INSTRUCTION = "Find me boots, red!"


def quoted(key: str, action: str) -> str:
    return quote(make_sheet(FACTS), key, INSTRUCTION, action)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("click[Green]", ["green"]),
        ("search[ red 'x' 5 ]", [" red 'x' 5 "]),
        ("click[a]b] c", ["a]b"]),
        ("search[[7]]", ["(7)"]),
        ("click[]", []),
        ("look at click[green]", []),
    ],
)
def test_a_verb_with_brackets_is_given_its_text_as_it_stands(action: str, said: list[str]) -> None:
    assert arguments(action) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" Red  BOOTS, red!", "red boots red"),
        ("find me Boots, RED!", "*"),
        ("find me boots red", "find me boots red"),
        ("*", "empty"),
        ("", "empty"),
        ("one " * 30, " ".join(["one"] * 24)),
    ],
)
def test_plain_words_are_the_same_however_a_text_is_written(text: str, words: str) -> None:
    assert plain_words(text, INSTRUCTION) == words


@pytest.mark.parametrize(
    ("key", "action", "told"),
    [
        ("{ [1] } in { at } options", "click[green]", "color"),
        ("{ [1] } in { at } options", "click[Green]", "color"),
        ("{ [1] } in { at } options", "click[ green]", "none"),
        ("{ [1] } in { at } options", "click[7]", "size"),
        ("{ [1] } in { at } options", "look", "none"),
        ("{ [2] } in { at } options", "click[green]", "none"),
        ("search { words }", "search[Red, boots]", "4 found; nothing"),
        ("search { words }", f"search[{INSTRUCTION}]", "9 found; nothing"),
        ("search { words }", "search[*]", "none"),
        ("search { words }", "search[blue boots]", "none"),
        ("{ at }", "look", "here, Marble Boots; nothing"),
        ("b07 options", "look", "color: blue, green, size: 7; nothing"),
    ],
)
def test_a_quote_is_of_the_line_that_its_key_means(key: str, action: str, told: str) -> None:
    assert quoted(key, action) == told


TEXTS = st.text(st.sampled_from("{}[]12 atwords"), min_size=1, max_size=24)


@given(TEXTS)
def test_what_an_action_says_is_not_read_again(text: str) -> None:
    """No text of an action means another line than its own words do."""
    said = text.replace("[1]", "(1)").replace("[2]", "(2)").replace("[12]", "(12)")
    meant = key_meant(named("[1]"), f"click[{text}]", INSTRUCTION, FACTS.get)
    if "[" not in said and "]" not in said:
        assert meant == said
    searched = key_meant("search { words }", f"search[{text}]", INSTRUCTION, FACTS.get)
    assert searched == f"search {plain_words(text)}"
    assert not set("{}[]") & set(searched)


@given(st.text(max_size=30).filter(lambda key: "{" not in key), st.text(max_size=30))
def test_a_key_that_names_nothing_means_itself(key: str, action: str) -> None:
    assert key_meant(key, action, INSTRUCTION, FACTS.get) == key


@pytest.mark.parametrize("key", ["{at}", "{ b08 }", "{ [0] }", "{ [3] } in x", "{  }"])
def test_what_is_no_name_stays_as_it_is(key: str) -> None:
    assert key_meant(key, "click[green]", INSTRUCTION, FACTS.get) == key
