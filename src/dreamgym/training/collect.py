"""Offline data: players of every strength in the real world, with labelled mistakes among their turns.

What the experience model has not seen it believes, so the data holds every kind of invalid action. A recorded
trajectory holds what an agent sees and no more; who played and which turns are inserted mistakes stands in
its ``detail``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from dreamgym.core.data_structures import Action, StopReason, Task, Trajectory, Transition
from dreamgym.core.errors import ConfigError, TooManyFailuresError
from dreamgym.training.cast import POLICY, Cast, CollectSettings
from dreamgym.training.rollout import Seeds, play_episode
from dreamgym.training.scenes import scene_of
from dreamgym.utils.draws import draw
from dreamgym.utils.seeds import derive_seed

if TYPE_CHECKING:
    from dreamgym.training.policy import Policy

logger = logging.getLogger(__name__)
CHUNK = 128  # episodes that are begun together; those of the policy share its batches


def collect_trajectories(
    tasks: Iterable[Task],
    settings: CollectSettings,
    *,
    cast: Cast,
    seed: int,
    policy: Policy | None = None,
    label: str = "offline",
) -> Iterator[Trajectory]:
    """One trajectory per task, in order; who plays it is drawn from ``settings.shares``.

    An episode in which the machinery failed is left out, and told to the log.

    Raises:
        ConfigError: a share is of nobody in the cast, or the policy's, but there is no policy.
        TooManyFailuresError: all episodes of a chunk failed.
    """
    known = (*(name for name in cast.shares if name != POLICY), POLICY)
    for name in settings.shares:
        if name not in known:
            raise ConfigError(f"no player {name!r}: choose among {', '.join(known)}")
    if settings.shares.get(POLICY) and policy is None:
        raise ConfigError("the share of 'policy' is not 0, but no policy was given")
    collection = _Collection(cast=cast, settings=settings, seed=seed, policy=policy, label=label)
    return collection.trajectories(tasks)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Collection:
    """What all episodes of a data set share."""

    cast: Cast
    settings: CollectSettings
    seed: int
    policy: Policy | None
    label: str

    def trajectories(self, tasks: Iterable[Task]) -> Iterator[Trajectory]:
        """One per task, chunk by chunk."""
        numbered = iter(enumerate(tasks))
        with asyncio.Runner() as runner:  # one loop: a browser that is open serves the next chunk, too
            while chunk := list(islice(numbered, CHUNK)):
                played = runner.run(self._play_all(chunk))
                failed = [trajectory for trajectory in played if _is_broken(trajectory)]
                for trajectory in failed:
                    logger.warning("%s failed and is left out: %s", trajectory.id, trajectory.detail)
                if len(failed) == len(played):
                    raise TooManyFailuresError(
                        f"{len(failed)} of {len(played)} episodes failed; {failed[-1].detail}"
                    )
                yield from (trajectory for trajectory in played if not _is_broken(trajectory))

    async def _play_all(self, numbered: list[tuple[int, Task]]) -> list[Trajectory]:
        places = asyncio.Semaphore(self.cast.at_once)
        async with asyncio.TaskGroup() as running:
            plays = [running.create_task(self._play(number, task, places)) for number, task in numbered]
        return [done.result() for done in plays]

    async def _play(self, number: int, task: Task, places: asyncio.Semaphore) -> Trajectory:
        weights = {name: round(share * 1_000_000) for name, share in self.settings.shares.items()}
        player = draw(Random(derive_seed(self.seed, self.label, number, "player")), weights)
        seed, id = derive_seed(self.seed, self.label, number), f"{self.label}-{number:06d}"
        async with places:
            if player == POLICY:
                return await self._play_policy(id, task, seed)
            return await self.cast.play(id, task, player, Random(seed), self.settings)

    async def _play_policy(self, id: str, task: Task, seed: int) -> Trajectory:
        """An episode of the policy; its mistakes are its own."""
        assert self.policy is not None
        environment = self.cast.environment(self.settings.max_turns)
        played = await play_episode(environment, self.policy, task, seeds=Seeds(world=0, agent=seed), id=id)
        if _is_broken(played):
            return played
        turns = tuple(replace(turn, action=Action(text=turn.action.text)) for turn in played.transitions)
        return replace(played, transitions=turns, detail=json.dumps({"player": POLICY}))


def _is_broken(trajectory: Trajectory) -> bool:
    """The machinery failed; a policy that has filled its context has played."""
    return trajectory.stop_reason.is_failure and trajectory.stop_reason is not StopReason.CONTEXT_FULL


def player_of(trajectory: Trajectory) -> str:
    """Who played it; empty for logs that were not collected here."""
    return str(_collected(trajectory).get("player", ""))


def mistakes_of(trajectory: Trajectory) -> dict[int, str]:
    """The turns that are inserted mistakes, and their kinds."""
    return {int(turn): kind for turn, kind in _collected(trajectory).get("mistakes", {}).items()}


def _collected(trajectory: Trajectory) -> dict[str, Any]:
    """What ``collect`` wrote down about it."""
    try:
        about = json.loads(trajectory.detail)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def without_mistakes(trajectory: Trajectory) -> Trajectory:
    """The player's own turns alone, for cloning it.

    Each state is the answer to its own turn before, not the refusal of a mistake in between.
    """
    inserted = mistakes_of(trajectory)
    turns: list[Transition] = []
    state = trajectory.transitions[0].state
    for index, turn in enumerate(trajectory.transitions):
        if index not in inserted:
            turns.append(replace(turn, state=state))
            state = turn.next_state
    return replace(trajectory, transitions=tuple(turns), detail=json.dumps({"player": player_of(trajectory)}))


def is_heldout(task: Task, share: float = 0.1) -> bool:
    """Whether the task's scene, with all its tasks, is kept out of training."""
    number = int.from_bytes(hashlib.sha256(scene_of(task).encode()).digest()[:4], "big")
    return number < share * 2**32
