"""``openai:MODEL``: OpenAI's API, and servers that speak it: vLLM, SGLang, llama.cpp, transformers serve.

Departures from the official client's defaults: its retries are off, since ours honour the run's limits. Where
a server cuts a text at one of several stop strings and does not tell which, it is asked for what comes next;
where that cannot be asked, the stop strings are not sent, and looked for here.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI

from dreamgym.core.config import LLMConfig
from dreamgym.core.errors import ConfigError, DreamGymError, EndpointSetupError
from dreamgym.models.clients.bounded_transport import bounded_client, connection_error
from dreamgym.models.clients.endpoint_faults import (
    Fault,
    FaultKind,
    error_body,
    named_parameter,
    shown,
    status_error,
)
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.clients.openai_wire import Answer, Wanted, completion_of, read_wire
from dreamgym.models.clients.remote_call import Request
from dreamgym.models.clients.remote_client import RemoteClient
from dreamgym.models.clients.secret import Secret
from dreamgym.models.llm_types import Completion, Message
from dreamgym.utils.per_loop import PerLoop

HOSTED = "https://api.openai.com/v1"
KEY, URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
CONTINUE = (
    "Continue the user's text exactly where it stops, in its own form. Write the continuation, nothing else."
)
TOKEN_IDS = "return_token_ids"  # vLLM's; other servers pass over it or refuse it
# Parameters that a model may refuse, and can do without.
OPTIONAL = {"temperature", "seed", "max_tokens", "stop", TOKEN_IDS}
# How servers are told a JSON schema: OpenAI's way, and that of llama.cpp.
FORMS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (
    lambda schema: {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": True},
    },
    lambda schema: {"type": "json_object", "schema": schema},
)
logger = logging.getLogger(__name__)


def openai_client(
    model: str,
    settings: LLMConfig,
    account: Account,
    *,
    tokens: bool = False,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    rng: Random | None = None,
) -> RemoteClient:
    """The client of ``openai:MODEL``; with ``tokens`` answers must have logprobs.

    Raises:
        ConfigError: OpenAI's own API needs a key.
    """
    url = (settings.base_url or os.environ.get(URL) or HOSTED).rstrip("/")
    if "@" in url:
        raise ConfigError(f"{URL} holds a user or a password: keys come from {KEY}")
    key = Secret.from_environment(KEY)
    if url == HOSTED and not key.value:
        raise ConfigError(
            f"openai:{model} is asked at {HOSTED}, which needs a key: "
            f"set {KEY}, or name your server in llm.base_url"
        )
    provider = OpenAIProvider(model, url, key, timeout_s=settings.timeout_s, tokens=tokens)
    return RemoteClient(provider, settings, account, sleep=sleep, rng=rng)


class OpenAIProvider:
    """Asks ``model`` at ``url``; learns from its answers what the server can do."""

    def __init__(self, model: str, url: str, key: Secret, *, timeout_s: float, tokens: bool) -> None:
        self.name = f"openai:{model} at {url}"
        self._model = model
        self.hosted = url == HOSTED
        self._key = key
        self._tokens = tokens
        self._clients = PerLoop(lambda: _connect(url, key, timeout_s))
        self._refused: set[str] = set()  # parameters
        self._continues = not self.hosted  # whether it has /completions
        self._form = 0  # of ``FORMS``: that in which it takes a JSON schema
        self._tells_stops = False
        self._was_reached = self._was_answered = False

    async def ask(self, request: Request) -> Completion:
        """One try; asked once more where the server only cannot take the form of the question."""
        answer = await self._answer(request)
        completion = completion_of(answer, Wanted(stop=request.stop, tokens=self._tokens), self.name)
        if self._tokens and completion.text and not completion.logprobs:
            raise EndpointSetupError(
                f"{self.name} ignores logprobs, which are needed here: "
                "use a server that returns them, such as vLLM"
            )
        cut = self._continued_by_us(request) and answer.choices[0].may_hide(request.stop)
        return await self._with_stop(completion, request) if cut else completion

    async def _with_stop(self, completion: Completion, request: Request) -> Completion:
        """``completion`` with the stop string that its server cut off, if one did: it comes next."""
        so_far = Message(role="user", content=request.messages[0].content + completion.text)
        longest = max(map(len, request.stop))
        following = await self.ask(replace(request, messages=(so_far,), stop=(), max_tokens=longest))
        ended = next((string for string in request.stop if following.text.startswith(string)), "")
        return replace(completion, text=completion.text + ended, usage=completion.usage + following.usage)

    async def _answer(self, request: Request) -> Answer:
        while True:
            known = (set(self._refused), self._continues, self._form)
            try:
                return self._read(await self._post(request))
            except APIStatusError as error:
                self._was_reached = True
                body = error_body(error.response.text, self._key)
                self._learn_from(error.status_code, body, request, known[2])
                if known == (self._refused, self._continues, self._form):
                    failure = status_error(error.status_code, error.response.headers, body, self.name)
                    raise self._as_setup(failure) from None
            except APIConnectionError as error:
                failure = connection_error(error, self.name, was_reached=self._was_reached)
                raise self._key.hide_in(failure) from None

    async def aclose(self) -> None:
        """Close this loop's connections."""
        client = self._clients.take()
        if client is not None:
            await client.close()

    async def _post(self, request: Request) -> str:
        client, body = self._clients.get(), self._body(request)
        if request.continues and self._continues:
            body |= {"prompt": request.messages[0].content} | ({"logprobs": 1} if self._tokens else {})
            path = "/completions"
        else:
            messages = request.messages
            if request.continues:
                messages = (Message(role="system", content=CONTINUE), *messages)
            body |= {"messages": [{"role": m.role, "content": m.content} for m in messages]}
            # llama.cpp's server gives none where it is not told how many.
            body |= {"logprobs": True, "top_logprobs": 1} if self._tokens else {}
            path = "/chat/completions"
        response = await client.post(path, cast_to=httpx2.Response, body=body)
        return response.content.decode("utf-8", errors="replace")

    def _body(self, request: Request) -> dict[str, Any]:
        limit = "max_completion_tokens" if self.hosted or "max_tokens" in self._refused else "max_tokens"
        body: dict[str, Any] = {"model": self._model, limit: request.max_tokens}
        body |= {"temperature": request.temperature, "seed": request.seed % 2**31}
        if request.stop and (self._tells_stops or self._continued_by_us(request)):
            body["stop"] = list(request.stop)
        if self._tokens and not self.hosted:
            body[TOKEN_IDS] = True
        if request.schema is not None and self._form < len(FORMS):
            body["response_format"] = FORMS[self._form](dict(request.schema))
        return {name: value for name, value in body.items() if name not in self._refused}

    def _continued_by_us(self, request: Request) -> bool:
        """Whether a text can be continued from wherever it was cut; its tokens' logprobs could not."""
        return request.continues and self._continues and not self._tokens

    def _read(self, text: str) -> Answer:
        self._was_reached = self._was_answered = True
        answer = read_wire(Answer, self._key.hide(text), self.name)
        self._tells_stops = self._tells_stops or answer.choices[0].tells_stops
        return answer

    def _as_setup(self, failure: Fault | DreamGymError) -> Exception:
        """A refusal of the first call that names the model, as some servers refuse one they do not have."""
        refused = isinstance(failure, Fault) and failure.kind is FaultKind.REFUSED
        said = str(failure).removeprefix(self.name)
        if refused and not self._was_answered and self._model in said:
            return EndpointSetupError(str(failure))
        return failure

    def _learn_from(self, status: int, body: Any, request: Request, form: int) -> None:
        """Note what the server cannot take, so that it is not sent again; ``form`` was sent."""
        if request.continues and self._continues and status in (404, 405, 501):
            self._continues = False
            logger.info("%s has no /completions: texts are continued in a conversation", self.name)
        elif (name := _refused_parameter(status, body)) in OPTIONAL - self._refused:
            self._refused.add(name)
            logger.warning("%s does not take %s: left out from now on", self.name, name)
        elif request.schema is not None and form == self._form < len(FORMS) and _is_about_forms(status, body):
            self._form += 1
            logger.info("%s takes no JSON schemas of this form: %s", self.name, shown(str(body)))


def _refused_parameter(status: int, body: Any) -> str:
    """The parameter that an error is about; empty where it names none."""
    if status not in (400, 422):
        return ""
    return TOKEN_IDS if TOKEN_IDS in str(body) else named_parameter(body)


def _is_about_forms(status: int, body: Any) -> bool:
    """Some servers answer what they do not know with an error of their own."""
    return status in (400, 422) or "response_format" in str(body)


def _connect(url: str, key: Secret, timeout_s: float) -> AsyncOpenAI:
    # A server of one's own needs no key, but the official client insists on one.
    return AsyncOpenAI(
        api_key=key.value or "none",
        base_url=url,
        max_retries=0,
        timeout=timeout_s,
        http_client=bounded_client(url, timeout_s),
    )
