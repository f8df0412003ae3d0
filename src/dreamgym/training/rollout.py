"""Rollouts: one coroutine plays one episode; many of them run at once, and the result is the same every time.

Speed does not live here. While an episode waits for its policy or its dream the others move on, and the
batching engine behind them turns those that wait into full batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from dreamgym.core.data_structures import Group, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.core.errors import DreamGymError, EnvironmentFailedError, EpisodeError, TooManyFailuresError
from dreamgym.environments.base_env import Environment
from dreamgym.utils.seeds import derive_seed

if TYPE_CHECKING:
    from dreamgym.training.policy import Agent, Policy  # which imports torch; an episode does not need it

logger = logging.getLogger(__name__)
T = TypeVar("T")

EpisodeFailure: TypeAlias = EpisodeError | TimeoutError

EnvironmentMaker = Callable[[], Environment]
EnvironmentFactory = Callable[[Task, int], Awaitable[EnvironmentMaker]]
"""Prepares the world of a group from its task and seed; returns a maker of its identical members.

A dream imagines its sheet here, once, so that the members of a group differ only in what the policy does:
else the group's advantage measures luck. A real environment has nothing to prepare.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeds:
    """``world`` is shared by a group, ``agent`` is each member's own."""

    world: int
    agent: int


async def play_episode(
    environment: Environment, policy: Policy, task: Task, *, seeds: Seeds, id: str = ""
) -> Trajectory:
    """Play ``task``, then close the environment. A failure becomes a ``StopReason``, never a reward."""
    turns: list[Transition] = []
    detail = ""
    async with _closing(environment):
        with contextlib.closing(policy.start(task, seeds.agent)) as agent:
            try:
                reason = await _play(environment, agent, task, seeds.world, turns)
            except (EpisodeError, TimeoutError) as failure:
                reason, detail = _explain(failure)
            sheet = environment.sheet
    return Trajectory(
        id=id,
        task=task,
        origin=environment.origin,
        transitions=tuple(turns),
        stop_reason=reason,
        detail=detail,
        seed=seeds.agent,
        policy_version=policy.version,
        sheet=sheet,
    )


async def _play(
    environment: Environment, agent: Agent, task: Task, world_seed: int, turns: list[Transition]
) -> StopReason:
    """The episode itself; ``turns`` keeps what was played when it ends by an exception."""
    seen = await _answer(environment.reset(task, world_seed))
    while True:
        action = await agent.act(seen)
        result = await _answer(environment.step(action.text))
        turns.append(
            Transition(
                state=seen.text,
                action=action,
                reward=result.reward,
                next_state=result.observation.text,
                terminated=result.terminated,
                truncated=result.truncated,
                valid=result.valid,
                reasoning=result.reasoning,
                changes=result.changes,
            )
        )
        if result.terminated:
            return StopReason.TERMINATED
        if result.truncated:
            return StopReason.TURN_LIMIT
        seen = result.observation


def _explain(failure: EpisodeFailure) -> tuple[StopReason, str]:
    if isinstance(failure, EpisodeError):
        return failure.stop_reason, str(failure)
    return StopReason.TIMEOUT, str(failure) or "timed out"


async def _answer(call: Awaitable[T]) -> T:
    """What the environment answers; an exception of its own says nothing about the policy."""
    try:
        return await call
    except (DreamGymError, TimeoutError):
        raise
    except Exception as error:
        logger.debug("the environment raised", exc_info=True)
        raise EnvironmentFailedError(f"{type(error).__name__}: {error}") from error


@contextlib.asynccontextmanager
async def _closing(environment: Environment) -> AsyncIterator[None]:
    try:
        yield
    finally:
        try:
            await environment.close()
        except Exception:  # the episode is over and recorded; only the leak is worth a word
            logger.warning("an environment could not be closed", exc_info=True)


