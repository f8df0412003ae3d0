"""A dreamed episode played again in the real engine, built from the dream's own sheet: who was right?"""

from __future__ import annotations

from dreamgym.core.data_structures import Sheet, Trajectory
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


def shown_sheet(trajectory: Trajectory) -> Sheet:
    """The sheet that a dream started from; what it left open, as its observations showed it later."""
    if trajectory.sheet is None:
        raise ValueError(f"trajectory {trajectory.id} has no sheet: only dreamed episodes can be replayed")
    if not unseen_places(trajectory.sheet):
        return trajectory.sheet
    return without_unseen(hindsight_sheet(trajectory), {})
