"""``openai:``: what is asked of which server, and how its answers are read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from dreamgym.core.config import LLMConfig
from dreamgym.core.errors import EndpointError, EndpointSetupError
from dreamgym.models.clients.endpoint_faults import Fault
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.clients.openai_client import CONTINUE, HOSTED, openai_client
from dreamgym.models.clients.openai_wire import Answer, Wanted, completion_of, read_wire
from dreamgym.models.clients.remote_client import RemoteClient
from dreamgym.models.llm_client import Completion, make_client
from dreamgym.models.structured import acomplete_as
from fault_server import FaultServer, Reply, completion, serving


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def client_of(server: FaultServer, *, tokens: bool = False) -> RemoteClient:
    config = LLMConfig(base_url=server.url, retries=0)
    return openai_client("m", config, Account(config), tokens=tokens)


def continued(client: RemoteClient, text: str, **settings) -> Completion:
    return asyncio.run(client.acontinue(text, **settings))


def test_a_text_is_continued_as_it_stands_where_the_server_can() -> None:
    with serving(lambda *_: Reply(text=" and on")) as server:
        client = client_of(server)

        async def dialogue() -> str:
            session = client.session(seed=3)
            session.append("so far")
            await session.generate(max_tokens=5, temperature=1.0)
            session.append(", then")
            await session.generate(max_tokens=5)
            return session.text

        assert asyncio.run(dialogue()) == "so far and on, then and on"
    assert [(path, body["prompt"], body["seed"]) for path, body, _ in server.requests] == [
        ("/completions", "so far", 3),
        ("/completions", "so far and on, then", 4),
    ]


def test_a_server_of_conversations_alone_is_told_to_continue() -> None:
    def decide(path: str, body: dict, headers: dict) -> Reply:
        return Reply(text="...") if "chat" in path else Reply(status=404, body={"detail": "Not Found"})

    with serving(decide) as server:
        client = client_of(server)
        continued(client, "one")
        continued(client, "two")
    assert [path for path, _, _ in server.requests] == ["/completions", *["/chat/completions"] * 2]
    assert server.requests[2][1]["messages"] == [
        {"role": "system", "content": CONTINUE},
        {"role": "user", "content": "two"},
    ]


STOPS = ["\nend", " ="]


@pytest.mark.parametrize("shown", ["a = b\nend and more", "a ="])  # not cut; cut behind the stop string
def test_a_stop_that_stands_in_the_text_is_no_riddle(shown: str) -> None:
    with serving(lambda *_: Reply(text=shown)) as server:
        client = client_of(server)
        for _ in range(2):
            answer = continued(client, "x", stop=STOPS)
            assert (answer.text, answer.finish_reason) == ("a =", "stop")
    assert [body["stop"] for _, body, _ in server.requests] == [STOPS, STOPS]


@pytest.mark.parametrize(("following", "ended"), [(" = b", " ="), ("\nend", "\nend"), ("", ""), (" b", "")])
def test_which_stop_was_cut_off_is_what_would_have_come_next(following: str, ended: str) -> None:
    def decide(path: str, body: dict, headers: dict) -> Reply:
        return Reply(text="a" if "stop" in body else following)

    with serving(decide) as server:
        answer = continued(client_of(server), "x", stop=STOPS, max_tokens=99)
    assert (answer.text, answer.finish_reason) == (f"a{ended}", "stop")
    asked, after = (body for _, body, _ in server.requests)
    assert (asked["prompt"], asked["stop"], asked["max_tokens"]) == ("x", STOPS, 99)
    assert (after["prompt"], after.get("stop"), after["max_tokens"]) == ("xa", None, len("\nend"))
    assert answer.usage.prompt_tokens == 2 * completion("", "")["usage"]["prompt_tokens"]


def test_a_server_that_says_what_ended_a_text_is_asked_once() -> None:
    def vllm(path: str, body: dict, headers: dict) -> Reply:
        return Reply(body=completion(path, "a", stop_reason=" ="))

    with serving(vllm) as server:
        client = client_of(server)
        assert [continued(client, "x", stop=STOPS).text for _ in range(2)] == ["a ="] * 2
    assert len(server.requests) == 2


def test_a_text_that_was_cut_at_its_length_has_no_stop() -> None:
    body = completion("/completions", "a") | {"choices": [{"text": "a", "finish_reason": "length"}]}
    with serving(lambda *_: Reply(body=body)) as server:
        answer = continued(client_of(server), "x", stop=STOPS)
    assert (answer.text, answer.finish_reason, len(server.requests)) == ("a", "length", 1)


def test_in_conversations_stops_are_cut_here_unless_the_server_tells_which_one_it_was() -> None:
    with serving(lambda *_: Reply(text="a = b\nend and more")) as server:
        client = client_of(server)
        for _ in range(2):
            answer = client.complete("x", stop=STOPS)
            assert (answer.text, answer.finish_reason) == ("a =", "stop")
    assert all("stop" not in body for _, body, _ in server.requests)

    def vllm(path: str, body: dict, headers: dict) -> Reply:
        told = {"stop_reason": " ="} if "stop" in body else {"stop_reason": None}
        return Reply(body=completion(path, "a" if "stop" in body else "a = b", **told))

    with serving(vllm) as server:
        client = client_of(server)
        assert [client.complete("x", stop=STOPS).text for _ in range(2)] == ["a =", "a ="]
    assert [body.get("stop") for _, body, _ in server.requests] == [None, STOPS]


def sampled(*tokens: tuple[str, float]) -> dict:
    return {"content": [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in tokens]}


def test_tokens_and_logprobs_are_those_of_the_text_that_is_kept() -> None:
    logprobs = sampled(("caf", -0.1), ("é", -0.2), (" =", -0.3), (" more", -0.4))
    body = completion("chat", "café = more", logprobs=logprobs, token_ids=[5, 6, 7, 8])
    with serving(lambda *_: Reply(body=body)) as server:
        client = client_of(server, tokens=True)
        whole = client.complete("x")
        cut = client.complete("x", stop=["é ="])
    assert (whole.token_ids, whole.logprobs) == ((5, 6, 7, 8), (-0.1, -0.2, -0.3, -0.4))
    assert (cut.text, cut.token_ids, cut.logprobs) == ("café =", (5, 6, 7), (-0.1, -0.2, -0.3))
    asked = server.requests[0][1]
    assert asked["logprobs"] is True
    assert asked["return_token_ids"] is True


def test_a_server_that_takes_no_fields_of_others_is_asked_without() -> None:
    def decide(path: str, body: dict, headers: dict) -> Reply:
        if "return_token_ids" in body:
            return Reply(
                status=422, body={"detail": "Unexpected fields in the request: {'return_token_ids'}"}
            )
        return Reply(body=completion(path, "a", logprobs=sampled(("a", -0.5))))

    with serving(decide) as server:
        client = client_of(server, tokens=True)
        answers = [client.complete("x") for _ in range(2)]
    assert [(answer.token_ids, answer.logprobs) for answer in answers] == [((), (-0.5,))] * 2
    assert len(server.requests) == 3


def test_a_server_that_ignores_logprobs_is_told_of_only_where_they_are_needed() -> None:
    with serving(lambda *_: Reply(text="fine")) as server:
        assert client_of(server).complete("x").logprobs == ()
        with pytest.raises(
            EndpointSetupError, match=r"ignores logprobs, which are needed here: use a server"
        ):
            client_of(server, tokens=True).complete("x")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"logprobs": sampled(("a", 0.5))}, "no log-probability"),
        ({"logprobs": {"content": [{"token": "a", "logprob": None}]}}, "logprob"),
        ({"logprobs": sampled(("a", -0.5)), "token_ids": [1, 2]}, "2 token ids but 1 logprobs"),
    ],
)
def test_tokens_that_do_not_fit_together_are_no_answer(more: dict, message: str) -> None:
    with (
        serving(lambda *_: Reply(body=completion("chat", "a", **more))) as server,
        pytest.raises(EndpointError, match=message),
    ):
        client_of(server, tokens=True).complete("x")


def test_an_end_by_length_is_told_apart() -> None:
    body = completion("chat", "abc")
    body["choices"][0]["finish_reason"] = "length"
    with serving(lambda *_: Reply(body=body)) as server:
        client = client_of(server)
        assert client.complete("x").finish_reason == "length"
        assert client.complete("x", stop=["b"]).finish_reason == "stop"


def test_openai_itself_is_asked_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234")
    with serving(lambda *_: Reply(text="fine")) as server:
        config = LLMConfig()
        client = openai_client("gpt-x", config, Account(config))
        assert client._provider.name == f"openai:gpt-x at {HOSTED}"
        monkeypatch.setattr("dreamgym.models.clients.openai_client.HOSTED", server.url)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        client = openai_client("gpt-x", config, Account(config))
        continued(client, "so far", max_tokens=7)
    path, body, headers = server.requests[0]
    assert path == "/chat/completions"  # it has no /completions for its newer models
    assert body["max_completion_tokens"] == 7
    assert "max_tokens" not in body
    assert headers["authorization"] == "Bearer sk-test-1234"


@pytest.mark.parametrize("length", range(150, 205, 5))
def test_no_part_of_a_key_is_in_an_error(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    key = "sk-secret-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    for body in ({"error": {"message": "x" * length + key}}, "y" * length + key):
        with serving(lambda *_, body=body: Reply(status=400, body=body)) as server:
            client = client_of(server)
            with pytest.raises(EndpointError) as raised:
                client.complete("x")
        assert key[:9] not in str(raised.value)
    assert key not in repr(client._provider._key)


def test_a_server_of_ones_own_needs_no_key() -> None:
    with serving(lambda *_: Reply()) as server:
        make_client("openai:m", LLMConfig(base_url=server.url)).complete("x")
    assert server.requests[0][2]["authorization"] == "Bearer none"


class Pair(BaseModel):
    name: str
    size: int = Field(ge=0)


def test_a_schema_is_sent_where_the_server_takes_it_and_checked_in_any_case() -> None:
    texts = iter(['{"name": "a", "size": -1}', 'so: {"name": "a", "size": 3}'])
    with serving(lambda *_: Reply(text=next(texts))) as server:
        pair = asyncio.run(acomplete_as(client_of(server), Pair, "a pair, please"))
    assert pair == Pair(name="a", size=3)
    form = server.requests[0][1]["response_format"]["json_schema"]
    assert form["strict"] is True
    assert form["schema"]["required"] == ["name", "size"]
    assert form["schema"]["additionalProperties"] is False
    assert (
        "size: Input should be greater than or equal to 0" in server.requests[1][1]["messages"][-1]["content"]
    )


def test_a_record_holds_a_server_to_schemas_and_replays_it(tmp_path: Path) -> None:
    with serving(lambda *_: Reply(text='{"name": "a", "size": 3}')) as server:
        client = make_client(f"recorded:{tmp_path}:openai:m", LLMConfig(base_url=server.url))
        first = asyncio.run(acomplete_as(client, Pair, "a pair"))
    assert "response_format" in server.requests[0][1]
    assert asyncio.run(acomplete_as(make_client(f"recorded:{tmp_path}"), Pair, "a pair")) == first


def test_a_server_that_takes_no_schema_is_asked_without() -> None:
    def decide(path: str, body: dict, headers: dict) -> Reply:
        if "response_format" in body:
            return Reply(status=400, body={"error": {"message": "response_format is not supported"}})
        return Reply(text='{"name": "a", "size": 3}')

    with serving(decide) as server:
        client = client_of(server)
        for _ in range(2):
            assert asyncio.run(acomplete_as(client, Pair, "a pair")).size == 3
    asked = [body.get("response_format", {}).get("type") for _, body, _ in server.requests]
    assert asked == ["json_schema", "json_object", None, None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["choices", "message", "content", "text", "usage", "logprobs", "tokens", "finish_reason"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_an_answer_or_a_fault(value: object) -> None:
    with contextlib.suppress(Fault):
        answer = read_wire(Answer, json.dumps(value), "here")
        found = completion_of(answer, Wanted(stop=["x"], tokens=True), "here")
        assert isinstance(found.text, str)
        assert len(found.token_ids) in (0, len(found.logprobs))


def test_a_record_of_a_server_replays_without_it(tmp_path: Path) -> None:
    with serving(lambda path, *_: Reply(text=f"from {path}")) as server:
        client = make_client(f"recorded:{tmp_path}:openai:m", LLMConfig(base_url=server.url))
        first = client.complete("x", stop=["q"])
        assert client.usage.calls == 1
    again = make_client(f"recorded:{tmp_path}")
    assert again.complete("x", stop=["q"]).text == first.text == "from /chat/completions"
