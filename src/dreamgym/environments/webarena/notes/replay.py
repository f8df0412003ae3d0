"""A dreamed episode of our own site beside the real one of its task, which it started from in truth."""

from __future__ import annotations

from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.judged import ENDED, JudgedEpisode, JudgedTurn
from dreamgym.environments.webarena.panels import spec_of
from dreamgym.environments.webarena.still.still_episode import Said, StillEpisode

OVER = Said(text=ENDED, valid=False, over=True)


def replay(trajectory: Trajectory) -> JudgedEpisode:
    """Play a dreamed trajectory's actions on the site of its task, up to the end there."""
    episode = StillEpisode(spec_of(trajectory.task))
    turns: list[JudgedTurn] = []
    over = won = False
    for transition in trajectory.transitions:
        said = OVER if over else episode.act(transition.action.text)
        over, won = over or said.over, won or said.reward > 0
        turns.append(
            JudgedTurn(
                action=transition.action.text,
                dreamed_state=transition.next_state,
                real_state=said.text,
                dreamed_reward=transition.reward,
                real_reward=said.reward,
                real_valid=said.valid,
                dreamed_valid=transition.valid,
            )
        )
    episode.close()
    return JudgedEpisode(turns=tuple(turns), dreamed_success=trajectory.success, real_success=won)
