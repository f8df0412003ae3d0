"""Text that is put out: nothing of it is markup, nothing hides, nothing is lost."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from dreamgym.reports.visible import is_plain, shown
from hostile import HOSTILE, as_shown

BOX = re.compile(r'<span class="hidden">U\+([0-9A-F]{4,6})</span>')
ANY = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(HOSTILE)


@given(ANY)
def test_the_text_can_be_read_back(text: str) -> None:
    pieces = BOX.split(str(shown(text)))  # plain, code point, plain, …
    back = [html.unescape(p) if n % 2 == 0 else chr(int(p, 16)) for n, p in enumerate(pieces)]
    assert "".join(back) == text


@given(ANY)
def test_no_character_is_markup_or_hides(text: str) -> None:
    outside = BOX.sub("", str(shown(text)))
    assert not set("<>\"'") & set(outside)
    assert all(c in "\n\t" or c.isprintable() for c in outside)
    outside.encode("utf-8")


def test_what_people_read_is_left_alone() -> None:
    assert str(shown("Größe 3 → 7 µm, 東京 🙂 é\n\tnext")) == "Größe 3 → 7 µm, 東京 🙂 é\n\tnext"


def test_the_rule_in_other_words_says_the_same() -> None:
    for text in HOSTILE:
        assert html.unescape(re.sub("<[^>]*>", "", str(shown(text)))) == as_shown(text)


def test_blank_letters_and_selectors_are_no_space() -> None:
    assert not any(map(is_plain, "\u3164\ufe0f\u00a0\u2800\u115f\U000e0100"))
