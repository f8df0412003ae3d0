"""``anthropic:``, through its official package against a server of the same form."""

from __future__ import annotations

import asyncio
import importlib.util
import sys

import pytest
from pydantic import BaseModel

from dreamgym.core.config import LLMConfig
from dreamgym.core.errors import (
    ConfigError,
    ContextFullError,
    EndpointError,
    EndpointSetupError,
    UnavailableError,
)
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.llm_client import Message, Usage, make_client
from dreamgym.models.structured import complete_as
from fault_server import FaultServer, Reply, serving

KEY = "sk-ant-test-0123456789"
installed = pytest.mark.skipif(
    importlib.util.find_spec("anthropic") is None, reason='pip install "dreamgym[anthropic]"'
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def reply(text: str, **more: object) -> Reply:
    content = [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": text}]
    usage = {"input_tokens": 5, "output_tokens": 4, "cache_read_input_tokens": 3}
    return Reply(body={"content": content, "stop_reason": "end_turn", "usage": usage, **more})


def client_of(server: FaultServer, monkeypatch: pytest.MonkeyPatch, **settings: object):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url.removesuffix("/v1"))
    # The URL of an OpenAI-compatible server is not Anthropic's.
    config = LLMConfig(base_url="http://no-such-host.invalid/v1", retries=0, **settings)
    return make_client("anthropic:claude-x", config, account=Account(config))


@installed
def test_a_conversation_and_its_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda *_: reply("fine")) as server:
        client = client_of(server, monkeypatch)
        said = [Message(role="system", content="s"), Message(role="user", content="u")]
        answer = client.complete(said, max_tokens=9, temperature=2.0)
    path, body, headers = server.requests[0]
    assert path == "/messages"
    assert KEY in headers.get("x-api-key", headers.get("authorization", ""))  # as the package sends it
    assert (body["system"], body["messages"]) == ("s", [{"role": "user", "content": "u"}])
    assert (body["max_tokens"], body["temperature"]) == (9, 1.0)
    assert answer.text == "fine"
    assert answer.usage == Usage(
        calls=1, prompt_tokens=8, cached_tokens=3, completion_tokens=4, charged_tokens=12
    )


@installed
def test_the_stop_that_ended_it_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = reply("a", stop_reason="stop_sequence", stop_sequence=" =")
    with serving(lambda *_: ended) as server:
        client = client_of(server, monkeypatch)

        async def dialogue() -> str:
            session = client.session(seed=0)
            session.append("x")
            return (await session.generate(stop=["\nend", " ="], max_tokens=5)).text

        assert asyncio.run(dialogue()) == "a ="
    body = server.requests[0][1]
    assert body["stop_sequences"] == ["\nend", " ="]
    assert "Continue the user's text" in body["system"]


class Verdict(BaseModel):
    score: int


@installed
def test_forms_and_parameters_that_a_model_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    def decide(path: str, body: dict, headers: dict) -> Reply:
        for name in ("temperature", "output_config"):
            if name in body:
                return Reply(
                    status=400, body={"type": "error", "error": {"message": f"{name}: not permitted"}}
                )
        return reply('{"score": 2}')

    with serving(decide) as server:
        assert complete_as(client_of(server, monkeypatch), Verdict, "judge").score == 2
    assert server.requests[0][1]["output_config"]["format"]["schema"]["required"] == ["score"]
    assert len(server.requests) == 3


@installed
@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (401, "invalid x-api-key", EndpointSetupError),
        (404, "model: claude-x", EndpointSetupError),
        (400, "prompt is too long: 9 tokens", ContextFullError),
        (400, "something else", EndpointError),
        (529, "overloaded", EndpointError),
        (500, "oh", EndpointError),
    ],
)
def test_errors_are_of_one_line(
    monkeypatch: pytest.MonkeyPatch, status: int, said: str, error: type[Exception]
) -> None:
    body = {"type": "error", "error": {"type": "x", "message": f"{said} {KEY}"}}
    with serving(lambda *_: Reply(status=status, body=body)) as server:
        client = client_of(server, monkeypatch)
        with pytest.raises(error, match=rf"anthropic:claude-x.*{said} \[key\]") as raised:
            client.complete("u")
    assert "\n" not in str(raised.value)
    assert server.served.total() == 1
    assert (client.usage.calls, client.usage.failures) == (1, 1)


@installed
def test_a_refusal_an_empty_answer_and_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = iter([reply("", stop_reason="refusal"), Reply(body={"content": []}), Reply(body=[1])])
    with serving(lambda *_: next(replies)) as server:
        client = client_of(server, monkeypatch)
        for message in ("the model refuses", "without a text", "the answer"):
            with pytest.raises(EndpointError, match=message):
                client.complete("u")
    with pytest.raises(EndpointSetupError, match="cannot be reached"):
        client_of(server, monkeypatch).complete("u")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(UnavailableError, match=r'pip install "dreamgym\[anthropic\]"'):
        make_client("anthropic:claude-x")


@installed
def test_a_key_is_needed_and_tokens_are_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="tells no token ids and no logprobs"):
        make_client("anthropic:claude-x", tokens=True)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(ConfigError, match="needs a key: set ANTHROPIC_API_KEY"):
        make_client("anthropic:claude-x")
