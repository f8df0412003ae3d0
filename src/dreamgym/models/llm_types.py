"""What goes to a language model and what comes back: messages, completions, and what they used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias, get_args

from dreamgym.core.errors import ConfigError

FinishReason = Literal["stop", "length"]
Role = Literal["system", "user", "assistant"]
DEFAULT_MAX_TOKENS = 1024
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


Prompt: TypeAlias = str | Sequence[Message | Mapping[str, str]]


def as_messages(prompt: Prompt) -> tuple[Message, ...]:
    """``prompt`` as messages: a text is what the user says.

    Raises:
        ConfigError: a message has another role than ``ROLES``, or no text.
    """
    if isinstance(prompt, str):
        return (Message(role="user", content=prompt),)
    return tuple(message if isinstance(message, Message) else _message(message) for message in prompt)


def plain(prompt: Prompt) -> str:
    """``prompt`` as one text: the contents of its messages, a blank line between them."""
    return prompt if isinstance(prompt, str) else "\n\n".join(m.content for m in as_messages(prompt))


def _message(message: Mapping[str, str]) -> Message:
    for role in ROLES:
        if message.get("role") == role and isinstance(message.get("content"), str) and len(message) == 2:
            return Message(role=role, content=message["content"])
    raise ConfigError(
        f"a message has the keys {', '.join(map(str, message))} and the role {message.get('role')!r}: "
        f"wanted 'role' ({', '.join(ROLES)}) and 'content', a text"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one call used, or many; ``cached_tokens`` are those of the prompt not computed again.

    ``calls`` were answered or failed for good (``failures``); ``retries`` are tries beyond the first;
    ``charged_tokens`` and ``cost_usd`` count against the budget of hosted models and servers.
    """

    calls: int = 0
    failures: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    charged_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in USAGE_FIELDS})

    def __sub__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) - getattr(other, name) for name in USAGE_FIELDS})

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens


USAGE_FIELDS = tuple(field.name for field in fields(Usage))


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


def stopped(text: str, stop: Sequence[str]) -> str:
    """``text`` up to and with the first of the ``stop`` strings in it."""
    ends = [text.index(string) + len(string) for string in stop if string in text]
    return text[: min(ends)] if ends else text
