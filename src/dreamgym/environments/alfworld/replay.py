"""A dreamed episode played again in the real engine, built from the dream's own sheet: who was right?"""

from __future__ import annotations

from dataclasses import replace

from dreamgym.core.data_structures import Origin, Sheet, StopReason, Trajectory, Transition
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.from_sheet import game_from_sheet
from dreamgym.environments.alfworld.hindsight import hindsight_sheet, without_unseen
from dreamgym.environments.judged import JudgedEpisode, JudgedTurn
from dreamgym.models.sheet import unseen_places


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
