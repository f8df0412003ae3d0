"""How the rest of DreamGym talks to a language model: one protocol, whatever stands behind it.

A client answers prompts or messages (``complete``, ``acomplete``, ``complete_many``) and opens text sessions:
contexts that grow turn by turn, which a local model keeps in its cache and any other client re-sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from dreamgym.core.config import LLMConfig
from dreamgym.core.errors import ConfigError
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.clients.prompt_session import PromptSession
from dreamgym.models.clients.scripted_client import ScriptedClient
from dreamgym.models.llm_types import DEFAULT_MAX_TOKENS, Completion, Message, Prompt, Usage, stopped
from dreamgym.utils.run_sync import run_sync

NAMES = (
    "openai:MODEL, anthropic:MODEL, local:FOLDER, scripted:FILE, recorded:FOLDER or recorded:FOLDER:CLIENT"
)
__all__ = [
    "Account",
    "Completion",
    "LLMClient",
    "Message",
    "Prompt",
    "PromptSession",
    "ScriptedClient",
    "TextSession",
    "Usage",
    "acomplete_many",
    "complete_many",
    "make_client",
    "run_sync",
    "stopped",
]


class TextSession(Protocol):
    """A context of text that grows: what is appended and what is generated, in order."""

    def append(self, text: str) -> None:
        """Add text that the model did not write. It is never read as special tokens.

        Raises ``ContextFullError`` where it does not fit.
        """
        ...

    async def generate(
        self, *, stop: Sequence[str] = (), max_tokens: int, temperature: float = 0.0, start: str = ""
    ) -> Completion:
        """Let the model write until it has written one of ``stop``, ends by itself, or ``max_tokens``.

        What it writes starts with the character ``start`` where it can be held to that: in this process.
        """
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
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        max_tokens: int = DEFAULT_MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """Answer ``prompt``; not from inside a running event loop."""
        ...

    async def acomplete(
        self,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        max_tokens: int = DEFAULT_MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """Answer ``prompt``."""
        ...

    def session(self, seed: int) -> TextSession:
        """An empty context."""
        ...


@runtime_checkable
class MayBeHosted(Protocol):
    """A client behind which somebody's chat model may answer."""

    @property
    def hosted(self) -> bool:
        """Whether one does: it is told what to do, since it was never fitted to it."""
        ...


def is_hosted(client: LLMClient) -> bool:
    """Whether somebody's chat model answers."""
    return isinstance(client, MayBeHosted) and client.hosted


async def acomplete_many(
    client: LLMClient,
    prompts: Sequence[Prompt],
    *,
    stop: Sequence[str] = (),
    max_tokens: int = DEFAULT_MAX_TOKENS,
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
    prompts: Sequence[Prompt],
    *,
    stop: Sequence[str] = (),
    max_tokens: int = DEFAULT_MAX_TOKENS,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Completion]:
    """``acomplete_many`` for those who do not await."""
    calls = acomplete_many(
        client, prompts, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed
    )
    return run_sync(calls, instead="acomplete_many")


def make_client(
    name: str, settings: LLMConfig | None = None, *, account: Account | None = None, tokens: bool = False
) -> LLMClient:
    """The client that ``name`` means (docs/clients.md): one of ``NAMES``.

    ``settings`` are those of hosted models and servers; clients with one ``account`` share its budget and its
    circuit breaker. With ``tokens`` an answer without its logprobs, and ids where given, is an error.
    """
    kind, _, rest = name.partition(":")
    settings = settings or LLMConfig()
    if kind == "scripted" and rest:
        return ScriptedClient.from_file(Path(rest))
    if kind == "local" and rest:
        from dreamgym.models.clients.local_client import LocalClient  # torch is loaded only where a model is

        return LocalClient.from_name(rest)
    if kind == "openai" and rest:
        from dreamgym.models.clients.openai_client import openai_client  # a second to import

        return openai_client(rest, settings, account or Account(settings), tokens=tokens)
    if kind == "anthropic" and rest:
        from dreamgym.models.clients.anthropic_client import anthropic_client

        return anthropic_client(rest, settings, account or Account(settings), tokens=tokens)
    if kind == "recorded" and rest:
        from dreamgym.models.clients.recorded_client import RecordedClient

        folder, _, inner = rest.partition(":")
        behind = make_client(inner, settings, account=account, tokens=tokens) if inner else None
        return RecordedClient(Path(folder), behind)
    raise ConfigError(f"unknown language model {name!r}: want {NAMES}")
