"""Episodes of our own site, played by its players without a browser."""

from __future__ import annotations

from functools import cache
from random import Random

from dreamgym.core.data_structures import Action, Origin, StopReason, Trajectory, Transition
from dreamgym.environments.base_env import Observation
from dreamgym.environments.players import draw_slip
from dreamgym.environments.webarena.panels import spec_of, task_named
from dreamgym.environments.webarena.players import PLAYERS
from dreamgym.environments.webarena.site.tasks import TEMPLATES
from dreamgym.environments.webarena.still.still_episode import StillEpisode

MOST_TURNS, SLIPS = 20, 0.15
EPISODES = [
    (f"site:{number}:{template}", player) for number, template in enumerate(TEMPLATES) for player in PLAYERS
]


@cache
def episode(task_id: str, player: str) -> Trajectory:
    """An episode of a player, a few nonsensical and mistyped actions in between."""
    task, rng = task_named(task_id), Random(task_id)
    world = StillEpisode(spec_of(task))
    who, text = PLAYERS[player](task, rng), world.opening
    turns: list[Transition] = []
    while not (turns and turns[-1].terminated) and len(turns) < MOST_TURNS:
        past = [turn.action.text for turn in turns if turn.valid]
        slips = player != "expert" and rng.random() < SLIPS
        action = draw_slip_of(past, rng) if slips else who.choose(text, world.view.admissible())
        said = world.act(action)
        turns.append(
            Transition(
                state=text,
                action=Action(text=action),
                reward=said.reward,
                next_state=said.text,
                terminated=said.over,
                valid=said.valid,
            )
        )
        text = said.text
    world.close()
    stop = StopReason.TERMINATED if turns[-1].terminated else StopReason.TURN_LIMIT
    return Trajectory(
        id=f"{task_id}/{player}", task=task, origin=Origin.REAL, transitions=tuple(turns), stop_reason=stop
    )


def draw_slip_of(past: list[str], rng: Random) -> str:
    """An action that is most likely none."""
    return draw_slip(Observation(text=""), past, rng)[1]
