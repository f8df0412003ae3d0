"""A dreamed episode beside the real shop of its task, which the dream started from in truth."""

from __future__ import annotations

from pathlib import Path

from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.judged import ENDED, JudgedEpisode, JudgedTurn
from dreamgym.environments.webshop.panels import world_of
from dreamgym.environments.webshop.session import Session


def replay(trajectory: Trajectory, data_dir: Path | None = None) -> JudgedEpisode:
    """Play a dreamed trajectory's actions in the shop of its task, up to the end there.

    Only a purchase of all that was wanted is paid, as in the dream.
    """
    session = Session(*world_of(trajectory.task, data_dir))
    turns: list[JudgedTurn] = []
    for transition in trajectory.transitions:
        over = session.state.bought is not None
        valid = not over and session.act(transition.action.text)
        bought = session.state.bought
        won = not over and bought is not None and bought.reward == 1.0
        turns.append(
            JudgedTurn(
                action=transition.action.text,
                dreamed_state=transition.next_state,
                real_state=ENDED if over else session.text(),
                dreamed_reward=float(transition.reward >= 1.0),
                real_reward=float(won),
                real_valid=valid,
                dreamed_valid=transition.valid,
            )
        )
    won = session.state.bought is not None and session.state.bought.reward == 1.0
    return JudgedEpisode(turns=tuple(turns), dreamed_success=trajectory.success, real_success=won)
