"""From text to index terms as Lucene's English analyzer makes them, which is what the original searches with.

Words by the Unicode rules (UAX #29), an emoji being a word; without ``'s``; lower case; without stop words;
stemmed. The emoji are those of Unicode 11, as in the Lucene that the original runs: they count for the
length of a text, and so for its rank.
"""

from __future__ import annotations

import re

from dreamgym.environments.webshop.porter import stem

_STOP_WORDS = """
    a an and are as at be but by for if in into is it no not of on or such that the their then there
    these they this to was will with
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
LONGEST = 255  # characters; a longer word is cut into several
POSSESSIVE = ("'s", "’s", "＇s")

_NUMBERLIKE = "²³¹¼-¾⁰-₉⅐-⅟①-⒛⓪-⓿❶-➓"  # Python calls them alphanumeric, Unicode's word rules do not
_SINGLE = "\u3041-\u3096\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # each of these is a word
_LETTER = rf"[^\W\d_{_NUMBERLIKE}{_SINGLE}]"
_MARKS = "\u0300-\u036f\u200d\ufe0f"
_IN_WORDS, _IN_NUMBERS = ":·.'’‘‧：︓﹕․﹒．＇", ".,;'’‘，；︐︔﹐﹔․﹒．＇"
_PICTURES = (
    "‼⁉ℹ↔-↙↩↪⌚⌛⌨⎈⏏⏩-⏳⏸-⏺Ⓜ▪▫▶◀◻-◾☀-★☇-☒☔-⚅⚐-✅✈-✒✔✖✝✡✨✳✴❄❇❌❎❓-❕❗❣-❧➕-➗➡➰➿⤴⤵⬅-⬇⬛⬜⭐⭕㊗㊙"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171\U0001f17e\U0001f17f\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f1ad-\U0001f1e5\U0001f201-\U0001f20f\U0001f21a\U0001f22f"
    "\U0001f232-\U0001f23a\U0001f23c-\U0001f23f\U0001f249-\U0001f3fa\U0001f400-\U0001f53d"
    "\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f774-\U0001f77f\U0001f7d5-\U0001f7ff"
    "\U0001f80c-\U0001f80f\U0001f848-\U0001f84f\U0001f85a-\U0001f85f\U0001f888-\U0001f88f"
    "\U0001f8ae-\U0001f8ff\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001fffd"
)
_EMOJI = re.compile(
    rf"[{_PICTURES}][\U0001f3fb-\U0001f3ff\ufe0f]*(?:\u200d[{_PICTURES}][\U0001f3fb-\U0001f3ff\ufe0f]*)*"
    "|[\U0001f1e6-\U0001f1ff]{2}"
)
_WORD = re.compile(
    rf"{_EMOJI.pattern}|[{_SINGLE}]"
    rf"|(?:(?:{_LETTER}|[\d_{_MARKS}])+|(?<={_LETTER})[{_IN_WORDS}](?={_LETTER})|(?<=\d)[{_IN_NUMBERS}](?=\d))+"
)


def terms(text: str) -> list[str]:
    """The index terms of a text, in order, repeated ones too."""
    found = []
    for word in _WORD.findall(text.lower()):
        if len(word) > LONGEST:
            found += [word[start : start + LONGEST] for start in range(0, len(word), LONGEST)]
            continue
        if word.endswith(POSSESSIVE):
            word = word[:-2]
        if word not in STOP_WORDS and word.strip("_\u200d\ufe0f"):
            found.append(stem(word))
    return found
