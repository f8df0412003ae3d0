"""An answer that names a line or an argument says what that says, and what was filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.data_structures import Sheet
from dreamgym.core.errors import InvalidDreamError
from dreamgym.models.dream_format import Answer
from dreamgym.models.dream_prompts import one_line
from dreamgym.models.sheet import AT, HAND, make_sheet
from dreamgym.models.shown_lines import told
from dreamgym.models.slots import slot
from dreamgym.models.spoken import arguments, named

PAGE = "a page\n[5] city" + slot("[5]", " - ", "oslo") + "\n[6] note" + slot("[6]", " - ", "")


def sheet(hand: str = "blank") -> Sheet:
    return make_sheet({AT: "page 7", HAND: hand, "page 7": one_line(PAGE)})


def answered(
    next_state: str, hand: str = "blank", action: str = "noop()", changes: tuple[tuple[str, str], ...] = ()
) -> Answer:
    written = Answer(valid=True, next_state=next_state, changes=changes, reward=0.0, done=False)
    return told(written, sheet(hand), action)


@pytest.mark.parametrize(
    ("hand", "seen"),
    [
        ("blank", "a page\n[5] city - oslo\n[6] note"),
        ("[5] rome", "a page\n[5] city - rome\n[6] note"),
        ("[6] for [you] only [5] empty", "a page\n[5] city\n[6] note - for [you] only"),
    ],
)
def test_a_line_is_shown_with_what_the_hand_says(hand: str, seen: str) -> None:
    assert answered(named("page 7"), hand).next_state == seen
    assert answered(f"error: no\n{named('page 7')}", hand).next_state == f"error: no\n{seen}"


def test_an_argument_is_put_where_it_is_named_and_shown_at_once() -> None:
    changes = ((HAND, f"[6] {named('[2]')}"),)
    answer = answered(named("page 7"), action="fill('6', 'it\\'s  me')", changes=changes)
    assert answer.changes == ((HAND, "[6] it's me"),)
    assert answer.next_state == "a page\n[5] city - oslo\n[6] note - it's me"
    assert answered(f"no [{named('[1]')}]", action="click(122)").next_state == "no [122]"


def test_arguments_are_texts_and_whole_numbers() -> None:
    assert arguments("fill('6', \"red 'x' lamp\")") == ["6", "red 'x' lamp"]
    assert arguments("click(7)") == ["7"]
    assert arguments("fill('6', '')") == ["6", "empty"]
    assert arguments("go to shelf1 at 1.5") == []
    assert len(arguments(f"fill('{'a' * 999}')")[0]) == 200


def test_a_text_cannot_fill_in_another_field() -> None:
    answer = answered(
        named("page 7"), action="fill('6', 'x [5] rome')", changes=((HAND, f"[6] {named('[2]')}"),)
    )
    assert answer.next_state == "a page\n[5] city - oslo\n[6] note - x (5) rome"


def test_what_is_no_key_and_no_argument_stays_as_it_is() -> None:
    text = '{"a": { page 8 }, "b": {page 7}} { } {[5]| - |oslo} { [0] } { [3] }'
    assert answered(text, action="fill('1', '2')").next_state == text


def test_what_was_filled_in_is_not_looked_up() -> None:
    seen = answered(named("page 7"), "[5] { page 7 }").next_state
    assert seen == "a page\n[5] city - { page 7 }\n[6] note"
    said = answered(named("[1]"), action="fill('{ page 7 }')").next_state
    assert said == "{ page 7 }"


def test_a_change_of_nothing_that_there_is_is_malformed() -> None:
    with pytest.raises(InvalidDreamError):
        answered("x", changes=((AT, "page 8"),))


@given(st.text(alphabet=st.characters(exclude_characters="{}"), max_size=60))
def test_a_text_without_braces_is_itself(text: str) -> None:
    assert answered(text).next_state == text


def test_a_view_is_of_the_sheet_after_the_turn_and_nothing_in_it_is_looked_up() -> None:
    def view(now: Sheet, instruction: str) -> str:
        return f"{dict(now.facts)[HAND]} of {instruction}"

    written = Answer(
        valid=True, next_state=named("view"), changes=((HAND, named("[1]")),), reward=0.0, done=False
    )
    answer = told(written, sheet(), "click[{ page 7 } { view }]", "the { at } task", view)
    assert answer.next_state == "{ page 7 } { view } of the { at } task"
    assert told(written, sheet(), "click[x]").next_state == "{ view }"  # a world without one says so itself


def test_a_change_may_name_the_words_of_an_action() -> None:
    start = make_sheet({AT: "start", "start": "bar", "search red boots": "4 found", "search *": "9 found"})
    written = Answer(valid=True, next_state="", changes=((AT, "search { words }"),), reward=0.0, done=False)
    assert told(written, start, "search[Red boots!]").changes == ((AT, "search red boots"),)
    assert told(written, start, "search[buy me]", "Buy me").changes == ((AT, "search *"),)
    with pytest.raises(InvalidDreamError):
        told(written, start, "search[{ at }]")


def test_a_view_that_the_sheet_does_not_tell_is_malformed() -> None:
    def view(now: Sheet, instruction: str) -> str:
        raise InvalidDreamError("nothing is open")

    with pytest.raises(InvalidDreamError, match="nothing is open"):
        told(
            Answer(valid=True, next_state=named("view"), changes=(), reward=0.0, done=False),
            sheet(),
            "x",
            "",
            view,
        )
