"""A dreamed episode played again in the real engine, built from the dream's own sheet: who was right?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamgym.core.data_structures import Origin, Sheet, StopReason, Trajectory, Transition
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.from_sheet import game_from_sheet
from dreamgym.environments.alfworld.hindsight import hindsight_sheet, without_unseen
from dreamgym.environments.alfworld.notes import NOTHING
from dreamgym.models.sheet import unseen_places


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
        """The action's type: its first word."""
        return (self.action.split() or ["nothing"])[0]

    @property
    def exact(self) -> bool:
        """The next state, word for word."""
        return self.dreamed_state == self.real_state

    @property
    def invalid(self) -> bool:
        """The real world refuses the action."""
        return self.real_state == NOTHING if self.real_valid is None else not self.real_valid

    @property
    def refused(self) -> bool:
        """The dream refuses the action."""
        return self.dreamed_state == NOTHING if self.dreamed_valid is None else not self.dreamed_valid

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


def replay(trajectory: Trajectory) -> JudgedEpisode:
    """Play a dreamed trajectory's actions in the real engine.

    Raises:
        ValueError: the trajectory has no sheet, so it was not dreamed.
    """
    world = World(game_from_sheet(trajectory.task, shown_sheet(trajectory)))
    world.reset()
    turns: list[JudgedTurn] = []
    won = False
    for transition in trajectory.transitions:
        outcome = world.step(transition.action.text)
        turns.append(
            JudgedTurn(
                action=transition.action.text,
                dreamed_state=transition.next_state,
                real_state=outcome.observation,
                dreamed_reward=transition.reward,
                real_reward=float(outcome.won and not won),
            )
        )
        won = won or outcome.won
    return JudgedEpisode(turns=tuple(turns), dreamed_success=trajectory.success, real_success=won)


def as_real(trajectory: Trajectory, judged: JudgedEpisode) -> Trajectory:
    """What really happened where ``trajectory`` was dreamed, up to the real end: real turns to keep."""
    turns: list[Transition] = []
    state = trajectory.transitions[0].state
    for dreamed, turn in zip(trajectory.transitions, judged.turns, strict=True):
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


def shown_sheet(trajectory: Trajectory) -> Sheet:
    """The sheet that a dream started from; what it left open, as its observations showed it later."""
    if trajectory.sheet is None:
        raise ValueError(f"trajectory {trajectory.id} has no sheet: only dreamed episodes can be replayed")
    if not unseen_places(trajectory.sheet):
        return trajectory.sheet
    return without_unseen(hindsight_sheet(trajectory), {})
