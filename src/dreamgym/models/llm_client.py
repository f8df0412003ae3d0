"""How the rest of DreamGym talks to a language model: one protocol, whatever stands behind it.

A client answers single prompts (``complete``, ``acomplete``, ``complete_many``) and opens text sessions:
contexts that grow turn by turn, which a local model keeps in its cache and any other client re-sends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from dreamgym.core.errors import ConfigError, EndpointError

FinishReason = Literal["stop", "length"]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one call, or of many; ``cached_tokens`` are those of the prompt not computed again."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """An answer. ``text`` ends with the stop string that ended it, where one did.

    ``token_ids`` and ``logprobs`` are the sampler's own, empty where the model does not tell them.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()


class TextSession(Protocol):
    """A context of text that grows: what is appended and what is generated, in order."""

    def append(self, text: str) -> None:
        """Add text that the model did not write. It is never read as special tokens.

        Raises ``ContextFullError`` where it does not fit.
        """
        ...

    async def generate(
        self, *, stop: Sequence[str] = (), max_tokens: int, temperature: float = 0.0
    ) -> Completion:
        """Let the model write until it has written one of ``stop``, ends by itself, or ``max_tokens``."""
        ...

    def fork(self, seed: int) -> TextSession:
        """The same context, to be continued apart with random numbers from ``seed``."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


class LLMClient(Protocol):
    """A language model. The same prompt, settings and seed give the same answer where the model allows it."""

    @property
    def usage(self) -> Usage:
        """Everything used so far."""
        ...

    def complete(
        self,
        prompt: str,
        *,
        stop: Sequence[str] = (),
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """Answer ``prompt``; not from inside a running event loop."""
        ...

    async def acomplete(
        self,
        prompt: str,
        *,
        stop: Sequence[str] = (),
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """Answer ``prompt``."""
        ...

    def session(self, seed: int) -> TextSession:
        """An empty context."""
        ...


def run_sync(coroutine: Coroutine[Any, Any, T], *, instead: str) -> T:
    """Run ``coroutine`` where no event loop runs; an error that names ``instead`` where one does."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    coroutine.close()
    raise RuntimeError(
        f"a synchronous call inside a running event loop would block it: await {instead} instead"
    )


async def acomplete_many(
    client: LLMClient,
    prompts: Sequence[str],
    *,
    stop: Sequence[str] = (),
    max_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Completion]:
    """Answer all ``prompts`` together; the i-th with ``seed + i``."""
    calls = [
        client.acomplete(prompt, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed + i)
        for i, prompt in enumerate(prompts)
    ]
    return list(await asyncio.gather(*calls))


def complete_many(
    client: LLMClient,
    prompts: Sequence[str],
    *,
    stop: Sequence[str] = (),
    max_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Completion]:
    """``acomplete_many`` for those who do not await."""
    calls = acomplete_many(
        client, prompts, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed
    )
    return run_sync(calls, instead="acomplete_many")


def stopped(text: str, stop: Sequence[str]) -> str:
    """``text`` up to and with the first of the ``stop`` strings in it."""
    ends = [text.index(string) + len(string) for string in stop if string in text]
    return text[: min(ends)] if ends else text


class PromptSession:
    """A text session on any client: the whole text is sent again with every generation."""

    def __init__(self, client: LLMClient, *, seed: int) -> None:
        self._client = client
        self._seed = seed
        self._turn = 0
        self.text = ""

    def append(self, text: str) -> None:
        """Add text that the model did not write."""
        self.text += text

    async def generate(
        self, *, stop: Sequence[str] = (), max_tokens: int, temperature: float = 0.0
    ) -> Completion:
        """Ask for the continuation of the text, and keep it."""
        seed = self._seed + self._turn
        completion = await self._client.acomplete(
            self.text, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed
        )
        self._turn += 1
        self.text += completion.text
        return completion

    def fork(self, seed: int) -> PromptSession:
        """The same text."""
        twin = PromptSession(self._client, seed=seed)
        twin.text = self.text
        return twin

    def close(self) -> None:
        """Nothing is held."""


class ScriptedClient:
    """Answers from a script: strings in order, or the first rule whose key ends (else is in) the prompt."""

    def __init__(self, script: Sequence[str] | Mapping[str, str]) -> None:
        self._script = script
        self._usage = Usage()
        self.prompts: list[str] = []

    @classmethod
    def from_file(cls, path: Path) -> ScriptedClient:
        """A JSON list of answers, or a JSON object from a piece of the prompt to its answer."""
        try:
            script = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"scripted:{path} cannot be read ({error.strerror}): name a JSON file"
            ) from error
        except ValueError as error:
            raise ConfigError(f"scripted:{path} is not JSON: {error}") from error
        answers = script.values() if isinstance(script, dict) else script
        if not isinstance(script, dict | list) or not all(isinstance(answer, str) for answer in answers):
            raise ConfigError(
                f"scripted:{path}: want a JSON list of answers or an object prompt piece → answer"
            )
        return cls(script)

    @property
    def usage(self) -> Usage:
        """Calls; a script has no tokens."""
        return self._usage

    def complete(
        self,
        prompt: str,
        *,
        stop: Sequence[str] = (),
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """The script's answer, cut after the first stop string."""
        answer = self._answer(prompt)
        self.prompts.append(prompt)
        self._usage += Usage(calls=1)
        return Completion(text=stopped(answer, stop), usage=Usage(calls=1))

    async def acomplete(
        self,
        prompt: str,
        *,
        stop: Sequence[str] = (),
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """As ``complete``."""
        return self.complete(prompt, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed)

    def session(self, seed: int) -> PromptSession:
        """A text session."""
        return PromptSession(self, seed=seed)

    def _answer(self, prompt: str) -> str:
        if not isinstance(self._script, Mapping):
            if len(self.prompts) < len(self._script):
                return self._script[len(self.prompts)]
            raise EndpointError(
                f"the script has {len(self._script)} answers and was asked once more: {prompt[-200:]!r}"
            )
        for matches in (prompt.endswith, prompt.__contains__):
            for piece, answer in self._script.items():
                if matches(piece):
                    return answer
        raise EndpointError(f"no rule of the script fits the prompt that ends {prompt[-200:]!r}")


def make_client(name: str) -> LLMClient:
    """The client that ``name`` means: ``local:FOLDER`` (a Hugging Face causal LM) or ``scripted:FILE``."""
    kind, _, place = name.partition(":")
    if kind == "scripted" and place:
        return ScriptedClient.from_file(Path(place))
    if kind == "local" and place:
        from dreamgym.models.local_client import LocalClient  # torch is loaded only where a model is

        return LocalClient.from_name(place)
    raise ConfigError(f"unknown language model {name!r}: want local:FOLDER or scripted:FILE")
