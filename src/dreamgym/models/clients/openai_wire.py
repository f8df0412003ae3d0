"""The answers of OpenAI-compatible servers, read strictly where it matters and no further."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from dreamgym.models.clients.endpoint_faults import Fault, FaultKind, shown
from dreamgym.models.llm_types import Completion, Usage, stopped

LENGTH = ("length", "max_tokens")  # as servers tell that an answer is not ended but cut


class Wire(BaseModel):
    """A part of an answer; what is not asked for is not looked at."""

    model_config = ConfigDict(extra="ignore", strict=True)


class SampledToken(Wire):
    """A token of a chat answer; llama.cpp tells its id."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    id: int | None = None

    @property
    def size(self) -> int:
        """Its length in the answer's UTF-8."""
        return len(self.token.encode(errors="replace")) if self.bytes is None else len(self.bytes)


class ChatLogprobs(Wire):
    """``logprobs`` of /chat/completions."""

    content: list[SampledToken] | None = None


class TextLogprobs(Wire):
    """``logprobs`` of /completions."""

    tokens: list[str]
    token_logprobs: list[float | None]


class ChatMessage(Wire):
    """What the model says."""

    content: str | None = None
    refusal: str | None = None


class Choice(Wire):
    """An answer of either endpoint; vLLM and SGLang tell what ended it: ``stop_reason``, ``matched_stop``."""

    message: ChatMessage | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: ChatLogprobs | TextLogprobs | None = None
    token_ids: list[int] | None = None
    stop_reason: str | int | None = None
    matched_stop: str | int | None = None

    @property
    def tells_stops(self) -> bool:
        """Whether the server says which stop string ended an answer."""
        return bool({"stop_reason", "matched_stop"} & self.model_fields_set)

    def may_hide(self, stop: Sequence[str]) -> bool:
        """Whether one of ``stop`` may have ended the text, and been cut off without a word."""
        text, ended = self.text or "", self.finish_reason not in LENGTH
        return ended and bool(stop) and not self.tells_stops and not any(string in text for string in stop)

    @property
    def sampled(self) -> list[SampledToken]:
        """Its tokens with their logprobs, where told."""
        if isinstance(self.logprobs, TextLogprobs):
            pairs = zip(self.logprobs.tokens, self.logprobs.token_logprobs, strict=False)
            return [SampledToken(token=token, logprob=p) for token, p in pairs if p is not None]
        return list(self.logprobs.content or ()) if self.logprobs is not None else []


class Answer(Wire):
    """A whole answer; ``usage`` may be anything."""

    choices: list[Choice]
    usage: Any = None

    @field_validator("choices")
    @classmethod
    def _not_empty(cls, choices: list[Choice]) -> list[Choice]:
        if not choices:
            raise ValueError("no choice in it")
        return choices


T = TypeVar("T", bound=BaseModel)


def read_wire(model: type[T], text: str, tried: str) -> T:
    """``text`` as ``model``.

    Raises:
        Fault: it is something else.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        raise Fault(
            FaultKind.MALFORMED, f"{tried}: {where}: {shown(first['msg'])}, found {shown(text)!r}"
        ) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is done with an answer: where it is cut, and whether its logprobs are needed."""

    stop: Sequence[str]
    tokens: bool


def completion_of(answer: Answer, wanted: Wanted, tried: str) -> Completion:
    """The first choice as a completion.

    Raises:
        Fault: the model refused, said nothing, or its tokens do not fit together.
    """
    choice = answer.choices[0]
    text = _text(choice, tried)
    told = choice.stop_reason if isinstance(choice.stop_reason, str) else choice.matched_stop
    if isinstance(told, str) and told in wanted.stop and not text.endswith(told):
        text += told
    cut = stopped(text, wanted.stop)
    length = choice.finish_reason in LENGTH and cut == text
    ids, logprobs = _tokens(choice, text, cut, tried) if wanted.tokens else ((), ())
    return Completion(
        text=cut,
        token_ids=ids,
        logprobs=logprobs,
        finish_reason="length" if length else "stop",
        usage=usage_of(answer.usage),
    )


def _text(choice: Choice, tried: str) -> str:
    text = choice.text if choice.message is None else choice.message.content
    refusal = choice.message.refusal if choice.message is not None else None
    if refusal or choice.finish_reason == "content_filter":
        raise Fault(FaultKind.REFUSED, f"{tried}: the model refuses: {shown(refusal or 'content filter')}")
    if text is None:
        why = (
            "all its tokens went elsewhere, raise max_tokens" if choice.finish_reason == "length" else "null"
        )
        raise Fault(FaultKind.MALFORMED, f"{tried}: an answer without a text ({why})")
    return text


def _tokens(choice: Choice, text: str, cut: str, tried: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Ids (where told) and logprobs of the tokens that ``cut`` takes, the last one whole."""
    sampled = choice.sampled
    ids = choice.token_ids or [token.id for token in sampled if token.id is not None]
    if not all(math.isfinite(token.logprob) and token.logprob <= 1e-3 for token in sampled):
        raise Fault(FaultKind.MALFORMED, f"{tried}: a logprob is no log-probability")
    if ids and len(ids) != len(sampled):
        raise Fault(FaultKind.MALFORMED, f"{tried}: {len(ids)} token ids but {len(sampled)} logprobs")
    count = len(sampled) if cut == text else _count(sampled, len(cut.encode(errors="replace")))
    return tuple(ids[:count]), tuple(token.logprob for token in sampled[:count])


def _count(sampled: Sequence[SampledToken], size: int) -> int:
    """How many tokens it takes to write ``size`` bytes."""
    for count, token in enumerate(sampled):
        if size <= 0:
            return count
        size -= token.size
    return len(sampled)


class _PromptDetails(Wire):
    cached_tokens: int | None = None


class _WireUsage(Wire):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _PromptDetails | None = None


def usage_of(told: object) -> Usage:
    """The token counts that a server tells; none where they are none."""
    try:
        usage = _WireUsage.model_validate(told)
    except ValidationError:
        return Usage(prompt_tokens=-1, completion_tokens=-1)
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=cached or 0,
        completion_tokens=usage.completion_tokens,
    )
