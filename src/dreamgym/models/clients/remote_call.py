"""A call to a hosted model or a server, as the client asks for it and a provider answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dreamgym.models.llm_types import DEFAULT_MAX_TOKENS, Completion, Message, Usage

MESSAGE_TOKENS = 512  # that a server's template may put around the messages


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call. It ``continues`` a text, its only message, or is a conversation; ``schema`` is of JSON."""

    messages: tuple[Message, ...]
    continues: bool = False
    stop: tuple[str, ...] = ()
    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float = 0.0
    seed: int = 0
    schema: Mapping[str, Any] | None = None

    @property
    def worst(self) -> Usage:
        """The most that it can use: a token is at least one byte."""
        read = sum(len(message.content.encode(errors="replace")) for message in self.messages)
        return Usage(prompt_tokens=read + MESSAGE_TOKENS, completion_tokens=self.max_tokens)


class Provider(Protocol):
    """Asks one kind of server."""

    @property
    def name(self) -> str:
        """Model and place, for messages."""
        ...

    @property
    def hosted(self) -> bool:
        """Whether it is the maker's own service, not a server of the user's."""
        ...

    async def ask(self, request: Request) -> Completion:
        """One try; its usage is as the server tells it, to be doubted.

        Raises:
            Fault: no answer.
            EndpointSetupError: no answer, ever.
            ContextFullError: the model cannot read so much.
        """
        ...

    async def aclose(self) -> None:
        """Close this loop's connections."""
        ...


def believed(completion: Completion, worst: Usage) -> Usage:
    """An answer's tokens: the server's numbers where they can be true, else the most it can have used."""
    told = completion.usage
    reads = 0 < told.prompt_tokens <= worst.prompt_tokens and 0 <= told.cached_tokens <= told.prompt_tokens
    writes = bool(completion.text) <= told.completion_tokens <= worst.completion_tokens
    return Usage(
        prompt_tokens=told.prompt_tokens if reads else worst.prompt_tokens,
        cached_tokens=told.cached_tokens if reads else 0,
        completion_tokens=told.completion_tokens if writes else worst.completion_tokens,
    )
