"""The thirteen actions are read strictly; whatever else is written is an error for the agent, no more."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.environments.webarena.actions import (
    MAX_ACTION,
    SIGNATURES,
    ActionError,
    Call,
    quoted,
    read_action,
)


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("click('12')", "click", ("12",)),
        ('click("12")', "click", ("12",)),
        ("click(12)", "click", ("12",)),
        (" click ( '12' , 'right' , ['Shift', 'Alt'] ) ", "click", ("12", "right", ("Shift", "Alt"))),
        ("dblclick('3')", "dblclick", ("3",)),
        ("fill('3', 'it\\'s a \"test\", (really)')", "fill", ("3", 'it\'s a "test", (really)')),
        ("fill('3', 'a\\nb')", "fill", ("3", "a\nb")),
        ("fill('3', '')", "fill", ("3", "")),
        ("select_option('4', 'red')", "select_option", ("4", "red")),
        ("select_option('4', ['red', 'blue'])", "select_option", ("4", ("red", "blue"))),
        ("press('3', 'Control+a')", "press", ("3", "Control+a")),
        ("scroll(0, -200)", "scroll", (0.0, -200.0)),
        ("scroll(0, 999999)", "scroll", (0.0, 10_000.0)),
        ("noop()", "noop", ()),
        ("noop(100)", "noop", (100.0,)),
        ("hover('1')", "hover", ("1",)),
        ("focus('1')", "focus", ("1",)),
        ("clear('1')", "clear", ("1",)),
        ("drag_and_drop('1', '2')", "drag_and_drop", ("1", "2")),
        ("upload_file('1', 'notes.txt')", "upload_file", ("1", "notes.txt")),
        ("send_msg_to_user('12.50')", "send_msg_to_user", ("12.50",)),
    ],
)
def test_it_reads(text: str, name: str, arguments: tuple[object, ...]) -> None:
    assert read_action(text) == Call(name=name, arguments=arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "that is no action"),
        ("look around", "that is no action"),
        ("goto('http://example.com')", "that is no action"),
        ("Click('1')", "that is no action"),
        ("click('1'); click('2')", "cannot read the arguments"),
        ("click('1') click('2')", "cannot read the arguments"),
        ("click(1,)", "cannot read the arguments"),
        ("click(,1)", "cannot read the arguments"),
        ("click(one)", "cannot read the arguments"),
        ("fill('1', open('/etc/passwd').read())", "cannot read the arguments"),
        ("fill('1', 'a' 'b')", "cannot read the arguments"),
        ("fill('1', 'a\\')", "cannot read the arguments"),
        ("click()", "click takes id"),
        ("click('1', 'left', [], 'x')", "click takes id"),
        ("fill('1')", "fill takes id, text"),
        ("fill('1', 2)", "fill wants a text"),
        ("click('a')", "click wants an id"),
        ("click('-1')", "click wants an id"),
        ("click(1.5)", "click wants an id"),
        ("click('١')", "click wants an id"),
        ("click('1', 'top')", "click wants one of left, middle, right"),
        ("click('1', 'left', ['Fn'])", "click wants a modifiers"),
        ("select_option('1', [])", "select_option wants a choice"),
        ("scroll('0', 100)", "scroll wants a number"),
        ("fill('1', '" + "x" * MAX_ACTION + "')", "at most 4096 characters"),
    ],
)
def test_it_says_what_it_cannot_read(text: str, error: str) -> None:
    with pytest.raises(ActionError, match=error):
        read_action(text)


def test_it_knows_the_papers_thirteen() -> None:
    paper = "noop send_msg_to_user scroll fill select_option click dblclick hover press focus clear"
    assert set(SIGNATURES) == {*paper.split(), "drag_and_drop", "upload_file"}


@given(st.text(max_size=200))
def test_any_text_comes_back_from_its_quotes(text: str) -> None:
    assert read_action(f"fill('1', {quoted(text)})").arguments == ("1", text)


@given(st.one_of(st.text(), st.text(alphabet="click(fill)'\"\\[], 12", max_size=40)))
def test_nothing_but_an_action_error_comes_of_any_text(text: str) -> None:
    with contextlib.suppress(ActionError):
        assert read_action(text).name in SIGNATURES
