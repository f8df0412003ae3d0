"""Episodes end for the right reason, always closed; many at once give the same groups every time."""

import asyncio
import random
from collections.abc import Callable

import pytest

from countdown import Countdown, ScriptedPolicy, factory, make_task
from dreamgym.core.data_structures import Action, Group, Origin, StopReason, Trajectory
from dreamgym.core.errors import CheckpointError, EndpointError, InvalidDreamError, TooManyFailuresError
from dreamgym.environments.base_env import Environment, Observation
from dreamgym.training.rollout import Seeds, collect, play_episode

SEEDS = Seeds(world=7, agent=8)


def play(environment: Countdown, policy: ScriptedPolicy) -> Trajectory:
    return asyncio.run(play_episode(environment, policy, make_task(), seeds=SEEDS, id="e"))


def collected(
    make: Callable[[], Environment], policy: ScriptedPolicy, tasks: int = 2, **options
) -> list[Group]:
    options = {"origin": Origin.REAL, "seed": 1, "label": "test", **options}
    return asyncio.run(collect([make_task(str(n)) for n in range(tasks)], policy, factory(make), **options))


def test_an_episode_is_recorded_turn_by_turn():
    environment, policy = Countdown(length=2), ScriptedPolicy("wait", "go")
    trajectory = play(environment, policy)
    assert [
        (t.state, t.action.text, t.reward, t.next_state, t.terminated) for t in trajectory.transitions
    ] == [
        ("turn 0", "wait", 0.0, "turn 1", False),
        ("turn 1", "go", 1.0, "turn 2", True),
    ]
    assert (trajectory.stop_reason, trajectory.success, trajectory.id) == (StopReason.TERMINATED, True, "e")
    assert (environment.reset_with, trajectory.seed) == ((make_task(), SEEDS.world), SEEDS.agent)
    assert (environment.closed, policy.agents[0].closed, policy.agents[0].seed) == (1, 1, SEEDS.agent)


def test_the_turn_limit_is_an_outcome():
    trajectory = play(Countdown(length=9, limit=3), ScriptedPolicy("go"))
    assert (len(trajectory.transitions), trajectory.stop_reason) == (3, StopReason.TURN_LIMIT)
    assert not trajectory.stop_reason.is_failure


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (ValueError("the lamp broke"), StopReason.ENVIRONMENT_ERROR, "ValueError: the lamp broke"),
        (InvalidDreamError("no verdict"), StopReason.INVALID_DREAM, "no verdict"),
        (EndpointError("503"), StopReason.ENDPOINT_ERROR, "503"),
        (TimeoutError(), StopReason.TIMEOUT, "timed out"),
    ],
)
def test_a_failure_keeps_its_turns_and_is_no_reward(error, reason, detail):
    environment = Countdown(length=9, fails_at=2, error=lambda: error)
    trajectory = play(environment, ScriptedPolicy("go"))
    assert (trajectory.stop_reason, trajectory.detail, len(trajectory.transitions)) == (reason, detail, 1)
    assert environment.closed == 1
    assert Group(task=make_task(), trajectories=(trajectory,)).returns == ()


def test_a_full_context_is_a_failure_of_its_own():
    assert play(Countdown(), ScriptedPolicy()).stop_reason is StopReason.CONTEXT_FULL


def test_an_error_that_is_not_the_episodes_stops_the_run_with_everything_closed():
    environment, policy = Countdown(fails_at=1, error=lambda: CheckpointError("gone")), ScriptedPolicy("go")
    with pytest.raises(CheckpointError, match="gone"):
        play(environment, policy)
    assert (environment.closed, policy.agents[0].closed) == (1, 1)


def test_groups_come_in_the_order_of_their_tasks_with_seeds_of_their_own():
    worlds: list[Countdown] = []

    def make() -> Countdown:
        worlds.append(Countdown())
        return worlds[-1]

    groups = collected(make, ScriptedPolicy("go"), tasks=3, group_size=4)
    assert [group.task.id for group in groups] == ["0", "1", "2"]
    assert groups[1].trajectories[2].id == "test-001-02"
    assert len({t.seed for group in groups for t in group.trajectories}) == 12
    assert all(world.closed == 1 for world in worlds)
    # One world per group: its members differ only in what the policy does.
    assert len({world.reset_with[1] for world in worlds}) == 3


class DicePolicy(ScriptedPolicy):
    """Waits a random number of turns of the event loop, then says a random word."""

    def start(self, task, seed):
        rng = random.Random(seed)

        class Agent:
            async def act(self, observation: Observation) -> Action:
                for _ in range(rng.randrange(5)):
                    await asyncio.sleep(0)
                return Action(text=rng.choice(["go", "wait", "look"]))

            def close(self) -> None: ...

        return Agent()


def test_the_same_seed_gives_the_same_groups_at_any_concurrency():
    runs = [collected(Countdown, DicePolicy(), tasks=4, group_size=5, concurrency=c) for c in (1, 3, 64)]
    assert runs[0] == runs[1] == runs[2]
    assert collected(Countdown, DicePolicy(), tasks=4, group_size=5, seed=2) != runs[0]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_more_episodes_run_at_once_than_allowed(concurrency):
    running = most = 0

    class Counted(Countdown):
        async def reset(self, task, seed):
            nonlocal running, most
            running += 1
            most = max(most, running)
            return await super().reset(task, seed)

        async def close(self):
            nonlocal running
            running -= 1

    collected(Counted, ScriptedPolicy("go"), tasks=3, group_size=4, concurrency=concurrency)
    assert most == concurrency


def test_a_world_that_cannot_be_prepared_fails_its_group_only():
    async def prepare(task, seed):
        if task.id == "bad":
            raise InvalidDreamError("nothing imagined")
        return Countdown

    tasks = [make_task("good"), make_task("bad")]
    good, bad = asyncio.run(
        collect(
            tasks, ScriptedPolicy("go"), prepare, origin=Origin.DREAMED, seed=1, label="test", group_size=3
        )
    )
    assert len(good.scored) == 3
    assert {(t.stop_reason, t.detail, t.origin) for t in bad.trajectories} == {
        (StopReason.INVALID_DREAM, "nothing imagined", Origin.DREAMED)
    }


def test_too_many_failures_stop_the_run_with_the_reason_and_early():
    started: list[Countdown] = []

    def make() -> Countdown:
        started.append(Countdown(fails_at=1))
        return started[-1]

    with pytest.raises(TooManyFailuresError) as stop:
        collected(make, ScriptedPolicy("go"), tasks=8, concurrency=1, max_failed_share=0.25)
    assert str(stop.value) == (
        "3 of 8 episodes failed (3 environment_error), more than training.max_failed_share = 0.25 allows; "
        "the last one: ValueError: the lamp broke"
    )
    assert len(started) < 8
    assert all(world.closed == 1 for world in started)


def test_an_environment_that_cannot_be_closed_does_not_lose_its_episode(caplog):
    class Stuck(Countdown):
        async def close(self):
            raise OSError("still busy")

    assert play(Stuck(), ScriptedPolicy("go")).success
    assert "could not be closed" in caplog.text
