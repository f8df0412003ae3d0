"""Text that hides nothing: what a reader would not see, or would see elsewhere, is named where it stands."""

from __future__ import annotations

import unicodedata

from markupsafe import Markup, escape

# Printable to Python, yet without a picture of their own.
_BLANK = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", "\u17b4", "\u17b5"}
_NAMED = Markup('<span class="hidden">U+{:04X}</span>')
_MOST_MARKS = 2  # on one letter; a pile of them covers the lines around


def shown(text: str) -> Markup:
    """``text`` as HTML: everything escaped, hidden characters as their code points in a box.

    Line breaks and tabs stay; control characters, bidi overrides, zero-width characters, lone surrogates and
    piles of combining marks do not.
    """
    pieces, plain, marks = [], [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if is_plain(character) and marks <= _MOST_MARKS:
            plain.append(character)
            continue
        pieces += [escape("".join(plain)), _NAMED.format(ord(character))]
        plain = []
    return Markup("").join([*pieces, escape("".join(plain))])


def is_plain(character: str) -> bool:
    """Whether a reader sees ``character`` as what it is, where it is."""
    if character in "\n\t ":
        return True
    is_selector = 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF
    return character.isprintable() and character not in _BLANK and not is_selector
