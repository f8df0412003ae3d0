"""What an action says, and what a name in braces means by it: texts go where they are named, none is spelt.

``{ [2] }`` is the action's second argument, ``{ words }`` what it says in plain words, and in a key
``{ at }`` is the value of the line ``at``: at ``b07``, ``{ [1] } in { at } options`` asks of ``click[green]``
whether ``green`` is in ``b07 options``. What is put in for a name is not read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dreamgym.models.slots import EMPTY

NAMED_TEXT = re.compile(r"\{ ([^{}|\n]+) \}")
NUMBER = re.compile(r"\[(\d+)\]")
WORDS = "words"
WHOLE_TASK = "*"  # what is said in plain words never looks like this
LONGEST = 200  # characters of an argument
MOST_WORDS = 24
_PLAIN = re.compile(r"[a-z0-9]+")
_BRACKETED = re.compile(r"\w+\[(.+)\]")
_ARGUMENT = re.compile(
    r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(?<![\w.])((?:[a-z]+ )?\d+)(?![\w.])", re.DOTALL
)


def arguments(action: str) -> list[str]:
    """What an action is given, in order: texts in quotes, names and whole numbers, on one line each.

    ``verb[text]`` is given its text as it stands, in lower case. A ``[7]`` in a text is written ``(7)``: it
    would be another entry of the hand.
    """
    if bracketed := _BRACKETED.match(action):
        return [_unnumbered(bracketed[1].lower())]
    found = (next((text for text in match if text), "") for match in _ARGUMENT.findall(action))
    plain = (_unnumbered(re.sub(r"\\(.)", r"\1", text)) for text in found)
    return [" ".join(text.split())[:LONGEST] or EMPTY for text in plain]


def _unnumbered(text: str) -> str:
    return NUMBER.sub(r"(\1)", text)


def plain_words(text: str, instruction: str = "") -> str:
    """The words of a text, however it is written; the whole ``instruction`` has a short name."""
    if instruction and text.lower() == instruction.lower():
        return WHOLE_TASK
    return " ".join(_PLAIN.findall(text.lower())[:MOST_WORDS]) or EMPTY


def said_by(name: str, said: Sequence[str], instruction: str) -> str | None:
    """What the name of an argument, or of the words of all, means; None where it is another name."""
    if name == WORDS and said:
        return plain_words(" ".join(said), instruction)
    number = NUMBER.fullmatch(name)
    return said[int(number[1]) - 1] if number and 0 < int(number[1]) <= len(said) else None


def key_meant(key: str, action: str, instruction: str, value: Callable[[str], str | None]) -> str:
    """``key`` with what it names put in; ``value`` gives that of a line. Other names stay as they are."""
    if "{" not in key:
        return key
    said = arguments(action)

    def put(match: re.Match[str]) -> str:
        meant = said_by(match[1], said, instruction)
        meant = value(match[1]) if meant is None else meant
        return match[0] if meant is None else meant

    return NAMED_TEXT.sub(put, key)


def named(key: str) -> str:
    """How an answer or a key names a line, or an argument: ``[2]``."""
    return f"{{ {key} }}"
