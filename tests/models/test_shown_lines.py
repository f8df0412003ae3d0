"""A next state that names a line of the sheet says what the line says, and what was filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.data_structures import Sheet
from dreamgym.models.dream_prompts import one_line
from dreamgym.models.sheet import AT, HAND, make_sheet
from dreamgym.models.shown_lines import named, shown, slot

PAGE = "a page\n[5] city" + slot("[5]", " - ", "oslo") + "\n[6] note" + slot("[6]", " - ", "")


def sheet(hand: str = "blank") -> Sheet:
    return make_sheet({AT: "page 7", HAND: hand, "page 7": one_line(PAGE)})


@pytest.mark.parametrize(
    ("hand", "seen"),
    [
        ("blank", "a page\n[5] city - oslo\n[6] note"),
        ("[5] rome", "a page\n[5] city - rome\n[6] note"),
        ("[6] for [you] only [5] empty", "a page\n[5] city\n[6] note - for [you] only"),
    ],
)
def test_a_line_is_shown_with_what_the_hand_says(hand: str, seen: str) -> None:
    assert shown(named("page 7"), sheet(hand)) == seen
    assert shown(f"error: no\n{named('page 7')}", sheet(hand)) == f"error: no\n{seen}"


def test_what_is_no_key_stays_as_it_is() -> None:
    text = '{"a": { page 8 }, "b": {page 7}} { } {[5]| - |oslo}'
    assert shown(text, sheet()) == text


def test_what_was_filled_in_is_not_looked_up() -> None:
    assert shown(named("page 7"), sheet("[5] { page 7 }")) == "a page\n[5] city - { page 7 }\n[6] note"


@given(st.text(alphabet=st.characters(exclude_characters="{}"), max_size=60))
def test_a_text_without_braces_is_itself(text: str) -> None:
    assert shown(text, sheet()) == text
