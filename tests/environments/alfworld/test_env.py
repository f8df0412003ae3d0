"""The environment plays the engine and keeps count of the turns."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from dreamgym.core.data_structures import Origin
from dreamgym.environments.alfworld.env import AlfworldEnv
from dreamgym.environments.alfworld.panels import game_of, panel
from dreamgym.environments.alfworld.players import Expert
from dreamgym.environments.base_env import Environment, StepResult

TASK = panel("valid", 3).tasks[2]


def plan() -> list[str]:
    """What the expert does in TASK."""
    return asyncio.run(_plan())


async def _plan() -> list[str]:
    environment = AlfworldEnv()
    expert = Expert(game_of(TASK), Random(0))
    expert.see("", (await environment.reset(TASK, 0)).text)
    commands: list[str] = []
    won = False
    while not won:
        commands.append(expert.choose(list))
        result = await environment.step(commands[-1])
        expert.see(commands[-1], result.observation.text)
        won = result.won
    return commands


async def play(environment: AlfworldEnv, actions: list[str]) -> list[StepResult]:
    await environment.reset(TASK, 0)
    return [await environment.step(action) for action in actions]


def test_it_is_a_real_environment() -> None:
    environment = AlfworldEnv()
    assert isinstance(environment, Environment)
    assert (environment.name, environment.origin, environment.sheet) == ("alfworld", Origin.REAL, None)


def test_the_goal_is_rewarded_once_at_the_end() -> None:
    results = asyncio.run(play(AlfworldEnv(), plan()))
    assert [result.reward for result in results] == [0.0] * (len(results) - 1) + [1.0]
    assert results[-1].terminated
    assert results[-1].won
    assert not results[-1].truncated
    assert not any(result.terminated or result.truncated for result in results[:-1])


def test_a_win_on_the_last_turn_is_no_truncation() -> None:
    commands = plan()
    last = asyncio.run(play(AlfworldEnv(max_turns=len(commands)), commands))[-1]
    assert (last.terminated, last.truncated) == (True, False)


def test_the_turn_limit_truncates() -> None:
    results = asyncio.run(play(AlfworldEnv(max_turns=3), ["look"] * 3))
    assert [(result.terminated, result.truncated) for result in results] == [(False, False)] * 2 + [
        (False, True)
    ]


def test_any_string_is_an_action() -> None:
    actions = [
        "",
        " ",
        "\x00\x1b[2J",
        "look\x00",
        "go to " + "cabinet " * 131_072,
        "💤",
        "\ud800",
        "take\nlook",
        "x" * 10**6,
    ]
    results = asyncio.run(play(AlfworldEnv(), actions))
    assert {result.observation.text for result in results} == {"Nothing happens."}


def test_playing_over_the_end_is_refused() -> None:
    with pytest.raises(RuntimeError, match="the episode is over"):
        asyncio.run(play(AlfworldEnv(max_turns=1), ["look", "look"]))
    with pytest.raises(RuntimeError, match="call reset first"):
        asyncio.run(AlfworldEnv().step("look"))


def test_a_snapshot_continues_in_another_environment() -> None:
    commands = plan()

    async def run() -> tuple[list[StepResult], list[StepResult], StepResult]:
        environment, other = AlfworldEnv(), AlfworldEnv()
        await environment.reset(TASK, 0)
        for command in commands[:2]:
            await environment.step(command)
        snapshot = environment.snapshot()
        first = [await environment.step(command) for command in commands[2:]]
        other.restore(snapshot)
        second = [await other.step(command) for command in commands[2:]]
        environment.restore(snapshot)
        return first, second, await environment.step("look")

    first, second, look = asyncio.run(run())
    assert first == second
    assert first[-1].won
    assert not look.terminated
    with pytest.raises(TypeError, match="no snapshot"):
        AlfworldEnv().restore(7)


def test_admissible_actions_are_listed_on_request() -> None:
    silent = asyncio.run(AlfworldEnv().reset(TASK, 0))
    assert silent.admissible is None
    listed = asyncio.run(AlfworldEnv(show_admissible=True).reset(TASK, 0)).admissible
    assert listed is not None
    assert list(listed) == sorted(listed)
    assert "inventory" in listed
