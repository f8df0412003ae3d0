"""Small experiences for tests of the replay buffer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from dreamgym.core.config import BufferConfig
from dreamgym.core.data_structures import Experience, Origin
from dreamgym.models.replay_buffer import ExperienceReplayBuffer

BLANK = Experience(
    id="e",
    task_id="task 1",
    environment="house",
    instruction="put a mug in shelf.",
    task_type="put",
    state="You see a mug 1.",
    action="take mug 1",
    next_state="You hold the mug 1.",
    reward=0.0,
    terminated=False,
    reasoning="",
    origin=Origin.REAL,
    trajectory_id="trajectory 1",
    turn=0,
)


def experience(name: str = "e", **changes: object) -> Experience:
    """A real experience; ``name`` makes its id and, unless given, its state."""
    return replace(BLANK, **{"id": name, "state": f"You see a {name}."} | changes)


def dreamed(name: str = "d", **changes: object) -> Experience:
    """The same, dreamed."""
    return experience(name, **{"origin": Origin.DREAMED} | changes)


def random_experience(number: int, rng: Random) -> Experience:
    """A turn from a small world, so that turns repeat and are similar."""
    thing, place = f"{rng.choice(['mug', 'cup', 'pen'])} {rng.randrange(4)}", f"shelf {rng.randrange(6)}"
    return experience(
        f"e{number}",
        state=f"On the {place}, you see {', '.join(f'a pen {rng.randrange(9)}' for _ in range(3))}.",
        action=f"take {thing} from {place}",
        next_state=f"You pick up the {thing}." if rng.random() < 0.6 else "Nothing happens.",
        origin=rng.choice(list(Origin)),
        task_id=f"task {rng.randrange(20)}",
        task_type=f"type {rng.randrange(3)}",
        trajectory_id=f"trajectory {rng.randrange(50)}",
        policy_version=rng.randrange(5),
        success=rng.random() < 0.4,
    )


_opened: list[ExperienceReplayBuffer] = []


def open_buffer(path: Path | None = None, capacity: int = 150, **arguments: object) -> ExperienceReplayBuffer:
    """A small buffer that `close_buffers` closes."""
    config = BufferConfig(capacity=capacity, path=path, embedding_size=32)
    _opened.append(ExperienceReplayBuffer(config, **arguments))
    return _opened[-1]


def close_buffers() -> None:
    """Close whatever a test opened."""
    while _opened:
        _opened.pop().close()
