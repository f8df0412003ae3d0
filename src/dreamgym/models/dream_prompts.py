"""What the experience model reads before it answers a turn (Eq. 4), in one of three contexts.

``quotes``, the default, shows the sheet's lines about the agent; what else decides the turn, the reasoning
quotes::

    task: put a clean mug in coffeemachine.
    like: open cabinet 2 -> You open the cabinet 2.       (the retrieved experiences d_1..d_k)
    at: cabinet 1
    hand: holds; nothing
    action: take mug 1 from cabinet 1

``sheet`` shows a whole sheet, and the turns since as the model wrote them; ``history``, the paper's, an
observation instead of the sheet. Both reach back to the start of the episode, or as many turns as
``reasoning_model.history`` says; what was retrieved stands before the action. Every field starts a line, and
untrusted text is kept on one line, so no text of the agent can forge a field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dreamgym.core.data_structures import Experience, Sheet
from dreamgym.models.sheet import AT, HAND, line, places

QUOTE = " ="
MAX_ACTION_CHARACTERS = 1_000  # a tool call with its arguments fits
MAX_LIKE_CHARACTERS = 80
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class PastTurn:
    """A turn that is over: the sheet and the observation before it, the action, the model's whole answer."""

    sheet: Sheet
    state: str
    action: str
    written: str

    @property
    def text(self) -> str:
        """The turn as a context shows it."""
        return f"{action_line(self.action)}{self.written}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """A dreamed episode so far."""

    turns: tuple[PastTurn, ...] = ()

    def after(self, turn: PastTurn) -> Past:
        """The past one turn later."""
        return Past(turns=(*self.turns, turn))

    def last(self, history: int | None) -> Past:
        """As far back as ``history`` turns; None is all of it."""
        return self if history is None else Past(turns=self.turns[max(0, len(self.turns) - history) :])


START = Past()


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


def likes(neighbours: Sequence[Experience]) -> str:
    """The retrieved experiences, a line each."""
    return "".join(map(_like, neighbours))


def _like(experience: Experience) -> str:
    outcome = one_line(experience.next_state)[:MAX_LIKE_CHARACTERS].split(". ")[0]
    return f"\nlike: {safe_action(experience.action)} -> {outcome}"


def turn_prompt(instruction: str, sheet: Sheet, action: str, neighbours: Sequence[Experience] = ()) -> str:
    """The context ``quotes``: this turn alone."""
    agent = "".join(f"\n{key}: {line(sheet, key)}" for key in (AT, HAND))
    return f"\ntask: {one_line(instruction)}{likes(neighbours)}{agent}{action_line(action)}"


def sheet_prompt(instruction: str, sheet: Sheet, past: Past = START) -> str:
    """The context ``sheet``, without the action: the sheet before ``past``, then its turns.

    ``sheet`` is the present one; it is shown where there is no past.
    """
    start = past.turns[0].sheet if past.turns else sheet
    agent = "".join(f"\n{key}: {line(start, key)}" for key in (AT, HAND))
    room = "".join(f"\n> {place}{QUOTE} {line(start, place)}" for place in places(start))
    return f"\ntask: {one_line(instruction)}{agent}{room}{_turns(past)}"


def history_prompt(instruction: str, state: str, past: Past = START) -> str:
    """The context ``history``, without the action: the observation before ``past``, then its turns.

    ``state`` is the present observation; it is shown where there is no past.
    """
    seen = past.turns[0].state if past.turns else state
    return f"\ntask: {one_line(instruction)}\nsees: {one_line(seen)}{_turns(past)}"


def _turns(past: Past) -> str:
    return "".join(turn.text for turn in past.turns)


def imagine_prompt(instruction: str, sheet: Sheet) -> str:
    """What the experience model reads before it imagines the lines of a sheet, in the order of its places."""
    return f"\ntask: {one_line(instruction)}\nroom: {', '.join(places(sheet))}"
