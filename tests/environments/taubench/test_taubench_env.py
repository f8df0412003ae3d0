"""The environment keeps the protocol, goes back to where it was, blames the user for the user's faults."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check

from dreamgym.core.data_structures import Origin, StopReason, TaskOrigin
from dreamgym.core.errors import DataError, EndpointError, UserSimulatorError
from dreamgym.environments.base_env import Environment
from dreamgym.environments.checks import check_env
from dreamgym.environments.gymnasium_view import GymnasiumView
from dreamgym.environments.taubench.calls import respond
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.panels import panel, task_named
from dreamgym.environments.taubench.tool_env import ToolWorldEnv, llm_user
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.training.rollout import Seeds, play_episode
from taubench_data import DATA, needs_taubench
from taubench_play import play_with

TASK = task_named("shop:valid:3")


@pytest.mark.parametrize("show_admissible", [True, False])
def test_our_shop_keeps_the_protocol(show_admissible: bool) -> None:
    actions = ["show_policy", "get_item lamp 2", "calculate 2 + 3", "list_kind mug", "respond which order?"]
    report = check_env(lambda: TaubenchEnv(show_admissible=show_admissible), TASK, actions=actions)
    assert not report.failures


@needs_taubench
@pytest.mark.parametrize("name", ["retail:test:7", "airline:test:30"])
def test_the_official_domains_keep_the_protocol(name: str) -> None:
    actions = ['{"name": "calculate", "arguments": {"expression": "1 + 1"}}', respond("Really?").to_json()]
    report = check_env(lambda: TaubenchEnv(data_dir=DATA), task_named(name, DATA), actions=actions)
    assert not report.failures


def test_gymnasium_plays_our_shop() -> None:
    tasks = panel("valid", 3).tasks
    gymnasium.register(
        "dreamgym/Taubench-v0", lambda **settings: GymnasiumView(TaubenchEnv(), tasks, **settings)
    )
    view = gymnasium.make("dreamgym/Taubench-v0")
    gymnasium_check(view.unwrapped)
    text, info = view.reset(seed=0)
    assert text.startswith("customer: ")
    assert "find_user" in info["instruction"]
    view.close()


def test_it_is_a_real_environment_and_reports_its_database() -> None:
    environment = TaubenchEnv()
    assert isinstance(environment, Environment)
    assert (environment.name, environment.origin, environment.sheet) == ("taubench", Origin.REAL, None)
    asyncio.run(environment.reset(TASK, 0))
    assert environment.report() == {"db_hash": environment.db_hash}
    assert len(environment.db_hash) == 64


def test_the_turn_limit_of_tau_bench_is_the_default() -> None:
    async def episode() -> list[bool]:
        environment = TaubenchEnv()
        await environment.reset(TASK, 0)
        return [(await environment.step("show_policy")).truncated for _ in range(30)]

    assert asyncio.run(episode()) == [False] * 29 + [True]


def test_an_episode_goes_on_from_every_moment_also_elsewhere() -> None:
    async def episode() -> None:
        turns = await play_with("expert", TASK)
        environment = TaubenchEnv()
        await environment.reset(TASK, 0)
        hashes, snapshots = [], []
        for action, _ in turns:
            snapshots.append(environment.snapshot())
            hashes.append(environment.db_hash)
            await environment.step(action)
        end = environment.db_hash
        assert len({*hashes, end}) > 1
        for start, snapshot in enumerate(snapshots):
            other = TaubenchEnv()
            other.restore(snapshot)
            assert other.db_hash == hashes[start]
            answers = [await other.step(action) for action, _ in turns[start:]]
            assert answers == [result for _, result in turns[start:]]
            assert other.db_hash == end

    asyncio.run(episode())


def test_a_task_of_nowhere_is_refused() -> None:
    for task, says in (
        (replace(TASK, origin=TaskOrigin.SYNTHETIC), "was imagined"),
        (replace(TASK, opening="customer: hm."), "another version of the generator"),
        (replace(TASK, id="shop:valid:x"), "wanted an id such as"),
    ):
        with pytest.raises(DataError, match=says):
            asyncio.run(TaubenchEnv().reset(task, 0))


class Dead(ScriptedClient):
    """A model that does not answer."""

    async def acomplete(self, *args: Any, **settings: Any) -> Any:
        raise EndpointError("503 Service Unavailable")


class Caller:
    """A policy that plays a list of actions."""

    version = 0

    def __init__(self, actions: list[str]) -> None:
        self._actions = actions

    def start(self, task: Any, seed: int) -> Any:
        from dreamgym.core.data_structures import Action

        actions = iter(self._actions)

        class Agent:
            async def act(self, seen: Any) -> Action:
                return Action(text=next(actions))

            def close(self) -> None: ...

        return Agent()


def played(environment: Environment, actions: list[str]) -> Any:
    policy: Any = Caller(actions)
    return asyncio.run(play_episode(environment, policy, TASK, seeds=Seeds(world=5, agent=0)))


@pytest.mark.parametrize("client", [Dead([]), ScriptedClient([" "] * 4), ScriptedClient([])])
def test_a_user_that_fails_ends_the_episode_by_its_own_reason(client: ScriptedClient) -> None:
    trajectory = played(ToolWorldEnv(make_user=llm_user(client)), ["show_policy"])
    assert trajectory.stop_reason is StopReason.USER_ERROR
    assert trajectory.stop_reason.is_failure
    assert not trajectory.success
    assert "the user simulator" in trajectory.detail


def test_a_user_that_fails_later_keeps_the_turns_before() -> None:
    environment = ToolWorldEnv(make_user=llm_user(ScriptedClient(["I want to cancel an order."])))
    trajectory = played(environment, ["show_policy", "respond which order?"])
    assert trajectory.stop_reason is StopReason.USER_ERROR
    assert [turn.action.text for turn in trajectory.transitions] == ["show_policy"]


def test_the_user_is_scripted_or_any_language_model() -> None:
    environment = TaubenchEnv(user=ScriptedClient(["Hello, it is me."]))
    assert asyncio.run(environment.reset(TASK, 0)).text == "customer: Hello, it is me."
    assert asyncio.run(TaubenchEnv().reset(TASK, 0)).text == TASK.opening


def test_a_model_plays_the_customer_by_the_script() -> None:
    task = next(task for task in panel("valid").tasks if task.task_type == "cancel")
    client = ScriptedClient(["Hello\x07, my order…", "Yes, please."])
    environment = ToolWorldEnv(make_user=llm_user(client))

    async def episode() -> list[str]:
        seen = [(await environment.reset(task, 7)).text]
        for action in ("respond may i cancel_order order 17 late?", "respond bye"):
            try:
                seen.append((await environment.step(action)).observation.text)
            except UserSimulatorError as error:
                seen.append(str(error))
        return seen

    opening, yes, failure = asyncio.run(episode())
    assert opening == "customer: Hello\N{REPLACEMENT CHARACTER}, my order…"
    assert yes == "customer: Yes, please."
    assert "did not answer" in failure
    assert "You want to cancel an order (order " in client.prompts[0]
    assert client.prompts[1].endswith("may i cancel_order order 17 late?")
