"""What every call to a server goes through: tries, waits, limits, budgets; the server misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest

from dreamgym.core.config import LLMConfig, ReasoningModelConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import (
    BudgetError,
    CircuitOpenError,
    ConfigError,
    ContextFullError,
    EndpointError,
    EndpointSetupError,
)
from dreamgym.models.clients import bounded_transport
from dreamgym.models.clients.endpoint_faults import Fault, FaultKind, error_body, retry_after
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.clients.openai_client import openai_client
from dreamgym.models.clients.patience import Patience
from dreamgym.models.clients.remote_call import MESSAGE_TOKENS
from dreamgym.models.clients.remote_client import RemoteClient
from dreamgym.models.clients.secret import Secret
from dreamgym.models.llm_client import Message, Usage, acomplete_many, make_client
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.sheet import make_sheet
from fault_server import (
    COUNTED_AS,
    FAULTS,
    HANG,
    HUGE,
    OK,
    RATE_LIMIT_AFTER,
    SERVER_ERROR,
    TOO_LONG,
    WIN,
    WRONG_COUNTS,
    FaultServer,
    Reply,
    completion,
    serving,
)


class Waits:
    """Waits no time, and remembers how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def client_of(server: FaultServer, waits: Waits | None = None, **settings: object) -> RemoteClient:
    config = LLMConfig(base_url=server.url, **settings)
    return openai_client("m", config, Account(config), sleep=waits or Waits(), rng=Random(0))


def in_turn(*replies: Reply) -> Iterator[Reply]:
    """The replies one after the other, then wins."""
    yield from replies
    while True:
        yield Reply()


def deciding(*replies: Reply):
    turns = in_turn(*replies)
    return lambda path, body, headers: next(turns)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("ending", ["chat", "text"])
def test_a_fault_is_tried_again_counted_and_no_answer(fault: str, ending: str) -> None:
    waits = Waits()
    with serving(deciding(Reply(fault), Reply(text="good"))) as server:
        client = client_of(server, waits, timeout_s=0.5 if fault == HANG else 20)
        ask = client.acomplete if ending == "chat" else client.acontinue
        answer = asyncio.run(ask("hello"))
    assert answer.text == "good"
    assert client.faults == {FaultKind(COUNTED_AS[fault]): 1}
    assert (client.usage.calls, client.usage.retries, client.usage.failures) == (1, 1, 0)
    assert len(waits.seconds) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_an_endpoint_error_of_one_line(fault: str) -> None:
    with serving(deciding(*[Reply(fault)] * 9)) as server:
        client = client_of(server, retries=2, timeout_s=0.3 if fault == HANG else 20)
        with pytest.raises(EndpointError, match=r"openai:m at http://127.*tried 3 times") as error:
            client.complete("hello")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    assert (client.usage.calls, client.usage.failures, client.usage.retries) == (1, 1, 2)
    assert client.faults.total() == server.served[fault] == 3


def test_the_server_is_not_waited_for_less_than_it_asks() -> None:
    asked = Reply(RATE_LIMIT_AFTER, headers={"retry-after": "7"})
    waits = Waits()
    with serving(deciding(asked, Reply(SERVER_ERROR), asked)) as server:
        client_of(server, waits).complete("hello")
    assert 7 <= waits.seconds[0] <= 8
    assert 0 <= waits.seconds[1] <= 2
    assert 7 <= waits.seconds[2] <= 8


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert retry_after({"retry-after": "12"}) == 12
    assert retry_after({"retry-after": date}, now) == 90
    assert retry_after({"retry-after": format_datetime(now - timedelta(1), usegmt=True)}, now) == 0
    assert [retry_after({"retry-after": text}) for text in ("soon", "-3", "nan", "²", "")] == [None] * 5
    assert retry_after({}) is None


def test_waiting_grows_with_full_jitter_and_ends() -> None:
    patience, fault = Patience(retries=8, rng=Random(1)), Fault(FaultKind.SERVER_ERROR, "")
    for tries, most in enumerate([1, 2, 4, 8, 16, 32, 60, 60], start=1):
        waits = [patience.wait(fault, tries) for _ in range(400)]
        assert max(waits) <= most
        assert max(waits) > 0.9 * most  # all of the range is used
        assert min(waits) < 0.1 * most
    assert patience.wait(fault, 9) is None
    assert patience.wait(Fault(FaultKind.REFUSED, ""), 1) is None
    assert patience.wait(Fault(FaultKind.RATE_LIMIT, "", retry_after=3600), 1) is None


