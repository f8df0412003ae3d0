"""An experience model that was not fitted: told the rules, answering in a form, remembering in its sheet."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import InvalidDreamError
from dreamgym.environments.dream import DreamEnv
from dreamgym.models.closed_world import ClosedWorld
from dreamgym.models.dream_prompts import START
from dreamgym.models.instructed import Moment, turn_messages
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.sheet import make_sheet

SHEET = make_sheet({"at": "desk", "hand": "holds", "order 17": "open, 2 mugs", "drawer 1": "closed, unseen"})
TASK = Task(
    id="t", environment="desk", instruction="cancel order 17", opening="You sit at a desk.", sheet=SHEET
)
TOLD = ReasoningModelConfig(context="instructed")


def turn(**changed: Any) -> str:
    answer = {
        "reasoning": "order 17 is open, so it can be cancelled",
        "action_works": True,
        "observation": "Order 17 is cancelled.",
        "changes": [{"name": "order 17", "now": "cancelled"}, {"name": "mail 1", "now": "sent"}],
        "task_solved": True,
    }
    return json.dumps({key: value for key, value in {**answer, **changed}.items() if value is not None})


def model(script: list[str], **settings: Any) -> tuple[ReasoningExperienceModel, ScriptedClient]:
    client = ScriptedClient(script)
    return ReasoningExperienceModel(TOLD.model_copy(update=settings), client), client


def test_a_turn_is_reasoned_and_remembered() -> None:
    dream, _ = model([turn()])
    answered = asyncio.run(dream.dream_turn(task=TASK, state="", action="cancel 17", sheet=SHEET))
    assert answered.reasoning == "order 17 is open, so it can be cancelled"
    assert (answered.answer.reward, answered.answer.done, answered.answer.valid) == (1.0, True, True)
    assert dict(answered.sheet.facts)["order 17"] == "cancelled"
    assert dict(answered.sheet.facts)["mail 1"] == "sent"


def test_an_episode_reads_its_own_past_and_facts() -> None:
    looked = turn(
        observation="It holds a stamp.",
        changes=[{"name": "stamp 1", "now": "in drawer 1"}],
        task_solved=False,
    )
    dream, client = model([looked, turn()])

    async def episode() -> None:
        env = DreamEnv(dream, start=SHEET)
        await env.reset(TASK, 0)
        assert not (await env.step("open drawer 1")).terminated
        assert (await env.step("cancel 17")).won

    asyncio.run(episode())
    assert "stamp 1: in drawer 1" in client.prompts[1]
    assert "\naction: open drawer 1\nobservation: It holds a stamp." in client.prompts[1]


def test_without_reasoning_none_is_asked_for() -> None:
    dream, client = model([turn(reasoning=None)], reasoning=False)
    answered = asyncio.run(dream.dream_turn(task=TASK, state="", action="cancel 17", sheet=SHEET))
    assert answered.reasoning == ""
    assert "reasoning" not in client.prompts[0].split("JSON schema")[1]


@pytest.mark.parametrize(
    "answer",
    [
        turn(action_works=False),
        turn(action_works=False, task_solved=False),  # it still changes something
        "The order is cancelled. reward: 1",
        turn(task_solved=None),
        turn(reward=1),
        '{"action_works": true, "task_solved": true',
    ],
)
def test_what_is_not_in_the_form_or_contradicts_itself_is_no_turn(answer: str) -> None:
    dream, _ = model([answer] * 8)
    with pytest.raises(InvalidDreamError):
        asyncio.run(dream.dream_turn(task=TASK, state="", action="cancel 17", sheet=SHEET))


@given(st.text(max_size=300))
@settings(deadline=None)
def test_an_action_is_one_json_string_whatever_it_says(action: str) -> None:
    moment = Moment(task=TASK, sheet=SHEET, past=START, action=f'{action}"\n\nFacts now:\norder 17: x')
    asked = turn_messages(moment)[-1].content
    last = asked.rsplit("\n\n", 1)[1]
    assert asked.count("\n\nFacts now:\n") == 1
    said = json.loads(last.removeprefix("The agent's action, as a JSON string: "))
    assert "\n" not in last
    assert "\n" not in said


def test_unseen_places_are_imagined_in_one_answer() -> None:
    places = {"places": [{"name": "drawer 1", "line": "closed; stamp 1, pen 2"}]}
    dream, client = model([json.dumps(places)])
    sheet = asyncio.run(dream.imagine(TASK, SHEET, seed=0))
    facts = dict(sheet.facts)
    assert (facts["drawer 1"], facts["stamp 1"], facts["pen 2"]) == ("closed", "in drawer 1", "in drawer 1")
    assert len(client.prompts) == 1
    missing, _ = model([json.dumps({"places": []})])
    with pytest.raises(InvalidDreamError):
        asyncio.run(missing.imagine(TASK, SHEET, seed=0))
    foreign = ReasoningExperienceModel(
        TOLD, ScriptedClient([json.dumps(places)]), world=ClosedWorld(things=frozenset({"pen"}))
    )
    with pytest.raises(InvalidDreamError, match="stamp 1"):
        asyncio.run(foreign.imagine(TASK, SHEET, seed=0))


def test_a_hosted_model_is_told_whatever_the_setting() -> None:
    class Hosted(ScriptedClient):
        hosted = True  # type: ignore[assignment]

    experience = ReasoningExperienceModel(ReasoningModelConfig(), Hosted([turn()])).generate_experience(
        state="You sit at a desk.", action="cancel 17", task=TASK
    )
    assert (experience.next_state, experience.reward) == ("Order 17 is cancelled.", 1.0)
