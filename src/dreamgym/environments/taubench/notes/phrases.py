"""The fixed stretches of the shop's texts, one token each; names, numbers and what differs stay words.

A stretch with a customer's name in it would be another word for that name, and nothing could be copied by it.
"""

from __future__ import annotations

from dreamgym.environments.taubench.notes.facts import CUSTOMER, HINT, LINES, NEXT, THOUGHT, WISH
from dreamgym.environments.taubench.players import QUESTIONS
from dreamgym.environments.taubench.shop_script import LABELS, WISHES
from dreamgym.environments.taubench.shop_tools import POLICY
from dreamgym.environments.taubench.user import STOP
from dreamgym.models.sheet import AT
from dreamgym.models.shown_lines import WAS
from dreamgym.models.spoken import named

_ASKED = ("what is your name and code?", "may i", "i cannot do that.", "done", *QUESTIONS.values())
_SAID = (
    "customer:",
    "hello,",
    "hello, what a day! i am",
    "i am",
    "i want to",
    "and i want to",
    "yes.",
    "thank you.",
    "i do not understand.",
    "no, that is not what i want.",
    "no, sorry, i mean",
    "i do not know the number.",
    "is in it.",
    f"that takes too long. {STOP}",
    STOP,
)
_TOLD = (
    "in stock",
    "in stock:",
    "is cancelled.",
    "is returned.",
    "is exchanged for",
    "goes to",
    "is paid with",
    "more credit.",
    "days ago",
    "of another",
    "at first",
    "a human takes over.",
    POLICY,
)
_REFUSED = (
    "Error:",
    "that is no call.",
    "find the user first.",
    "ask first: may i CALL?",
    "is written like this:",
    "is not of",
    "there is no",
    "no user",
    "had its credit.",
)
_NAMED = (
    *(f"[{number}]" for number in (1, 2, 3)),
    *(f"{key} [{number}]" for key in (WISH, THOUGHT) for number in (1, 2, 3)),
    *(CUSTOMER, HINT, AT, *NEXT.values(), f"{WAS}{CUSTOMER} [5]"),
)
_FORMS = [form.example for form in LINES.values()]
PHRASES = tuple(
    sorted(
        {
            *(f" {text}" for text in (*_SAID, *_TOLD, *_REFUSED, *WISHES.values(), *LINES, *_FORMS)),
            *(f" {named(key)}" for key in _NAMED),
            *(f" {label.strip()}" for label in LABELS.values()),
            *(f" respond {text}" for text in _ASKED),
        },
        key=lambda phrase: (-len(phrase), phrase),
    )
)
