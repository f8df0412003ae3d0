"""Lines with slots and look-ups, filled by hand."""

from __future__ import annotations

import pytest

from dreamgym.models.quoting import entries_said, quote
from dreamgym.models.sheet import AT, HAND, make_sheet
from dreamgym.models.slots import look_up, slot, with_lines, with_slots

LINES = {"find red lamp": "page 3", "page 7 sends oslo - empty": "page 4, goal"}
FIND, SEND = look_up(f"find {slot('[6]', '', '')}"), look_up(
    f"page 7 sends {slot('[6]', '', 'oslo')} - {slot('[8]', '', '')}"
)


@pytest.mark.parametrize(
    ("line", "hand", "found"),
    [
        (FIND, "blank [6] red lamp", "page 3"),
        (FIND, "blank [6] blue [6] red lamp", "page 3"),
        (FIND, "blank [6] blue lamp", "unknown"),
        (FIND, "blank [6] red: lamp", "unknown"),
        (SEND, "blank", "page 4, goal"),
        (SEND, "blank [8] now", "unknown"),
        ("no look-up {6}", "blank", "no look-up {6}"),
    ],
)
def test_a_look_up_finds_the_line_of_what_the_hand_makes(line: str, hand: str, found: str) -> None:
    assert with_lines(f"button, {line}", hand, LINES.get) == f"button, {found}"


def test_a_text_in_the_hand_is_no_look_up_of_its_own() -> None:
    forged = f"blank [6] {look_up('page 7 sends oslo - empty')}"
    assert with_lines(FIND, forged, LINES.get) == "unknown"
    assert with_slots(slot("[6]", " - ", ""), forged).startswith(" - {")


def test_a_quote_says_what_its_look_up_finds_in_the_sheet() -> None:
    sheet = make_sheet({AT: "page 7", HAND: "blank [6] red lamp", "page 7 [7]": f"button, {FIND}", **LINES})
    assert quote(sheet, "page 7 [7]", "buy it", "click('7')") == "button, page 3; nothing"


@pytest.mark.parametrize(
    ("entry", "action", "is_said"),
    [
        ("say 60 50 .", "say('60.50')", True),
        ("say 60 50 .", "say('60.50 dollars')", False),
        ("say 60 50 .", "say('it is 60.50')", False),
        ("60 50", "say('it is 60.50 now')", True),
        ("60 50", "say('160.50')", False),
    ],
)
def test_an_entry_with_a_full_stop_is_said_last(entry: str, action: str, is_said: bool) -> None:
    assert bool(entries_said(entry, action)[0]) is is_said
