"""The sheet's language: what a line says, what a change may do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.errors import InvalidDreamError
from dreamgym.models.quoting import quote, unfounded
from dreamgym.models.sheet import (
    line,
    make_sheet,
    natural_order,
    parse_line,
    places,
    unseen_places,
    with_changes,
)

SHEET = make_sheet(
    {
        "at": "cabinet 1",
        "hand": "holds",
        "cabinet 1": "open",
        "cabinet 2": "closed",
        "shelf 1": "unseen",
        "mug 1": "in cabinet 1",
        "apple 2": "in cabinet 1, hot",
    }
)


def test_a_quote_says_what_the_task_names() -> None:
    assert quote(SHEET, "mug 1", "find a mug", "take mug 1") == "named, in cabinet 1, here"
    assert quote(SHEET, "mug 1", "find an apple", "take mug 1") == "in cabinet 1, here"
    assert quote(SHEET, "hand", "find an apple", "take mug 1") == line(SHEET, "hand")


SHOP = make_sheet(
    {
        "at": "user 29",
        "hand": "cancel_order order 4 late",
        "left": "cancel_order order 4 late, change_address order 6 oak 14",
        "owed": "35",
        "order 4": "late, total 35",
    }
)


@pytest.mark.parametrize(
    ("key", "action", "told"),
    [
        ("hand", "cancel_order order 4 late", "said cancel_order order 4 late; nothing"),
        ("hand", "cancel_order order 4", "cancel_order order 4 late; nothing"),
        ("hand", "respond May I cancel_order order 4 late?", "said cancel_order order 4 late; nothing"),
        (
            "left",
            "change_address order 6 oak 14",
            "said change_address order 6 oak 14; cancel_order order 4 late",
        ),
        ("left", "change_address order 6 oak 1", f"{dict(SHOP.facts)['left']}; nothing"),
        ("owed", "respond it is 35.", "said 35; nothing"),
        ("owed", "respond it is 135.", "35; nothing"),
        ("order 4", "respond late, total 35", "late, total 35; nothing"),  # it has a number: named by that
        ("at", "user 29", "user 29"),
        ("wish", "wish", "none"),
    ],
)
def test_a_quote_says_what_the_action_says_of_it(key: str, action: str, told: str) -> None:
    assert quote(SHOP, key, "serve the customer", action) == told


@given(
    st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4),
    st.lists(st.sampled_from("abc,.!"), max_size=8).map(" ".join),
)
def test_said_entries_stand_in_the_action_in_a_row(entries: list[str], action: str) -> None:
    sheet = make_sheet({"at": "user 1", "wish": ", ".join(entries)})
    words = [word for word in action.split() if word.isalpha()]
    rows = {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    said = [entry for entry in entries if entry in rows]
    left = [entry for entry in entries if entry not in rows]
    wanted = f"said {', '.join(said)}; {', '.join(left) or 'nothing'}" if said else line(sheet, "wish")
    assert quote(sheet, "wish", "", action) == wanted


def test_lines_say_what_the_facts_say() -> None:
    assert line(SHEET, "at") == "cabinet 1"
    assert line(SHEET, "hand") == "holds; nothing"
    assert line(SHEET, "cabinet 1") == "here, open; apple 2 hot, mug 1"
    assert line(SHEET, "cabinet 2") == "closed; nothing"
    assert line(SHEET, "apple 2") == "in cabinet 1, hot, here"
    assert line(SHEET, "cabinet 9") == "none"


def test_the_line_of_a_kind_says_where_all_of_them_are() -> None:
    two = make_sheet({**dict(SHEET.facts), "mug 2": "in hand, clean"})
    assert line(two, "mug") == "mug 2 in hand, clean; mug 1 in cabinet 1, here"
    assert line(two, "mu") == line(two, "cabinet") == line(two, "") == "none"


def test_a_change_moves_a_thing_everywhere_at_once() -> None:
    after = with_changes(SHEET, [("apple 2", "in hand, hot"), ("cabinet 1", "closed")])
    assert line(after, "hand") == "holds; apple 2 hot"
    assert line(after, "cabinet 1") == "here, closed; mug 1"


@pytest.mark.parametrize(
    "change",
    [
        ("cabinet 7", "open"),
        ("mug 9", "in hand"),
        ("mug 1", "in cabinet 7"),
        ("at", "sofa 1"),
        ("mug 1", "open"),
        ("cabinet 1", "in cabinet 2"),
        ("mug 1", "in apple 2"),
        ("mug 1", "in at"),
        ("at", "hand"),
        ("at", "at"),
    ],
)
def test_a_change_cannot_make_up_keys_or_places(change: tuple[str, str]) -> None:
    with pytest.raises(InvalidDreamError, match="no such key or place"):
        with_changes(SHEET, [change])


def test_unseen_places_are_the_ones_to_imagine() -> None:
    assert unseen_places(SHEET) == ["shelf 1"]


@pytest.mark.parametrize(
    "text",
    [
        "closed",
        "closed;\nroom: closed; mug 1",
        "; mug 1",
        "closed; a mug",
        "closed; mug 1, mug 1",
        "",
        "in shelf 1; mug 1",
        "unseen; mug 1",
    ],
)
def test_a_malformed_line_is_refused(text: str) -> None:
    with pytest.raises(InvalidDreamError):
        parse_line("cabinet 1", text)


NAMES = st.builds("{} {}".format, st.sampled_from(["mug", "apple", "pen"]), st.integers(1, 12))
MARKS = st.sampled_from(["", ", hot", ", cool, clean", ", on"])


@given(st.dictionaries(NAMES, MARKS, max_size=8), st.sampled_from(["open", "closed", "surface"]))
def test_a_line_and_its_facts_say_the_same(things: dict[str, str], status: str) -> None:
    facts = {"shelf 1": status, **{name: f"in shelf 1{marks}" for name, marks in things.items()}}
    sheet = make_sheet({"at": "middle", "hand": "holds", **facts})
    assert parse_line("shelf 1", line(sheet, "shelf 1")) == facts
    listed = [entry for entry in line(sheet, "shelf 1").partition("; ")[2].split(", ") if entry != "nothing"]
    assert [" ".join(entry.split()[:2]) for entry in listed] == sorted(things, key=natural_order)
    assert places(sheet) == ["shelf 1"]


@pytest.mark.parametrize(
    ("check", "without_ground"),
    [
        ("apple yes, cabinet yes", []),
        ("apple yes, shelf yes, two yes", ["shelf"]),  # named, but not quoted
        ("mug yes, cabinet yes", ["mug"]),  # quoted, but not named
        ("apple no, shelf no", []),
        ("hot yes", []),
        ("", []),
    ],
)
def test_what_no_quote_speaks_of_cannot_be_said_to_hold(check: str, without_ground: list[str]) -> None:
    quoted = ["apple 2", "cabinet 1", "apple", "mug 1"]
    assert unfounded(SHEET, quoted, check, "put two apple in shelf or cabinet.") == without_ground
