"""A dreamed turn and a dreamed episode beside what the real world answers to the same actions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from dreamgym.core.data_structures import Origin, StopReason, Trajectory, Transition

_WORD = re.compile(r"\w+")
ENDED = "(the real episode is over)"  # the answer to what a dream goes on with
REFUSAL = "Nothing happens."  # where words alone tell that an action was refused, these are ALFWorld's


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedTurn:
    """One dreamed turn beside what the real engine answers to the same actions.

    ``real_valid`` and ``dreamed_valid`` say whether the action worked, where the words of the answer do not.
    """

    action: str
    dreamed_state: str
    real_state: str
    dreamed_reward: float
    real_reward: float
    first_look: bool = False  # shows what nobody has seen before
    real_valid: bool | None = None
    dreamed_valid: bool | None = None

    @property
    def verb(self) -> str:
        """The action's type, its first word: ``click`` of ``click[buy now]``."""
        word = _WORD.search(self.action)
        return word[0] if word else "nothing"

    @property
    def exact(self) -> bool:
        """The next state, word for word."""
        return self.dreamed_state == self.real_state

    @property
    def invalid(self) -> bool:
        """The real world refuses the action."""
        return self.real_state == REFUSAL if self.real_valid is None else not self.real_valid

    @property
    def refused(self) -> bool:
        """The dream refuses the action."""
        return self.dreamed_state == REFUSAL if self.dreamed_valid is None else not self.dreamed_valid

    @property
    def false_win(self) -> bool:
        """The dream pays where the real world does not."""
        return self.dreamed_reward > 0 >= self.real_reward


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedEpisode:
    """A dreamed episode and its replay."""

    turns: tuple[JudgedTurn, ...]
    dreamed_success: bool
    real_success: bool

    @property
    def agrees(self) -> bool:
        """The dreamed and the real episode, from the same sheet and actions, have the same outcome."""
        return self.dreamed_success == self.real_success

    @property
    def first_wrong(self) -> int | None:
        """The number of the first turn that the real world answers or pays differently."""
        wrong = (n for n, t in enumerate(self.turns) if not t.exact or t.dreamed_reward != t.real_reward)
        return next(wrong, None)

    @property
    def until_wrong(self) -> tuple[JudgedTurn, ...]:
        """The turns up to the first wrong one, that one included: what follows it follows from it."""
        return self.turns if self.first_wrong is None else self.turns[: self.first_wrong + 1]


def as_real(trajectory: Trajectory, judged: JudgedEpisode) -> Trajectory:
    """What really happened where ``trajectory`` was dreamed, up to the real end: real turns to keep."""
    turns: list[Transition] = []
    state = trajectory.transitions[0].state
    for dreamed, turn in zip(trajectory.transitions, judged.turns, strict=True):
        if turn.real_state == ENDED:
            break
        won = turn.real_reward > 0
        turns.append(
            replace(
                dreamed,
                state=state,
                reward=turn.real_reward,
                next_state=turn.real_state,
                terminated=won,
                truncated=False,
                valid=not turn.invalid,
                reasoning="",
            )
        )
        state = turn.real_state
        if won:
            break
    ended = StopReason.TERMINATED if judged.real_success else StopReason.TURN_LIMIT
    return replace(
        trajectory,
        id=f"{trajectory.id}-replayed",
        origin=Origin.REAL,
        transitions=tuple(turns),
        stop_reason=ended,
    )
