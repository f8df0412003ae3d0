"""Porter's stemmer, as Lucene has it: the algorithm of 1980 with its author's three later departures.

Words of one or two letters stay as they are, ``bli`` is read for ``abli``, and ``logi`` becomes ``log``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

Rules = Sequence[tuple[str, str]]

DERIVED: Rules = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
    ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
    ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"),
    ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
    ("logi", "log"),
)  # fmt: skip
REFINED: Rules = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
    ("ness", ""),
)  # fmt: skip
DROPPED = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "sion", "tion",
    "ou", "ism", "ate", "iti", "ous", "ive", "ize",
)  # fmt: skip


@lru_cache(maxsize=2**17)
def stem(word: str) -> str:
    """The stem of a lower-case word."""
    if len(word) < 3:
        return word
    word = _verb_form(_plural(word))
    if word.endswith("y") and "v" in _shape(word[:-1]):
        word = word[:-1] + "i"
    word = _replace(_replace(word, DERIVED), REFINED)
    return _final_letters(_drop(word))


def _plural(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _verb_form(word: str) -> str:
    """Without ``eed``, ``ed`` or ``ing``, its end mended: hopping, hop; filing, file."""
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    ending = "ed" if word.endswith("ed") else "ing" if word.endswith("ing") else ""
    left = word.removesuffix(ending)
    if not ending or "v" not in _shape(left):
        return word
    if left.endswith(("at", "bl", "iz")):
        return left + "e"
    if _ends_in_double(left):
        return left if left[-1] in "lsz" else left[:-1]
    return left + "e" if _measure(left) == 1 and _ends_short(left) else left


def _replace(word: str, rules: Rules) -> str:
    """The first rule whose ending the word has, if anything is left to carry it."""
    for ending, instead in sorted(rules, key=lambda rule: -len(rule[0])):
        if word.endswith(ending):
            left = word[: -len(ending)]
            return left + instead if _measure(left) else word
    return word


def _drop(word: str) -> str:
    """Without a suffix that a long enough stem does not need."""
    for ending in sorted(DROPPED, key=len, reverse=True):
        if word.endswith(ending):
            left = word[: -len(ending)] + (ending[0] if ending in ("sion", "tion") else "")
            return left if _measure(left) > 1 else word
    return word


def _final_letters(word: str) -> str:
    measure = _measure(word)
    if word.endswith("e") and (measure > 1 or (measure == 1 and not _ends_short(word[:-1]))):
        word = word[:-1]
    return word[:-1] if measure > 1 and word.endswith("ll") else word


def _shape(word: str) -> str:
    """``c`` or ``v`` a letter; a y is a vowel after a consonant."""
    shape = ""
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and shape.endswith("c"))
        shape += "v" if vowel else "c"
    return shape


def _measure(word: str) -> int:
    """How many times a consonant follows a vowel."""
    return _shape(word).count("vc")


def _ends_in_double(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _shape(word)[-1] == "c"


def _ends_short(word: str) -> bool:
    """Consonant, vowel, consonant other than w, x, y."""
    return _shape(word).endswith("cvc") and word[-1] not in "wxy"
