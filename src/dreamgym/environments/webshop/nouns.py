"""Which words of a product's title are nouns, without a tagger.

The original asks a tagger (spaCy), which takes nearly every word of a title for a noun, since titles are
written in capitals: what it leaves out are function words, numbers and a few others. So does this.
``docs/webshop.md`` says where the two differ.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NOT_NOUNS = """
    a an the this that these those each every all any some no both either neither another
    of in on at by for from with without within into onto over under up out off to through against between
    behind below above after before during per via than as like about around across along
    and or nor but so yet if because while when
    i you he she it we they me him her us them my your his its our their mine yours own who whom whose which
    is are was were be been being am do does did has have had can could will would shall should may might must
    not very too also only just more most well fully really etc what
    one two three four five six seven eight nine ten x
    made make makes designed include includes included including based inspired used full comfortable led
"""
NOT_NOUNS = frozenset(_NOT_NOUNS.split())
_WORD = re.compile(r"[^\W_](?:[\w'’-]*[^\W_])?")
_NUMBER = re.compile(r"[\d-]+")


@lru_cache(maxsize=8192)
def nouns(title: str) -> tuple[str, ...]:
    """The nouns of a title in lower case, repeated ones too; a word with a hyphen is one word."""
    words = _WORD.findall(title.lower())
    return tuple(word for word in words if word not in NOT_NOUNS and not _NUMBER.fullmatch(word))
