"""The adapter to tau2-bench: on a stand-in everywhere, on the package where it is installed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DataError, EnvironmentFailedError, UnavailableError, UserSimulatorError
from dreamgym.environments.checks import EnvironmentCheckError, check_env
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.panels import panel, task_named
from dreamgym.environments.taubench.tau2_env import Tau2Env
from dreamgym.environments.taubench.tau2_package import split_id

SOLO = Task(id="tau2:desk:solo:a:b", environment="taubench", instruction="Work.", opening="Turn it off.")
WITH_USER = Task(id="tau2:desk:user:a", environment="taubench", instruction="Work.")
INSTALLED = find_spec("tau2") is not None and find_spec("tau2.gym") is not None
needs_tau2 = pytest.mark.skipif(not INSTALLED, reason="tau2-bench is not installed (docs/taubench.md)")


class Desk:
    """Answers like tau2's gym environment: one tool, ``switch``, that wins before ``done``."""

    def __init__(self, *, opening: str = "", ends: str = "agent_stop", pause: float = 0.0) -> None:
        self.opening, self.ends, self.pause = opening, ends, pause
        self.heard: list[str] = []

    def reset(self) -> tuple[str, Mapping[str, Any]]:
        return self.opening, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, Mapping[str, Any]]:
        time.sleep(self.pause)
        won = any("switch" in heard for heard in self.heard)
        self.heard.append(action)
        if '"done"' in action:
            run = {"termination_reason": self.ends} if self.ends else {}
            return "", float(won), True, False, {"simulation_run": json.dumps(run)}
        known = "switch" in action
        return "tool: off" if known else "tool: Error: no such tool", 0.0, False, False, {}


def environment(desk: Desk, max_turns: int = 5) -> Tau2Env:
    return Tau2Env(max_turns, lambda id, steps: desk)


def call(name: str, **arguments: str) -> str:
    return json.dumps({"name": name, "arguments": arguments})


def test_an_episode_alone_begins_with_its_ticket_and_ends_with_done() -> None:
    async def episode() -> None:
        world = environment(desk := Desk())
        assert (await world.reset(SOLO, 0)).text == "Turn it off."
        refused = await world.step("switch it off")
        assert (refused.valid, refused.reward) == (False, 0)
        assert "no tool call" in refused.observation.text
        refused = await world.step(call("respond", content="Hello?"))
        assert not refused.valid
        assert "no user to talk to" in refused.observation.text
        assert not (await world.step(call("explode"))).valid
        assert (await world.step(call("switch", what="lamp"))).observation.text == "tool: off"
        last = await world.step('{"name": "done"}')
        assert (last.won, last.reward, last.terminated, last.truncated) == (True, 1, True, False)
        assert desk.heard[-2:] == [call("switch", what="lamp"), call("done")]
        with pytest.raises(RuntimeError, match="the episode is over"):
            await world.step(call("switch"))

    asyncio.run(episode())


def test_what_is_said_to_tau2_s_user_is_said_in_plain_words() -> None:
    async def episode() -> None:
        world = environment(desk := Desk(opening="user: Hi."))
        assert (await world.reset(WITH_USER, 0)).text == "user: Hi."
        await world.step(call("respond", content="Hello?"))
        assert desk.heard == ["Hello?"]

    asyncio.run(episode())


@pytest.mark.parametrize(
    ("ends", "error"),
    [
        ("user_error", UserSimulatorError),
        ("infrastructure_error", UserSimulatorError),
        ("unexpected_error", EnvironmentFailedError),
        ("", EnvironmentFailedError),
    ],
)
def test_what_tau2_blames_on_others_is_no_outcome(ends: str, error: type[Exception]) -> None:
    async def episode() -> None:
        world = environment(Desk(ends=ends))
        await world.reset(SOLO, 0)
        await world.step(call("switch"))
        with pytest.raises(error):
            await world.step(call("done"))

    asyncio.run(episode())


def test_a_user_that_says_nothing_is_the_user_s_error() -> None:
    with pytest.raises(UserSimulatorError, match="its model and its key"):
        asyncio.run(environment(Desk()).reset(WITH_USER, 0))


def test_an_unfinished_episode_is_ended_when_it_is_closed_and_only_then() -> None:
    async def episode() -> None:
        for turns, ended in ((1, True), (5, True)):  # in the middle, and at the turn limit
            world = environment(desk := Desk())
            await world.reset(SOLO, 0)
            answers = [await world.step(call("switch")) for _ in range(turns)]
            assert answers[-1].truncated == (turns == 5)
            await world.close()
            await world.close()
            assert (desk.heard.count(call("done")) == 1) == ended
        world = environment(desk := Desk())
        await world.reset(SOLO, 0)
        await world.step(call("done"))
        await world.close()
        assert desk.heard == [call("done")]

    asyncio.run(episode())


def test_the_event_loop_goes_on_while_tau2_blocks() -> None:
    async def episode() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        world = environment(Desk(pause=0.3))
        await world.reset(SOLO, 0)
        await world.step(call("switch"))
        ticking.cancel()
        return ticks

    assert asyncio.run(episode()) >= 5


def test_no_state_of_tau2_can_be_kept() -> None:
    with pytest.raises(UnavailableError, match="no state can be kept"):
        environment(Desk()).snapshot()


@pytest.mark.parametrize("id", ["tau2:", "tau2:mock", "tau2:mock:solo", "tau2:mock:duet:1"])
def test_an_id_says_domain_mode_and_task(id: str) -> None:
    assert split_id("tau2:telecom:solo:[a]b:c|d") == ("telecom", True, "[a]b:c|d")
    with pytest.raises(DataError, match="wanted tau2:DOMAIN:solo:ID"):
        split_id(id)


@pytest.mark.skipif(INSTALLED, reason="tau2-bench is installed")
def test_without_the_package_it_says_how_to_install_it() -> None:
    with pytest.raises(UnavailableError, match=r"pip install 'tau2\[gym\] @ git"):
        task_named("tau2:mock:solo:create_task_1")
    with pytest.raises(UnavailableError, match="tau2-bench is not installed"):
        asyncio.run(TaubenchEnv().reset(SOLO, 0))


def reference(task: Task) -> list[str]:
    """tau2's own solution of a task."""
    from tau2.registry import registry

    domain, _, id = split_id(task.id)
    record = next(record for record in registry.get_tasks_loader(domain)() if record.id == id)
    return [call(action.name, **action.arguments) for action in record.evaluation_criteria.actions]


@needs_tau2
@pytest.mark.parametrize("number", [0, 1, 40])
def test_tau2_s_evaluator_pays_its_reference_solution_and_nothing_less(number: int) -> None:
    task = panel("tau2:telecom:solo").tasks[number]

    async def episode(actions: list[str]) -> tuple[float, bool]:
        environment = TaubenchEnv()
        await environment.reset(task, 0)
        for action in actions:
            assert (await environment.step(action)).valid
        last = await environment.step(call("done"))
        await environment.close()
        return last.reward, last.terminated

    assert asyncio.run(episode(reference(task))) == (1, True)
    assert asyncio.run(episode([])) == (0, True)


@needs_tau2
def test_tau2_alone_keeps_the_protocol_but_for_snapshots() -> None:
    task = task_named("tau2:mock:solo:create_task_1")
    with pytest.raises(EnvironmentCheckError) as caught:
        check_env(lambda: TaubenchEnv(max_turns=20), task, actions=['{"name": "get_users"}'])
    assert [failure.check for failure in caught.value.report.failures] == ["snapshot and restore"]