@pytest.mark.parametrize(
    ("status", "said"), [(401, "no such key"), (403, "not yours"), (404, "The model `m` does not exist")]
)
def test_what_no_try_mends_is_told_at_once(status: int, said: str) -> None:
    reply = Reply(status=status, body={"error": {"message": said}})
    with serving(lambda *_: reply) as server:
        client = client_of(server)
        with pytest.raises(EndpointSetupError, match=rf"openai:m at {server.url}.*{said}"):
            client.complete("hello")
    assert server.served.total() == 1
    assert (client.usage.calls, client.usage.failures) == (1, 1)


def test_what_no_try_mends_is_asked_once_however_many_wait() -> None:
    replies = iter([Reply(status=401, body={"error": {"message": "no"}})])
    with serving(lambda *_: next(replies, Reply(text="mended"))) as server:
        client = client_of(server)

        async def many() -> list:
            return await asyncio.gather(*(client.acomplete("x") for _ in range(9)), return_exceptions=True)

        assert {type(outcome) for outcome in asyncio.run(many())} == {EndpointSetupError}
        assert server.served.total() == 1
        assert client.complete("x").text == "mended"  # what was mended meanwhile is asked again
        assert client._was_tried
    assert (client.usage.calls, client.usage.failures) == (10, 9)


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with serving(deciding()) as server:
        pass
    with pytest.raises(EndpointSetupError, match=rf"openai:m at {server.url} cannot be reached"):
        client_of(server).complete("hello")
    with pytest.raises(EndpointSetupError, match=r"cannot be reached.*is it up"):
        make_client("openai:m", LLMConfig(base_url="http://no-such-host.invalid/v1")).complete("hello")


def test_a_server_that_went_away_is_waited_for() -> None:
    waits = Waits()
    with serving(deciding()) as server:
        client = client_of(server, waits)
        client.complete("hello")
    with pytest.raises(EndpointError, match="the connection broke"):
        client.complete("hello")
    assert len(waits.seconds) == 5


def test_a_prompt_that_the_model_cannot_read_is_a_full_context() -> None:
    said = {"error": {"message": "This model's maximum context length is 8 tokens", "type": "x"}}
    with (
        serving(lambda *_: Reply(status=400, body=said)) as server,
        pytest.raises(ContextFullError, match="maximum context length"),
    ):
        client_of(server).complete("hello")


def test_a_refusal_is_not_asked_again() -> None:
    said = completion("/chat/completions", None)
    said["choices"][0]["message"]["refusal"] = "I will not"
    with serving(lambda *_: Reply(body=said)) as server:
        with pytest.raises(EndpointError, match="I will not"):
            client_of(server).complete("hello")
        assert server.served.total() == 1


def test_a_parameter_that_a_model_does_not_take_is_left_out() -> None:
    def decide(path: str, body: dict, headers: dict) -> Reply:
        for name in ("temperature", "max_tokens"):
            if name in body:
                return Reply(status=400, body={"error": {"message": f"no {name}", "param": name}})
        return Reply(text="fine")

    with serving(decide) as server:
        client = client_of(server)
        assert client.complete("hello", max_tokens=33).text == "fine"
        assert client.complete("hello").text == "fine"
    assert len(server.requests) == 4  # twice refused, then never again
    assert server.requests[2][1]["max_completion_tokens"] == 33


def test_the_breaker_stops_the_run_after_failures_of_all_clients_in_a_row() -> None:
    fates = ["bad", "bad", "good", "bad", "bad", "bad", "good"]

    def decide(path: str, body: dict, headers: dict) -> Reply:
        return Reply() if body["messages"][0]["content"] == "good" else Reply(SERVER_ERROR)

    with serving(decide) as server:
        config = LLMConfig(base_url=server.url, failures_in_a_row=3, retries=0)
        account = Account(config)
        clients = [openai_client("m", config, account, sleep=Waits()) for _ in range(2)]
        outcomes = []
        for number, fate in enumerate(fates):
            try:
                outcomes.append(clients[number % 2].complete(fate).text)
            except (EndpointError, CircuitOpenError) as error:
                outcomes.append(type(error))
                message = str(error)
    assert outcomes == [*[EndpointError] * 2, WIN, *[EndpointError] * 2, *[CircuitOpenError] * 2]
    assert server.served.total() == 6  # the last was not asked
    assert "3 calls in a row failed (llm.failures_in_a_row), the last one: openai:m" in message
    assert "HTTP 500" in message


