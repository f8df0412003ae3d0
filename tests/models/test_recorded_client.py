"""A record of calls: everything is in it, it answers without the model, and knows what it does not know."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dreamgym.core.errors import ConfigError, EndpointError
from dreamgym.models.clients.recorded_client import CALLS, RecordedClient
from dreamgym.models.llm_client import Completion, LLMClient, Message, ScriptedClient, Usage, make_client


def recorded(folder: Path, *script: str) -> RecordedClient:
    return RecordedClient(folder, ScriptedClient(list(script)))


async def dialogue(client: LLMClient) -> list[str]:
    session = client.session(seed=1)
    session.append("a")
    first = await session.generate(stop=["!"], max_tokens=5)
    twin = session.fork(seed=2)
    session.append("b")
    return [first.text, (await session.generate(max_tokens=5)).text, (await twin.generate(max_tokens=5)).text]


def test_calls_messages_and_sessions_are_answered_alike_without_the_model(tmp_path: Path) -> None:
    said = [Message(role="system", content="s"), Message(role="user", content="u")]
    client = recorded(tmp_path, "one", "two", "three!", "four", "five")
    first = [client.complete("p", temperature=1.0, seed=4), asyncio.run(client.acomplete(said))]
    turns = asyncio.run(dialogue(client))
    again = make_client(f"recorded:{tmp_path}")
    assert [again.complete("p", temperature=1.0, seed=4), asyncio.run(again.acomplete(said))] == first
    assert asyncio.run(dialogue(again)) == turns == ["three!", "four", "five"]
    assert again.usage.calls == 5


def test_the_same_call_again_gets_the_next_recorded_answer(tmp_path: Path) -> None:
    client = recorded(tmp_path, "one", "two")
    client.complete("p")
    client.complete("p")
    again = RecordedClient(tmp_path)
    assert [again.complete("p").text for _ in range(2)] == ["one", "two"]
    with pytest.raises(EndpointError, match="recorded 2 times, asked once more"):
        again.complete("p")


@pytest.mark.parametrize("change", [{"seed": 1}, {"temperature": 0.5}, {"stop": ["x"]}, {"max_tokens": 3}])
def test_another_setting_is_another_call(tmp_path: Path, change: dict) -> None:
    recorded(tmp_path, "one").complete("p")
    with pytest.raises(EndpointError, match="does not know"):
        RecordedClient(tmp_path).complete("p", **change)


def test_an_unknown_call_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    client = recorded(tmp_path, "one", "two", "three")
    for prompt in ("put the mug away", "open the door\nof the fridge", "12345"):
        client.complete(prompt)
    with pytest.raises(EndpointError) as error:
        RecordedClient(tmp_path).complete("open the door\nof the cabinet")
    assert "-of the fridge\n+of the cabinet" in str(error.value)
    assert "mug" not in str(error.value)


def test_failures_are_recorded_too(tmp_path: Path) -> None:
    client = recorded(tmp_path)
    with pytest.raises(EndpointError, match="has 0 answers"):
        client.complete("p")
    with pytest.raises(EndpointError, match="has 0 answers"):
        RecordedClient(tmp_path).complete("p")


def test_a_line_cut_off_by_a_kill_costs_that_call_alone(tmp_path: Path) -> None:
    recorded(tmp_path, "one").complete("p")
    path = tmp_path / CALLS
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    recorded(tmp_path, "two").complete("q")
    again = RecordedClient(tmp_path)
    assert (again.complete("p").text, again.complete("q").text) == ("one", "two")


def test_lines_of_many_writers_stay_whole(tmp_path: Path) -> None:
    clients = [recorded(tmp_path, *["x" * 5000] * 50) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda client: [client.complete(f"p{i}") for i in range(50)], clients))
    lines = (tmp_path / CALLS).read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 400


def test_what_was_used_is_told_again_at_no_cost(tmp_path: Path) -> None:
    class Paid(ScriptedClient):
        async def acomplete(self, prompt, **settings) -> Completion:
            used = Usage(calls=1, prompt_tokens=5, completion_tokens=2, charged_tokens=7, cost_usd=0.5)
            return Completion(text="t", token_ids=(1, 2), logprobs=(-0.5, -0.25), usage=used)

    asyncio.run(RecordedClient(tmp_path, Paid([])).acomplete("p"))
    again = RecordedClient(tmp_path)
    answer = again.complete("p")
    assert (answer.token_ids, answer.logprobs) == ((1, 2), (-0.5, -0.25))
    assert again.usage == Usage(calls=1, prompt_tokens=5, completion_tokens=2)


def test_without_a_record_there_is_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no recorded calls at .*record some with recorded:.*:CLIENT"):
        make_client(f"recorded:{tmp_path / 'none'}")
