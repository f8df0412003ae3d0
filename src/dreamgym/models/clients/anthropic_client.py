"""``anthropic:MODEL``: Anthropic's API through its official package (extra ``anthropic``)."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, Any

import httpx2

from dreamgym.core.config import LLMConfig
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.models.clients.bounded_transport import bounded_client, connection_error
from dreamgym.models.clients.endpoint_faults import Fault, FaultKind, error_body, status_error
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.clients.openai_client import CONTINUE
from dreamgym.models.clients.openai_wire import Wire, read_wire
from dreamgym.models.clients.remote_call import Request
from dreamgym.models.clients.remote_client import RemoteClient
from dreamgym.models.clients.secret import Secret
from dreamgym.models.llm_types import Completion, Usage, stopped
from dreamgym.utils.per_loop import PerLoop

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

KEY, URL = "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"
HOSTED = "https://api.anthropic.com"
logger = logging.getLogger(__name__)


def anthropic_client(
    model: str,
    settings: LLMConfig,
    account: Account,
    *,
    tokens: bool = False,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    rng: Random | None = None,
) -> RemoteClient:
    """The client of ``anthropic:MODEL``.

    Raises:
        UnavailableError: the package is not installed.
        ConfigError: there is no key, or ``tokens`` are wanted, which this API does not tell.
    """
    if importlib.util.find_spec("anthropic") is None:
        raise UnavailableError(
            f'anthropic:{model} needs the package anthropic: pip install "dreamgym[anthropic]"'
        )
    key = Secret.from_environment(KEY)
    if not key.value:
        raise ConfigError(f"anthropic:{model} needs a key: set {KEY}")
    if tokens:
        raise ConfigError(f"anthropic:{model} tells no token ids and no logprobs, which are needed here")
    provider = AnthropicProvider(model, key, timeout_s=settings.timeout_s)
    return RemoteClient(provider, settings, account, sleep=sleep, rng=rng)


class Block(Wire):
    """A part of the answer; other types than text are passed over."""

    type: str
    text: str = ""


class Counts(Wire):
    """Its tokens; those of the cache are counted apart from those of the input."""

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class Reply(Wire):
    """An answer of /v1/messages."""

    content: list[Block]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Counts | None = None


class AnthropicProvider:
    """Asks ``model``; another URL than Anthropic's is named in ANTHROPIC_BASE_URL."""

    def __init__(self, model: str, key: Secret, *, timeout_s: float) -> None:
        self.name = f"anthropic:{model}"
        self.hosted = True
        self._model = model
        self._key = key
        self._clients = PerLoop(lambda: _connect(key, timeout_s))
        self._takes_temperature = True
        self._holds_to_schemas = True
        self._was_reached = False

    async def ask(self, request: Request) -> Completion:
        """One try; asked once more where the model only does not take a parameter."""
        from anthropic import APIConnectionError, APIStatusError

        while True:
            known = (self._takes_temperature, self._holds_to_schemas)
            try:
                client = self._clients.get()
                response = await client.post(
                    "/v1/messages", cast_to=httpx2.Response, body=self._body(request)
                )
                text = response.content.decode("utf-8", errors="replace")
                self._was_reached = True
                return self._read(self._key.hide(text), request)
            except APIStatusError as error:
                self._was_reached = True
                body = error_body(error.response.text, self._key)
                self._learn_from(error.status_code, str(body), request)
                if known == (self._takes_temperature, self._holds_to_schemas):
                    raise status_error(error.status_code, error.response.headers, body, self.name) from None
            except APIConnectionError as error:
                failure = connection_error(error, self.name, was_reached=self._was_reached)
                raise self._key.hide_in(failure) from None

    async def aclose(self) -> None:
        """Close this loop's connections."""
        client = self._clients.take()
        if client is not None:
            await client.close()

    def _body(self, request: Request) -> dict[str, Any]:
        system = [m.content for m in request.messages if m.role == "system"]
        system += [CONTINUE] if request.continues else []
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": request.max_tokens,
            "messages": [
                {"role": m.role, "content": m.content} for m in request.messages if m.role != "system"
            ],
        }
        if system:
            body["system"] = "\n\n".join(system)
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        if self._takes_temperature:
            body["temperature"] = min(request.temperature, 1.0)
        if request.schema is not None and self._holds_to_schemas:
            body["output_config"] = {"format": {"type": "json_schema", "schema": dict(request.schema)}}
        return body

    def _read(self, text: str, request: Request) -> Completion:
        reply = read_wire(Reply, text, self.name)
        if reply.stop_reason == "refusal":
            raise Fault(FaultKind.REFUSED, f"{self.name}: the model refuses")
        written = "".join(block.text for block in reply.content if block.type == "text")
        if not reply.content:
            raise Fault(FaultKind.MALFORMED, f"{self.name}: an answer without a text")
        if reply.stop_sequence in request.stop:
            written += reply.stop_sequence or ""
        cut = stopped(written, request.stop)
        length = reply.stop_reason == "max_tokens" and cut == written
        usage = _usage(reply.usage)
        return Completion(text=cut, finish_reason="length" if length else "stop", usage=usage)

    def _learn_from(self, status: int, said: str, request: Request) -> None:
        if status != 400:
            return
        if "temperature" in said and self._takes_temperature:
            self._takes_temperature = False
            logger.warning("%s does not take temperature: left out from now on", self.name)
        elif request.schema is not None and ("output_config" in said or "schema" in said):
            self._holds_to_schemas = False
            logger.info("%s does not take this JSON schema: answers are checked here", self.name)


def _connect(key: Secret, timeout_s: float) -> AsyncAnthropic:
    from anthropic import AsyncAnthropic

    http_client = bounded_client(os.environ.get(URL) or HOSTED, timeout_s)
    return AsyncAnthropic(api_key=key.value, max_retries=0, timeout=timeout_s, http_client=http_client)


def _usage(counts: Counts | None) -> Usage:
    """As OpenAI counts: tokens of the cache are tokens of the prompt."""
    if counts is None:
        return Usage(prompt_tokens=-1, completion_tokens=-1)
    cached = counts.cache_read_input_tokens or 0
    read = counts.input_tokens + cached + (counts.cache_creation_input_tokens or 0)
    return Usage(prompt_tokens=read, cached_tokens=cached, completion_tokens=counts.output_tokens)
