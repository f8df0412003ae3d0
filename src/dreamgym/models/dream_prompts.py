"""What the experience model reads before it answers a turn (Eq. 4), in one of three contexts.

``quotes``, the default, shows the sheet's lines about the agent; what else decides the turn, the reasoning
quotes::

    task: put a clean mug in coffeemachine.
    like: open cabinet 2 -> You open the cabinet 2.       (the retrieved experiences d_1..d_k)
    at: cabinet 1
    hand: holds; nothing
    action: take mug 1 from cabinet 1

``sheet`` shows the whole sheet that the episode started from, and every turn since as the model wrote it;
``history``, the paper's, the first observation instead of a sheet. Every field starts a line, and untrusted
text is kept on one line, so no text of the agent can forge a field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dreamgym.core.data_structures import Experience, Sheet, Task
from dreamgym.models.sheet import AT, HAND, line, places

QUOTE = " ="
MAX_ACTION_CHARACTERS = 1_000  # a tool call with its arguments fits
MAX_LIKE_CHARACTERS = 80
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """A dreamed episode so far: the sheet it started from, and its turns as they were read and written."""

    start: Sheet
    turns: tuple[str, ...] = ()

    def after(self, action: str, written: str) -> Past:
        """The past one turn later; ``written`` is the model's whole answer."""
        return replace(self, turns=(*self.turns, f"{action_line(action)}{written}"))


def one_line(text: str) -> str:
    """``text`` with its line breaks escaped; what was escaped before stays distinguishable."""
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


def many_lines(text: str) -> str:
    """The inverse of :func:`one_line`."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m.group(1), m.group(1)), text)


def safe_action(text: str) -> str:
    """An agent's action as one printable line of bounded length: it may say anything and forge nothing."""
    return printable(text)[:MAX_ACTION_CHARACTERS].strip()


def printable(text: str) -> str:
    """``text`` as one line: a stretch of line breaks and other control characters is a space."""
    return _CONTROL.sub(" ", text)


def action_line(action: str) -> str:
    """The last line of every prompt."""
    return f"\naction: {safe_action(action)}"


def _like(experience: Experience) -> str:
    outcome = one_line(experience.next_state)[:MAX_LIKE_CHARACTERS].split(". ")[0]
    return f"\nlike: {safe_action(experience.action)} -> {outcome}"


def turn_prompt(instruction: str, sheet: Sheet, action: str, neighbours: Sequence[Experience] = ()) -> str:
    """The context ``quotes``: this turn alone."""
    likes = "".join(_like(experience) for experience in neighbours)
    agent = "".join(f"\n{key}: {line(sheet, key)}" for key in (AT, HAND))
    return f"\ntask: {one_line(instruction)}{likes}{agent}{action_line(action)}"


def sheet_prompt(instruction: str, past: Past) -> str:
    """The context ``sheet``, without the action: the sheet at the start, then the turns since."""
    agent = "".join(f"\n{key}: {line(past.start, key)}" for key in (AT, HAND))
    room = "".join(f"\n> {place}{QUOTE} {line(past.start, place)}" for place in places(past.start))
    return f"\ntask: {one_line(instruction)}{agent}{room}{''.join(past.turns)}"


def history_prompt(task: Task, past: Past) -> str:
    """The context ``history``, without the action: the first observation, then the turns since."""
    return f"\ntask: {one_line(task.instruction)}\nsees: {one_line(task.opening)}{''.join(past.turns)}"


def imagine_prompt(instruction: str, sheet: Sheet) -> str:
    """What the experience model reads before it imagines the lines of a sheet, in the order of its places."""
    return f"\ntask: {one_line(instruction)}\nroom: {', '.join(places(sheet))}"
