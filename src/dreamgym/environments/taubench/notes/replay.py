"""A dreamed episode of the shop beside the real shop of its task, which the dream started from in truth."""

from __future__ import annotations

from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.judged import ENDED, JudgedEpisode, JudgedTurn
from dreamgym.environments.taubench.episode import Episode
from dreamgym.environments.taubench.world import world_of
from dreamgym.utils.run_sync import at_once


def replay(trajectory: Trajectory) -> JudgedEpisode:
    """Play a dreamed trajectory's actions in the shop of its task, up to the end there."""
    world = world_of(trajectory.task.id)
    episode = Episode(world, world.user)
    at_once(episode.open())
    turns: list[JudgedTurn] = []
    over = won = False
    for transition in trajectory.transitions:
        text, valid, reward = ENDED, False, 0.0
        if not over:
            answer = at_once(episode.act(transition.action.text))
            over, text, valid = answer.over, answer.text, answer.valid
            won = over and episode.won()
            reward = float(won)
        turns.append(
            JudgedTurn(
                action=transition.action.text,
                dreamed_state=transition.next_state,
                real_state=text,
                dreamed_reward=transition.reward,
                real_reward=reward,
                real_valid=valid,
                dreamed_valid=transition.valid,
            )
        )
    return JudgedEpisode(turns=tuple(turns), dreamed_success=trajectory.success, real_success=won)
