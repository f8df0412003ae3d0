"""The experience model's answer (Eq. 4): the reasoning R_t, then the next state and the reward.

The reasoning is quotes of the sheet and the verdict; what is put down is also quoted by its kind (``> mug =
named, mug 2 in hand; mug 1 in shelf 1, here``), and where the task may be done by it, its conditions are
checked (``task: mug yes, shelf yes, two no``)::

    > mug 1 = named, in cabinet 1, here
    > cabinet 1 = here, open; mug 1
    ok
    next: You pick up the mug 1 from the cabinet 1.
    set mug 1: in hand
    reward: 0
    done: no

Every field starts a line; an answer is read strictly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dreamgym.core.data_structures import Sheet
from dreamgym.core.errors import InvalidDreamError
from dreamgym.models.dream_prompts import QUOTE, many_lines, one_line, printable

BECAUSE = "because"  # the key of reasoning in a teacher's own words
FAIL = "\nfail"
ENDS = ("\ndone: no", "\ndone: yes")
LINE_END = "\nend"

_QUOTE_LINE = re.compile(r"\n> ([^\n=]+) =$")
_QUOTES = re.compile(r"(?P<quotes>(?:\n> [^\n=]+ = [^\n]+)*)(?P<rest>\n(?:ok|fail)\n.*)", re.DOTALL)
_QUOTED = re.compile(r"\n> ([^\n=]+) = ([^\n]+)")
_ANSWER = re.compile(
    r"\n(?P<verdict>ok|fail)"
    r"\nnext: (?P<next>[^\n]*)"
    r"(?P<changes>(?:\nset [^:\n]+: [^\n]+)*)"
    r"(?:\ntask: (?P<check>[^\n]+))?"
    r"\nreward: (?P<reward>[01])"
    r"\ndone: (?P<done>no|yes)"
)
_CHANGE = re.compile(r"\nset ([^:\n]+): ([^\n]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A parsed answer: the verdict on the action, the next state, changed lines, reward and done.

    ``check`` is the reasoning behind the reward, condition by condition; empty where nothing could be won.
    """

    valid: bool
    next_state: str
    changes: tuple[tuple[str, str], ...]
    reward: float
    done: bool
    check: str = ""


Quote = tuple[str, str]  # a key, and what its quote says


@dataclass(frozen=True, kw_only=True, slots=True)
class DreamedTurn:
    """One answer of the experience model: reasoning R_t, next state, reward, done, and the sheet after it.

    ``written`` is the whole answer as the model's context holds it; ``beyond`` says that the turn stands on a
    line that nobody knows, so that the answer is a guess.
    """

    reasoning: str
    answer: Answer
    sheet: Sheet
    written: str
    beyond: bool = False


def render_quotes(quotes: Iterable[Quote]) -> str:
    """The lines of the reasoning's quotes."""
    return "".join(f"\n> {key}{QUOTE} {fact}" for key, fact in quotes)


def render_reasoning(text: str, *, valid: bool) -> str:
    """R* in a teacher's words with the turn's verdict, in the form that a dream's R_t has."""
    words = " ".join(printable(text).split())
    return f"{render_quotes([(BECAUSE, words)])}\n{'ok' if valid else 'fail'}"


def told_quotes(reasoning: str) -> tuple[Quote, ...]:
    """The quotes of a transition's reasoning; words in no form of ours are one quote."""
    quotes = tuple(_QUOTED.findall(reasoning))
    words = printable(reasoning).strip()
    return quotes or (((BECAUSE, words),) if words else ())


def split_quotes(text: str) -> tuple[list[Quote], str]:
    """The quotes that the model wrote by itself, and the rest of its answer.

    Raises:
        InvalidDreamError: there is no verdict after them.
    """
    match = _QUOTES.fullmatch(text)
    if match is None:
        raise InvalidDreamError(f"the dream answered {text[:200]!r}, wanted quotes, then ok|fail")
    return _QUOTED.findall(match["quotes"]), match["rest"]


def quoted_key(text: str) -> str:
    """The key that a generated quote line asks for.

    Raises:
        InvalidDreamError: the text before `` =`` is not a quote line.
    """
    match = _QUOTE_LINE.fullmatch(text)
    if match is None:
        raise InvalidDreamError(f"the dream quotes with {text!r}, wanted a line '> KEY ='")
    return match.group(1)


def parse_answer(text: str) -> Answer:
    """Read the answer that follows the quotes, strictly.

    Raises:
        InvalidDreamError: a field is missing, doubled, out of order or contradicts another.
    """
    match = _ANSWER.fullmatch(text)
    if match is None:
        raise InvalidDreamError(
            f"the dream answered {text[:200]!r}, wanted ok|fail, next, set…, reward, done in order"
        )
    answer = Answer(
        valid=match["verdict"] == "ok",
        next_state=many_lines(match["next"]),
        changes=tuple(_CHANGE.findall(match["changes"])),
        reward=float(match["reward"]),
        done=match["done"] == "yes",
        check=match["check"] or "",
    )
    if (answer.reward > 0) != answer.done or (not answer.valid and (answer.changes or answer.done)):
        raise InvalidDreamError(
            f"the dream contradicts itself: {text[:200]!r} (a failed action changes nothing)"
        )
    return answer


def render_answer(answer: Answer) -> str:
    """The inverse of :func:`parse_answer`."""
    changes = "".join(f"\nset {key}: {value}" for key, value in answer.changes)
    check = f"\ntask: {answer.check}" if answer.check else ""
    return (
        f"\n{'ok' if answer.valid else 'fail'}\nnext: {one_line(answer.next_state)}{changes}{check}"
        f"\nreward: {int(answer.reward)}\ndone: {'yes' if answer.done else 'no'}"
    )
