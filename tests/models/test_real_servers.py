"""The client of ``openai:`` against servers that nobody here wrote (docs/clients.md says how to run these).

They need SmolLM2-135M-Instruct, as a Hugging Face folder and as a GGUF file, and a server's packages in this
Python or in another one that is named: so they are skipped where these are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

from dreamgym.core.config import LLMConfig, ReasoningModelConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ContextFullError, EndpointSetupError, InvalidDreamError
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.clients.openai_client import openai_client
from dreamgym.models.clients.remote_client import RemoteClient
from dreamgym.models.llm_client import Message, acomplete_many
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.structured import complete_as

STARTS_WITHIN = 180  # seconds
COUNTING = "1, 2, 3, 4, 5, 6,"
pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server and what it is known to do."""

    url: str
    model: str
    tells_logprobs: bool
    checks_names: bool
    max_context: int | None

    def client(self, *, tokens: bool = False, model: str = "") -> RemoteClient:
        config = LLMConfig(base_url=self.url, timeout_s=180, retries=1, concurrency=2)
        return openai_client(model or self.model, config, Account(config), tokens=tokens)


def given(variable: str) -> str:
    """What the variable names; the test is skipped where it names nothing that is there."""
    path = os.environ.get(variable, "")
    if not path or not Path(path).exists():
        pytest.skip(f"set {variable} to SmolLM2-135M-Instruct (docs/clients.md)")
    return path


def python_with(module: str, variable: str, package: str) -> str:
    """A Python that has ``module``: that of the variable, or this one."""
    if named := os.environ.get(variable):
        return named
    if importlib.util.find_spec(module) is None:
        pytest.skip(f'pip install "{package}", or set {variable} to a Python that has it')
    return sys.executable


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[str]:
    """The server's URL, once it answers."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        url, deadline = f"http://127.0.0.1:{port}/v1", time.monotonic() + STARTS_WITHIN
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/openapi.json", timeout=5).is_success:
                    break
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.3)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module", params=["transformers", "llama.cpp"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log"
    place = ["--host", "127.0.0.1", "--port", str(port)]
    if request.param == "transformers":
        model = given("DREAMGYM_SMOLLM2")
        python = python_with("fastapi", "DREAMGYM_TRANSFORMERS_PYTHON", "transformers[serving]")
        command = [python, "-m", "transformers.cli.transformers", "serve", model, "--device", "cpu", *place]
        logprobs, names, context = False, True, None
    else:
        model = given("DREAMGYM_SMOLLM2_GGUF")
        python = python_with("llama_cpp", "DREAMGYM_LLAMA_CPP_PYTHON", "llama-cpp-python[server]")
        settings = ["--n_ctx", "1024", "--logits_all", "true", "--verbose", "false"]
        command = [python, "-m", "llama_cpp.server", "--model", model, *settings, *place]
        logprobs, names, context = True, False, 1024
    with running(command, port, log) as url:
        yield Server(url=url, model=model, tells_logprobs=logprobs, checks_names=names, max_context=context)


def test_a_conversation(server: Server) -> None:
    client = server.client()
    said = [
        Message(role="system", content="You answer with one word."),
        Message(role="user", content="What is the capital of France?"),
    ]
    answer = client.complete(said, max_tokens=12)
    assert "Paris" in answer.text
    assert 20 < answer.usage.prompt_tokens < 60  # the template's tokens are counted, too
    assert 0 < answer.usage.completion_tokens <= 12
    assert (client.usage.calls, client.usage.retries, client.usage.failures) == (1, 0, 0)


def test_the_same_greedy_call_twice(server: Server) -> None:
    client = server.client()
    one, two = (client.complete(f"Go on: {COUNTING}", max_tokens=6, seed=seed) for seed in (1, 2))
    assert one.text == two.text != ""


def test_a_text_that_goes_on(server: Server) -> None:
    client = server.client()

    async def dialogue() -> tuple[str, str]:
        session = client.session(seed=0)
        session.append(COUNTING)
        first = await session.generate(stop=["8,"], max_tokens=12)
        second = await session.generate(stop=["9,"], max_tokens=12)
        return first.text, second.text

    assert asyncio.run(dialogue()) == (" 7, 8,", " 9,")


def test_of_several_stops_it_is_known_which_ended_a_text_and_nothing_is_written_behind_it(server: Server):
    client = server.client()
    text = asyncio.run(client.acontinue(COUNTING, stop=["9,", " 8"], max_tokens=60))
    assert text.text == " 7, 8"
    assert text.usage.completion_tokens <= 15


def test_the_end_by_length_and_many_at_once(server: Server) -> None:
    answers = asyncio.run(acomplete_many(server.client(), ["Tell a story.", "Tell a joke."], max_tokens=5))
    assert [answer.finish_reason for answer in answers] == ["length", "length"]
    assert [answer.usage.completion_tokens for answer in answers] == [5, 5]


def test_logprobs_are_told_or_missed(server: Server) -> None:
    client = server.client(tokens=True)
    if not server.tells_logprobs:
        with pytest.raises(EndpointSetupError, match="ignores logprobs, which are needed here"):
            client.complete("Name a colour.", max_tokens=4)
        return
    chat = client.complete("Name a colour.", max_tokens=4)
    text = asyncio.run(client.acontinue(COUNTING, stop=["7"], max_tokens=6))
    assert len(chat.logprobs) == 4
    assert text.text == " 7"
    assert len(text.logprobs) == 2  # a blank and a digit
    assert all(-20 < logprob <= 0 for logprob in (*chat.logprobs, *text.logprobs))


class City(BaseModel):
    name: str
    inhabitants: int


def test_an_answer_in_a_form(server: Server) -> None:
    if not server.tells_logprobs:
        pytest.skip("this server does not hold a model to a schema, and this one is too small to keep to it")
    client = server.client()
    assert complete_as(client, City, "Paris has 2000000 inhabitants.", max_tokens=60).inhabitants > 0
    assert client.usage.calls == 1  # llama.cpp's grammar holds it: nothing had to be sent back


def test_what_it_cannot_do_is_told(server: Server) -> None:
    if server.max_context is not None:
        with pytest.raises(ContextFullError, match="context"):
            server.client().complete("word " * (2 * server.max_context), max_tokens=4)
    if server.checks_names:
        with pytest.raises(EndpointSetupError, match="no-such-model"):
            server.client(model="no-such-model").complete("x", max_tokens=1)


def test_a_dream_by_a_model_that_was_never_fitted_is_malformed_and_pays_nothing(server: Server) -> None:
    client = server.client()
    settings = ReasoningModelConfig(context="history", retries=0, max_answer_tokens=24, closed_world=False)
    model = ReasoningExperienceModel(settings, client)
    task = Task(id="t", environment="kitchen", instruction="put the mug on the shelf.")
    with pytest.raises(InvalidDreamError):
        model.generate_experience("You stand in a kitchen.", "take mug 1", task)
    assert (client.usage.calls, client.usage.failures) == (1, 0)
