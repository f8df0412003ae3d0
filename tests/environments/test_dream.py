"""The dream behind the environment protocol, with a scripted experience model."""

from __future__ import annotations

import asyncio

import pytest

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import InvalidDreamError
from dreamgym.environments.base_env import StepResult
from dreamgym.environments.dream import DreamEnv, DreamFactory, blank_sheet
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.sheet import line, make_sheet, unseen_places

OPENING = (
    "You are in the middle of a room. Looking quickly around you, you see a cabinet 1, and a shelf 1.\n\n"
    "Your task is to: put a mug 9 in shelf."
)
SHEET = make_sheet(
    {
        "at": "middle",
        "hand": "holds",
        "cabinet 1": "closed",
        "shelf 1": "surface",
        "mug 1": "in shelf 1",
        "room [1]": "door, unknown",
    }
)
TASK = Task(id="t", environment="dream", instruction="take the mug.", opening=OPENING, sheet=SHEET)
RULES = {
    "action: go to shelf 1": "\nok\nnext: You arrive at shelf 1.\nset at: shelf 1\nreward: 0\ndone: no",
    "action: take mug 1 from shelf 1": "\nok\nnext: You take it.\nset mug 1: in hand\nreward: 1\ndone: yes",
    "action: go north": "\n> room [1] =",
    " door, unknown; nothing": "\nok\nnext: You are in the middle of a room.\nreward: 0\ndone: no",
    "action: nonsense": "what?",
    "action:": "\nfail\nnext: Nothing happens.\nreward: 0\ndone: no",
}


def dream(max_turns: int = 5) -> DreamEnv:
    model = ReasoningExperienceModel(ReasoningModelConfig(retries=0), ScriptedClient(RULES))
    return DreamEnv(model, max_turns=max_turns)


def play(environment: DreamEnv, actions: list[str]) -> list[StepResult]:
    async def episode() -> list[StepResult]:
        await environment.reset(TASK, 0)
        return [await environment.step(action) for action in actions]

    return asyncio.run(episode())


def test_an_episode_keeps_its_hidden_state_in_the_sheet() -> None:
    environment = dream()
    look, go, last = play(environment, ["look", "go to shelf 1", "take mug 1 from shelf 1"])
    changes = [look.changes, go.changes, last.changes]
    assert changes == [(), (("at", "shelf 1"),), (("mug 1", "in hand"),)]
    assert last.terminated
    assert last.won
    assert last.reward == 1.0
    assert environment.sheet == SHEET  # the one it started from


def test_the_turn_limit_truncates_and_the_end_is_the_end() -> None:
    environment = dream(max_turns=2)
    first, second = play(environment, ["look", "look"])
    assert not first.truncated
    assert second.truncated
    assert not second.terminated
    with pytest.raises(RuntimeError, match="call reset"):
        asyncio.run(environment.step("look"))


def test_a_turn_that_stands_on_what_nobody_knows_ends_the_episode_without_a_win() -> None:
    first, north = play(dream(), ["look", "go north"])
    assert not first.truncated
    assert (north.truncated, north.terminated, north.won) == (True, False, False)


def test_a_win_that_stands_on_what_nobody_knows_is_no_reward_and_no_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paid = "\nok\nnext: You win.\nreward: 1\ndone: yes"
    monkeypatch.setitem(RULES, " door, unknown; nothing", paid)
    with pytest.raises(InvalidDreamError, match="pays for what nobody knows"):
        play(dream(), ["go north"])


def test_a_restored_dream_goes_on_as_it_did() -> None:
    environment = dream()
    play(environment, ["go to shelf 1"])
    here = environment.snapshot()
    once = asyncio.run(environment.step("take mug 1 from shelf 1"))
    environment.restore(here)
    assert asyncio.run(environment.step("take mug 1 from shelf 1")) == once


def test_a_malformed_dream_is_an_error_and_not_a_reward() -> None:
    with pytest.raises(InvalidDreamError):
        play(dream(), ["nonsense"])


def test_an_opening_alone_leaves_everything_to_imagine() -> None:
    sheet = blank_sheet(OPENING)
    assert unseen_places(sheet) == ["cabinet 1", "shelf 1"]
    assert line(sheet, "mug 9") == "none"  # the instruction is no part of the room


def test_the_members_of_a_group_share_one_imagined_sheet() -> None:
    script = ScriptedClient([" closed; pen 1\nend", " surface; mug 1\nend"])
    factory = DreamFactory(ReasoningExperienceModel(ReasoningModelConfig(), script), max_turns=3)
    unknown = Task(id="u", environment="dream", instruction="take the mug.", opening=OPENING)

    async def two() -> list[DreamEnv]:
        make = await factory(unknown, 7)
        members = [make(), make()]
        for member in members:
            await member.reset(unknown, 7)
        return members  # type: ignore[return-value]

    first, second = asyncio.run(two())
    assert first.sheet == second.sheet
    assert first.sheet is not None
    assert line(first.sheet, "shelf 1") == "surface; mug 1"
