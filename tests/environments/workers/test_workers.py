"""Environments in processes of their own: what happens there stays there, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from dreamgym.core.data_structures import Action, StopReason, Task, Trajectory
from dreamgym.core.errors import DataError, EndpointError, EnvironmentFailedError, UnavailableError
from dreamgym.environments.alfworld.env import AlfworldEnv
from dreamgym.environments.alfworld.panels import panel
from dreamgym.environments.base_env import Observation
from dreamgym.environments.checks import check_env
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.environments.workers.environment import WorkerEnvironment
from dreamgym.environments.workers.messages import MAX_LINE, read_reply
from dreamgym.environments.workers.pool import Patience, WorkerPool
from dreamgym.training.rollout import Seeds, play_episode

ROOT = Path(__file__).parents[3]
TASK = Task(id="t", environment="misbehaving", instruction="behave")
SPEC = EnvironmentSpec(name="misbehaving", place="misbehaving:Misbehaving", max_turns=5)
IMPATIENT = Patience(turn_s=0.7, close_s=2.0)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    """One worker with one episode at a time."""
    made = WorkerPool(SPEC, workers=1)
    yield made
    pids = made.pids
    made.close()
    assert not any(map(lives, pids))


class Says:
    """A policy that says its words, then the last one again."""

    version = 0

    def __init__(self, *words: str) -> None:
        self._words = words

    def start(self, task: Task, seed: int) -> Says:
        self._left = iter((*self._words, *self._words[-1:] * 99))
        return self

    async def act(self, observation: Observation) -> Action:
        return Action(text=next(self._left))

    def close(self) -> None: ...


def lives(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while lives(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not lives(pid)


def play(pool: WorkerPool, *words: str, task: Task = TASK) -> Trajectory:
    environment = WorkerEnvironment(pool)
    return asyncio.run(play_episode(environment, Says(*words), task, seeds=Seeds(world=1, agent=1)))


def first_words(trajectory: Trajectory) -> str:
    return trajectory.transitions[0].state


def test_an_episode_is_played_in_another_process(pool: WorkerPool) -> None:
    played = play(pool, "hello", "win")
    assert [turn.next_state for turn in played.transitions] == [
        "turn 1: 5 characters",
        "turn 2: 3 characters",
    ]
    assert (played.stop_reason, played.success) == (StopReason.TERMINATED, True)
    assert first_words(played) == f"process {pool.pids[0]}" != f"process {os.getpid()}"
    assert first_words(play(pool, "win")) == first_words(played)  # the process goes on
    assert not pool.lost


@pytest.mark.parametrize(
    ("word", "reason", "detail", "lost"),
    [
        ("crash", StopReason.ENVIRONMENT_ERROR, "ended with status 7", {"crashed": 1}),
        ("die loudly", StopReason.ENVIRONMENT_ERROR, "status 139: Segmentation fault", {"crashed": 1}),
        ("block", StopReason.TIMEOUT, "no answer to step within 0.7 s", {"timed out": 1}),
        ("hang", StopReason.TIMEOUT, "no answer to step within 0.7 s", {"timed out": 1}),
        ("huge", StopReason.ENVIRONMENT_ERROR, "must bound its observations", {}),
        ("raise", StopReason.ENVIRONMENT_ERROR, "ZeroDivisionError: by the world itself", {}),
        ("endpoint", StopReason.ENDPOINT_ERROR, "the user simulator does not answer", {}),
        ("own timeout", StopReason.TIMEOUT, "the page did not load", {}),
        ("nothing", StopReason.ENVIRONMENT_ERROR, "found None, wanted a string", {"crashed": 1}),
    ],
)
def test_what_goes_wrong_ends_its_episode_and_the_next_one_is_played(
    pool: WorkerPool, word: str, reason: StopReason, detail: str, lost: dict[str, int]
) -> None:
    if word in ("block", "hang"):
        pool.patience = IMPATIENT
    played = play(pool, "hello", word)
    assert (played.stop_reason, len(played.transitions)) == (reason, 1)
    assert detail in played.detail
    assert not played.success
    before = first_words(played)
    pool.patience = Patience()
    after = play(pool, "win")
    assert after.success
    assert (first_words(after) == before) is (not lost)
    assert pool.lost == lost


def test_rubbish_on_standard_output_is_no_answer(pool: WorkerPool) -> None:
    played = play(pool, "print", "win")
    assert played.transitions[0].next_state == "turn 1: 5 characters"
    assert played.success


def test_a_killed_worker_takes_with_it_what_it_had_started(pool: WorkerPool) -> None:
    started = int(play(pool, "child", "crash").transitions[0].next_state)
    assert wait_until_gone(started)


def test_an_action_of_megabytes_is_cut_and_one_of_any_characters_arrives(pool: WorkerPool) -> None:
    played = play(pool, "x" * 5_000_000, "\ud800\x00\n", "win")
    assert [turn.next_state for turn in played.transitions[:2]] == [
        "turn 1: 200000 characters",
        "turn 2: 3 characters",
    ]


def test_what_is_not_installed_is_told_to_the_person(pool: WorkerPool) -> None:
    with pytest.raises(UnavailableError, match="pip install"):
        play(pool, "win", task=Task(id="missing", environment="misbehaving", instruction=""))


def test_a_class_that_does_not_exist_is_told() -> None:
    pool = WorkerPool(EnvironmentSpec(name="no", place="nowhere:No", max_turns=1), workers=1)
    with pytest.raises(Exception, match=r"no environment nowhere:No"):
        play(pool, "win")
    pool.close()


def test_a_report_comes_with_every_answer(pool: WorkerPool) -> None:
    async def told() -> list[dict[str, str]]:
        environment = WorkerEnvironment(pool)
        reports = [dict(environment.report())]
        await environment.reset(TASK, 0)
        reports.append(dict(environment.report()))
        await environment.step("hello")
        reports.append(dict(environment.report()))
        await environment.close()
        return reports

    assert asyncio.run(told()) == [{}, {"turns": "0", "resets": "1"}, {"turns": "1", "resets": "1"}]


def test_an_environment_is_played_in_again_unless_something_failed_in_it(pool: WorkerPool) -> None:
    async def resets(word: str) -> str:
        environment = WorkerEnvironment(pool)
        await environment.reset(TASK, 0)
        with contextlib.suppress(EnvironmentFailedError):
            await environment.step(word)
        await environment.close()
        return environment.report()["resets"]

    words = ("hello", "hello", "raise", "hello", "hello")
    assert [asyncio.run(resets(word)) for word in words] == ["1", "2", "3", "1", "2"]


def test_a_step_without_a_reset_and_a_foreign_snapshot_are_refused(pool: WorkerPool) -> None:
    async def tries() -> None:
        environment = WorkerEnvironment(pool)
        with pytest.raises(EnvironmentFailedError, match="call reset first"):
            await environment.step("hello")
        await environment.reset(TASK, 0)
        with pytest.raises(TypeError, match="holds where it was made"):
            environment.restore(3)
        await environment.close()
        await environment.close()

    asyncio.run(tries())


def test_more_episodes_than_places_wait_and_one_crash_ends_only_those_of_its_worker() -> None:
    """Four episodes at once in two workers of two places: the crash takes one neighbour with it at most."""
    pool = WorkerPool(SPEC, workers=2, episodes=2, patience=Patience(turn_s=20.0))

    async def all_at_once() -> list[Trajectory]:
        async def one(number: int) -> Trajectory:
            words = ("hello", "crash") if number == 3 else ("hello", "hello", "win")
            seeds = Seeds(world=1, agent=number)
            return await play_episode(WorkerEnvironment(pool), Says(*words), TASK, seeds=seeds)

        return list(await asyncio.gather(*map(one, range(12))))

    played = asyncio.run(all_at_once())
    failed = [trajectory for trajectory in played if trajectory.stop_reason.is_failure]
    assert {trajectory.stop_reason for trajectory in failed} == {StopReason.ENVIRONMENT_ERROR}
    assert 1 <= len(failed) <= 2
    assert sum(trajectory.success for trajectory in played) == 12 - len(failed)
    assert pool.lost == {"crashed": 1}
    pool.close()


def test_alfworld_in_workers_is_alfworld() -> None:
    """The same random commands, here and there, to the last field of every answer."""
    spec = EnvironmentSpec(
        name="alfworld",
        place="dreamgym.environments.alfworld.env:AlfworldEnv",
        max_turns=12,
        show_admissible=True,
    )
    pool = WorkerPool(spec, workers=2, episodes=4)

    async def compare(task: Task, number: int) -> None:
        here, there = AlfworldEnv(12, show_admissible=True), WorkerEnvironment(pool)
        rng = Random(number)
        seen = await here.reset(task, number)
        assert await there.reset(task, number) == seen
        while True:
            action = rng.choice([*(seen.admissible or ()), "fly"])
            result = await here.step(action)
            assert await there.step(action) == result
            if result.terminated or result.truncated:
                break
            seen = result.observation
        await there.close()

    async def all_at_once() -> None:
        tasks = panel("valid", 16).tasks
        await asyncio.gather(*(compare(task, number) for number, task in enumerate(tasks)))

    asyncio.run(all_at_once())
    asyncio.run(all_at_once())  # in another event loop, the same workers
    pool.close()


def test_alfworld_in_a_worker_keeps_the_protocol() -> None:
    spec = EnvironmentSpec(
        name="alfworld", place="dreamgym.environments.alfworld.env:AlfworldEnv", max_turns=50
    )
    pool = WorkerPool(spec, workers=1, episodes=4)
    actions = ["look", "inventory", "go to countertop 1", "examine countertop 1"]
    assert not check_env(
        lambda: WorkerEnvironment(pool), panel("valid", 1).tasks[0], actions=actions
    ).failures
    pool.close()


@pytest.mark.parametrize(
    "line", [b"", b"[]", b'{"number": "x"}', b'{"number": 1, "extra": 2}', b"[" * 10_000]
)
def test_a_line_that_is_no_reply_is_refused(line: bytes) -> None:
    with pytest.raises(DataError):
        read_reply(line)


def test_an_endpoint_error_is_one_on_both_sides() -> None:
    reply = read_reply(b'{"number": 1, "failure": {"kind": "EndpointError", "message": "gone"}}')
    assert reply.failure is not None
    assert isinstance(reply.failure.error(), EndpointError)
    assert MAX_LINE > 2 * 6 * 65_536  # two texts of the largest size, every character escaped


PARENT = """
import asyncio, sys, os, signal
from dreamgym.core.data_structures import Task
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.environments.workers.environment import WorkerEnvironment
from dreamgym.environments.workers.pool import WorkerPool

async def play(pool):
    environments = [WorkerEnvironment(pool) for _ in range(2)]
    task = Task(id="t", environment="misbehaving", instruction="behave")
    for environment in environments:
        await environment.reset(task, 0)
    started = (await environments[0].step("child")).observation.text
    print(*pool.pids, started, flush=True)
    await asyncio.gather(*(environment.step({action!r}) for environment in environments))

pool = WorkerPool(EnvironmentSpec(name="m", place="misbehaving:Misbehaving", max_turns=5), workers=2)
asyncio.run(play(pool))
"""


@pytest.mark.parametrize(
    ("how", "action"),
    [
        (signal.SIGINT, "block"),
        (signal.SIGTERM, "block"),
        (signal.SIGKILL, "block"),
        (signal.SIGKILL, "hang"),
    ],
)
def test_no_process_outlives_the_run(how: signal.Signals, action: str) -> None:
    """Two workers that will not answer for an hour, and what one of them started."""
    code = textwrap.dedent(PARENT).replace("{action!r}", repr(action))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 3
    assert all(map(lives, pids))
    time.sleep(0.3)
    parent.send_signal(how)
    parent.wait(20)
    parent.stdout.close()
    assert [pid for pid in pids if not wait_until_gone(pid)] == []