PRICED = {"input_usd_per_million": 2.0, "output_usd_per_million": 10.0}


def test_money_is_counted_and_refused_before_it_is_spent() -> None:
    # A call of 5 bytes may read 5 + MESSAGE_TOKENS tokens and write 100.
    worst = ((5 + MESSAGE_TOKENS) * 2 + 100 * 10) / 1e6
    each = (7 * 2 + 3 * 10) / 1e6  # as the server counts
    with serving(deciding()) as server:
        client = client_of(server, max_cost_usd=worst + 2.5 * each, **PRICED)
        for _ in range(3):
            client.complete("hello", max_tokens=100)
        with pytest.raises(BudgetError, match=r"llm.max_cost_usd.*does not suffice.*\$0.0001 is spent"):
            client.complete("hello", max_tokens=100)
    assert server.served.total() == 3
    assert client.usage.cost_usd == pytest.approx(3 * each)
    assert client.usage.calls == 3


def test_calls_under_way_count_against_the_budget() -> None:
    worst = 5 + MESSAGE_TOKENS + 100
    with serving(deciding()) as server:
        client = client_of(server, max_tokens=2 * worst + 1)

        async def three() -> list:
            calls = [client.acomplete("hello", max_tokens=100) for _ in range(3)]
            return await asyncio.gather(*calls, return_exceptions=True)

        outcomes = asyncio.run(three())
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "BudgetError",
        "Completion",
        "Completion",
    ]
    assert client.usage.charged_tokens == 20


def test_what_was_spent_before_counts() -> None:
    config = LLMConfig(max_tokens=1000)
    account = Account(config)
    account.spend(Account(config).priced(Usage(prompt_tokens=600, completion_tokens=390)))
    with pytest.raises(BudgetError, match=r"990 are used.*may take 11"):
        account.reserve(account.priced(Usage(prompt_tokens=10, completion_tokens=1)))
    account.reserve(account.priced(Usage(prompt_tokens=9, completion_tokens=1)))


@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens": -5, "completion_tokens": 10**15},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": "7", "completion_tokens": None},
        "many",
        [],
    ],
)
def test_counts_that_cannot_be_true_are_taken_at_the_worst(told: object) -> None:
    body = {"choices": [{"message": {"content": "an answer"}}], "usage": told}
    with serving(lambda *_: Reply(body=body)) as server:
        client = client_of(server, **PRICED)
        usage = client.complete("hello", max_tokens=100).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (5 + MESSAGE_TOKENS, 100)
    assert usage.cost_usd == pytest.approx((2 * (5 + MESSAGE_TOKENS) + 1000) / 1e6)


def test_what_was_broken_off_may_be_billed_and_is_counted() -> None:
    with serving(deciding(Reply(HANG), Reply(SERVER_ERROR), Reply("truncated_json"))) as server:
        client = client_of(server, timeout_s=0.3)
        client.complete("hello", max_tokens=100)
    # The hang and the cut answer at their worst, the 500 not at all, the good one as told.
    assert client.usage.charged_tokens == 2 * (5 + MESSAGE_TOKENS + 100) + 10


def test_no_more_calls_at_once_than_allowed() -> None:
    with serving(deciding()) as server:
        client = client_of(server, concurrency=3)
        ask, under_way, most = client._provider.ask, 0, 0

        async def watched(request):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            try:
                return await ask(request)
            finally:
                under_way -= 1

        client._provider.ask = watched
        answers = asyncio.run(acomplete_many(client, ["a"] * 20))
    assert (len(answers), most) == (20, 3)


def test_huge_answers_are_broken_off() -> None:
    assert HUGE > bounded_transport.MAX_BYTES
    with serving(deciding(Reply(TOO_LONG))) as server:
        client = client_of(server, retries=0)
        with pytest.raises(EndpointError, match=r"longer than 16,777,216 bytes"):
            client.complete("hello")


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(deciding()) as server:
        monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
        for host in ("model.invalid", "other.invalid"):
            config = LLMConfig(base_url=f"http://{host}/v1", retries=0)
            client = openai_client("m", config, Account(config))
            if host == "other.invalid":
                monkeypatch.setenv("no_proxy", host)
                with pytest.raises(EndpointSetupError, match="cannot be reached"):
                    client.complete("x")
            else:
                assert client.complete("x").text == WIN
    assert [path for path, _, _ in server.requests] == ["http://model.invalid/v1/chat/completions"]


