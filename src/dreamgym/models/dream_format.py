"""The experience model's language (Eq. 4): what it reads for a turn, and what its answer must look like.

A turn is read as::

    task: put a clean mug in coffeemachine.
    like: open cabinet 2 -> You open the cabinet 2.       (the retrieved experiences d_1..d_k)
    at: cabinet 1                                         (the sheet's lines about the agent)
    hand: holds; nothing
    action: take mug 1 from cabinet 1

and answered by the reasoning R_t (quotes of the sheet, then the verdict), the next state and the reward;
what is put down is also quoted by its kind (``> mug = named, mug 2 in hand; mug 1 in shelf 1, here``), and
where the task may be done by it, its conditions are checked (``task: mug yes, shelf yes, two no``)::

    > mug 1 = named, in cabinet 1, here
    > cabinet 1 = here, open; mug 1
    ok
    next: You pick up the mug 1 from the cabinet 1.
    set mug 1: in hand
    reward: 0
    done: no

Every field starts a line, and untrusted text is kept on one line, so no text of the agent can forge a field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dreamgym.core.data_structures import Experience, Sheet
from dreamgym.core.errors import InvalidDreamError
from dreamgym.models.sheet import AT, HAND, line, places

QUOTE = " ="
FAIL = "\nfail"
ENDS = ("\ndone: no", "\ndone: yes")
LINE_END = "\nend"
MAX_ACTION_CHARACTERS = 200
MAX_LIKE_CHARACTERS = 80

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUOTE_LINE = re.compile(r"\n> ([^\n=]+) =$")
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


def one_line(text: str) -> str:
    """``text`` with its line breaks escaped; what was escaped before stays distinguishable."""
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


def many_lines(text: str) -> str:
    """The inverse of :func:`one_line`."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m.group(1), m.group(1)), text)


def safe_action(text: str) -> str:
    """An agent's action as one printable line of bounded length: it may say anything and forge nothing."""
    return _CONTROL.sub(" ", text)[:MAX_ACTION_CHARACTERS].strip()


def _like(experience: Experience) -> str:
    outcome = one_line(experience.next_state)[:MAX_LIKE_CHARACTERS].split(". ")[0]
    return f"\nlike: {safe_action(experience.action)} -> {outcome}"


def turn_prompt(
    instruction: str,
    sheet: Sheet,
    action: str,
    neighbours: Sequence[Experience] = (),
    history: Sequence[tuple[str, str]] = (),
) -> str:
    """What the experience model reads before it answers a turn."""
    likes = "".join(_like(experience) for experience in neighbours)
    past = "".join(f"\nthen: {safe_action(a)} -> {one_line(s)}" for a, s in history)
    agent = "".join(f"\n{key}: {line(sheet, key)}" for key in (AT, HAND))
    return f"\ntask: {one_line(instruction)}{likes}{past}{agent}\naction: {safe_action(action)}"


def imagine_prompt(instruction: str, sheet: Sheet) -> str:
    """What the experience model reads before it imagines the lines of a sheet, in the order of its places."""
    return f"\ntask: {one_line(instruction)}\nroom: {', '.join(places(sheet))}"


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