async def collect(
    tasks: Sequence[Task],
    policy: Policy,
    make_environment: EnvironmentFactory,
    *,
    origin: Origin,
    seed: int,
    label: str,
    group_size: int = 1,
    concurrency: int = 128,
    max_failed_share: float = 1.0,
    on_episode: Callable[[Trajectory], None] | None = None,
) -> list[Group]:
    """Play ``group_size`` episodes of each task; one group per task, in order.

    At most ``concurrency`` episodes run at once. The same tasks, weights and ``seed`` give the same groups.
    ``label`` opens the trajectories' ids; ``on_episode`` hears of every finished episode. Raises
    ``TooManyFailuresError`` as soon as more than ``max_failed_share`` of all episodes have failed.
    """
    collection = _Collection(
        policy=policy,
        make_environment=make_environment,
        origin=origin,
        seed=seed,
        label=label,
        group_size=group_size,
        slots=asyncio.Semaphore(concurrency),
        watch=_FailureWatch(len(tasks) * group_size, max_failed_share),
        on_episode=on_episode,
    )
    return await _all(collection.group(number, task) for number, task in enumerate(tasks))


@dataclass(frozen=True, kw_only=True)
class _Collection:
    policy: Policy
    make_environment: EnvironmentFactory
    origin: Origin
    seed: int
    label: str
    group_size: int
    slots: asyncio.Semaphore
    watch: _FailureWatch
    on_episode: Callable[[Trajectory], None] | None

    async def group(self, number: int, task: Task) -> Group:
        """Prepare the world once, then play the members side by side."""
        world_seed = derive_seed(self.seed, number)
        async with self.slots:
            try:
                made: EnvironmentMaker | EpisodeFailure = await _answer(
                    self.make_environment(task, world_seed)
                )
            except (EpisodeError, TimeoutError) as failure:
                made = failure
        seeds = [
            Seeds(world=world_seed, agent=derive_seed(self.seed, number, i)) for i in range(self.group_size)
        ]
        ids = [f"{self.label}-{number:03d}-{i:02d}" for i in range(self.group_size)]
        members = [self.member(task, made, seeds[i], ids[i]) for i in range(self.group_size)]
        return Group(task=task, trajectories=tuple(await _all(members)))

    async def member(
        self, task: Task, made: EnvironmentMaker | EpisodeFailure, seeds: Seeds, id: str
    ) -> Trajectory:
        """One episode, or the record of why there was none."""
        async with self.slots:
            if isinstance(made, EpisodeFailure):
                trajectory = self.unplayed(task, made, seeds, id)
            else:
                trajectory = await play_episode(made(), self.policy, task, seeds=seeds, id=id)
        if self.on_episode is not None:
            self.on_episode(trajectory)
        self.watch.count(trajectory)
        return trajectory

    def unplayed(self, task: Task, failure: EpisodeFailure, seeds: Seeds, id: str) -> Trajectory:
        reason, detail = _explain(failure)
        return Trajectory(
            id=id,
            task=task,
            origin=self.origin,
            transitions=(),
            stop_reason=reason,
            detail=detail,
            seed=seeds.agent,
            policy_version=self.policy.version,
        )


@dataclass
class _FailureWatch:
    episodes: int
    max_share: float
    failures: Counter[StopReason] = field(default_factory=Counter)

    def count(self, trajectory: Trajectory) -> None:
        if not trajectory.stop_reason.is_failure:
            return
        logger.info("episode %s failed: %s: %s", trajectory.id, trajectory.stop_reason, trajectory.detail)
        self.failures[trajectory.stop_reason] += 1
        if self.failures.total() > self.max_share * self.episodes:
            reasons = ", ".join(f"{number} {reason}" for reason, number in self.failures.most_common())
            raise TooManyFailuresError(
                f"{self.failures.total()} of {self.episodes} episodes failed ({reasons}), more than "
                f"training.max_failed_share = {self.max_share:g} allows; the last one: {trajectory.detail}"
            )


async def _all(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Their results in order; the first exception cancels the rest and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as running:
            tasks = [running.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