def test_messages_are_sent_as_they_are_and_dicts_are_taken() -> None:
    with serving(deciding()) as server:
        client = client_of(server)
        client.complete([Message(role="system", content="be"), {"role": "user", "content": "do"}], seed=2**40)
    sent = server.requests[0][1]
    assert sent["messages"] == [{"role": "system", "content": "be"}, {"role": "user", "content": "do"}]
    assert 0 <= sent["seed"] < 2**31
    with pytest.raises(ConfigError, match=r"the role 'tool': wanted 'role' \(system, user, assistant\)"):
        client.complete([{"role": "tool", "content": "x"}])


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match=r"needs a key: set OPENAI_API_KEY, or name your server"):
        make_client("openai:gpt-x")
    with pytest.raises(ValueError, match="prices change, so say what your model costs"):
        LLMConfig(max_cost_usd=3)
    with pytest.raises(ValueError, match="wanted a URL"):
        LLMConfig(base_url="localhost:8000")
    with pytest.raises(ValueError, match="keys come from OPENAI_API_KEY"):
        LLMConfig(base_url="http://me:secret@host/v1")


CALLS, RETRIES = 10_000, 2
TASK = Task(id="t", environment="e", instruction="win")


def fates(rng: Random) -> list[list[str]]:
    """What happens to each call, try by try: half of them go well at once; few of what takes long."""
    weights = {fault: {HANG: 1, TOO_LONG: 1}.get(fault, 30) for fault in FAULTS}
    weights |= {OK: 400, WRONG_COUNTS: 60}
    return [rng.choices(list(weights), list(weights.values()), k=RETRIES + 1) for _ in range(CALLS)]


@pytest.mark.slow
def test_ten_thousand_calls_are_accounted_for_and_no_fault_is_a_reward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A long answer must not be slower to arrive than the limit in time.
    monkeypatch.setattr(bounded_transport, "MAX_BYTES", 2**20)
    plan, tried = fates(Random(7)), [0] * CALLS

    def decide(path: str, body: dict, headers: dict) -> Reply:
        number = int(body["prompt"].rsplit("call-", 1)[1].split()[0])
        what = plan[number][tried[number]]
        tried[number] += 1
        good = what in (OK, WRONG_COUNTS)
        # Good answers pay for every third call alone; every fault holds a win.
        text = (
            WIN if not good or number % 3 == 0 else WIN.replace("reward: 1\ndone: yes", "reward: 0\ndone: no")
        )
        return Reply(what, text=text)

    with serving(decide) as server:
        client = client_of(server, retries=RETRIES, concurrency=48, timeout_s=6.0, failures_in_a_row=CALLS)
        model = ReasoningExperienceModel(
            ReasoningModelConfig(context="history", retries=0, closed_world=False), client
        )
        sheet = make_sheet({"at": "unknown", "hand": "holds"})

        async def dream(number: int) -> float | None:
            try:
                turn = await model.dream_turn(
                    task=TASK, state="here", action=f"call-{number} go", sheet=sheet
                )
            except EndpointError:
                return None
            return turn.answer.reward

        async def all_of_them() -> list[float | None]:
            return await asyncio.gather(*(dream(number) for number in range(CALLS)))

        rewards = asyncio.run(all_of_them())

    # By hand: a call is tried until it is answered, or RETRIES + 1 times.
    answered = [next((n for n, w in enumerate(fate) if w in (OK, WRONG_COUNTS)), None) for fate in plan]
    tries = [RETRIES + 1 if first is None else first + 1 for first in answered]
    assert rewards == [
        None if first is None else float(number % 3 == 0) for number, first in enumerate(answered)
    ]
    happened = [what for fate, count in zip(plan, tries, strict=True) for what in fate[:count]]
    assert {what: happened.count(what) for what in set(happened)} == dict(server.served)
    expected = {
        kind: sum(COUNTED_AS.get(what) == kind for what in happened) for kind in set(COUNTED_AS.values())
    }
    assert {str(kind): count for kind, count in client.faults.items()} == expected
    assert all(expected.values())
    failures = sum(first is None for first in answered)
    assert (client.usage.calls, client.usage.failures) == (CALLS, failures)
    assert client.usage.calls - client.usage.failures == sum(reward is not None for reward in rewards)
    assert client.usage.retries == sum(tries) - CALLS


@pytest.mark.parametrize("body", ["no JSON", "[" * 100_000])
def test_a_body_that_is_no_json_is_a_text(body: str) -> None:
    assert error_body(body, Secret("")) == body
