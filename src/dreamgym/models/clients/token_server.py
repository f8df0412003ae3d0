"""Sampling on an inference server, tokens in and tokens out: vLLM's completions with ``return_token_ids``.

The server holds the base model; what training changes, the adapter, is written to a folder that the server
can read, and loaded there under a new name after every update. The interface is that of a ``BatchingEngine``:
a policy does not see where its tokens come from.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from dreamgym.core.errors import ContextFullError, EndpointError
from dreamgym.models.adapter import Adapter
from dreamgym.models.clients.endpoint_faults import Fault, FaultKind, shown, status_error
from dreamgym.models.clients.patience import Patience
from dreamgym.models.clients.secret import Secret
from dreamgym.models.engine.batching_session import FinishReason, Generated
from dreamgym.utils.per_loop import PerLoop

KEY = "OPENAI_API_KEY"
TIMEOUT_S, RETRIES = 120.0, 4


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Logprobs(_Wire):
    token_logprobs: list[float]


class _Choice(_Wire):
    token_ids: list[int]
    logprobs: _Logprobs
    finish_reason: FinishReason


class _Answer(_Wire):
    choices: list[_Choice]


class TokenServer:
    """Sessions on the server at ``url`` that sample with ``adapter``, which it finds in ``folder``.

    Raises:
        EndpointError: the server does not answer, or not with its tokens.
    """

    def __init__(
        self,
        url: str,
        adapter: Adapter,
        folder: Path,
        *,
        max_length: int,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self.max_length = max_length
        self._url = url.rstrip("/")
        self._adapter = adapter
        self._folder = folder.absolute()
        self._name = ""
        self._published = 0
        self._key = Secret.from_environment(KEY)
        self._clients = PerLoop(lambda: httpx.AsyncClient(headers=self._headers(), timeout=TIMEOUT_S))
        self._patience = Patience(RETRIES, Random())
        self._sleep = sleep

    def session(self, *, seed: int) -> ServedSession:
        """An empty context."""
        if not self._name:
            self.reset()
        return ServedSession(self, seed)

    def reset(self) -> None:
        """Let the server sample with the weights as they are now, under a name of their own."""
        old, self._published = self._name, self._published + 1
        name = f"dreamgym-{self._published:05d}"
        place = self._folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self._adapter.write(place)
        self._tell("load_lora_adapter", {"lora_name": name, "lora_path": str(place)})
        self._name = name
        if old:
            self._tell("unload_lora_adapter", {"lora_name": old})
            shutil.rmtree(self._folder / old, ignore_errors=True)

    async def continued(
        self, ids: Sequence[int], *, stop_ids: Collection[int], max_tokens: int, temperature: float, seed: int
    ) -> Generated:
        """What the model writes after ``ids``."""
        body = {
            "model": self._name,
            "prompt": list(ids),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "stop_token_ids": sorted(stop_ids),
            "logprobs": 0,
            "return_token_ids": True,
            "skip_special_tokens": False,
        }
        tries = 0
        while True:
            tries += 1
            try:
                return self._read(await self._post(body))
            except Fault as fault:
                wait = self._patience.wait(fault, tries)
                if wait is None:
                    raise EndpointError(f"{fault} ({tries} tries)") from None
            await self._sleep(wait)

    async def _post(self, body: dict[str, Any]) -> httpx.Response:
        tried = f"{self._url}/completions"
        try:
            response = await self._clients.get().post(tried, json=body)
        except httpx.TimeoutException as error:
            raise Fault(FaultKind.TIMEOUT, f"{tried}: no answer within {TIMEOUT_S:.0f} s") from error
        except httpx.HTTPError as error:
            raise Fault(FaultKind.CONNECTION, f"{tried}: {self._key.hide(str(error))}") from error
        if not response.is_success:
            raise self._key.hide_in(
                status_error(response.status_code, response.headers, response.text, tried)
            )
        return response

    def _read(self, response: httpx.Response) -> Generated:
        """Tokens and logprobs belong together; a server that leaves one out cannot be trained with."""
        try:
            (choice,) = _Answer.model_validate_json(response.content).choices
        except (ValidationError, ValueError) as error:
            said = shown(response.text)
            raise Fault(
                FaultKind.MALFORMED,
                f"{self._url}/completions answers without token_ids and token_logprobs: {said}; "
                "wanted a server that knows return_token_ids, such as vLLM",
            ) from error
        ids, logprobs = choice.token_ids, choice.logprobs.token_logprobs
        if len(ids) != len(logprobs) or not ids:
            raise Fault(FaultKind.MALFORMED, f"{self._url}: {len(ids)} tokens but {len(logprobs)} logprobs")
        return Generated(token_ids=tuple(ids), logprobs=tuple(logprobs), finish_reason=choice.finish_reason)

    def _tell(self, what: str, body: dict[str, str]) -> None:
        """Have the server load or unload an adapter; nothing else runs meanwhile, as in any update."""
        tried = f"{self._url}/{what}"
        try:
            response = httpx.post(tried, json=body, headers=self._headers(), timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            said = self._key.hide(str(error))
            raise EndpointError(f"{tried}: {said}: is the server of policy_model.server up?") from None
        if not response.is_success:
            raise EndpointError(
                f"{tried}: HTTP {response.status_code}: {shown(self._key.hide(response.text))}; "
                "vLLM loads adapters with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
            )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key.value}"} if self._key.value else {}


class ServedSession:
    """One growing token context, sent whole with every turn; the server's prefix cache knows it already."""

    def __init__(self, server: TokenServer, seed: int) -> None:
        self._server = server
        self._rng = Random(seed)
        self.token_ids: list[int] = []

    @property
    def length(self) -> int:
        """Tokens in the context."""
        return len(self.token_ids)

    def append(self, ids: Sequence[int]) -> None:
        """Add tokens that were not sampled. Raises ``ContextFullError``."""
        if self.length + len(ids) > self._server.max_length:
            raise ContextFullError(
                f"{len(ids)} more tokens on {self.length} exceed the context of {self._server.max_length}"
            )
        self.token_ids.extend(ids)

    async def generate(self, *, stop_ids: Collection[int], max_tokens: int, temperature: float) -> Generated:
        """Sample until a token of ``stop_ids`` or ``max_tokens``."""
        generated = await self._server.continued(
            self.token_ids,
            stop_ids=stop_ids,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=self._rng.getrandbits(31),
        )
        self.token_ids.extend(generated.token_ids)
        return generated

    def close(self) -> None:
        """Nothing is held."""
