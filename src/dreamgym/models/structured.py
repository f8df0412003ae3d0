"""Answers in a form: a pydantic model in, an instance of it out.

Where a server can hold an answer to a JSON schema it is asked to; in any case the answer is read here, and a
wrong one is sent back with what is wrong with it, a few times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ValidationError

from dreamgym.core.errors import AnswerFormatError
from dreamgym.models.clients.endpoint_faults import shown
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.llm_types import DEFAULT_MAX_TOKENS, Completion, Message, Prompt, as_messages
from dreamgym.utils.run_sync import run_sync

T = TypeVar("T", bound=BaseModel)
TRIES = 3
MAX_STARTS = 50  # braces at which an object may begin
_BRACE = re.compile(r"\{")
_DECODER = json.JSONDecoder()
MAX_PROBLEMS = 5  # of an answer that are told
ASK = "Answer with one JSON object of this JSON schema, and nothing else:\n{schema}"
REPAIR = "That is not as asked: {problem}\nAnswer again: one JSON object of the schema, and nothing else."


@runtime_checkable
class HoldsToSchemas(Protocol):
    """A client whose server may hold its answers to a JSON schema."""

    async def acomplete_json(
        self, prompt: Prompt, schema: Mapping[str, Any], *, max_tokens: int, temperature: float, seed: int
    ) -> Completion:
        """An answer that is meant to be JSON of ``schema``."""
        ...


async def acomplete_as(
    client: LLMClient,
    form: type[T],
    prompt: Prompt,
    *,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    temperature: float = 0.0,
    seed: int = 0,
) -> T:
    """The answer to ``prompt`` as an instance of ``form``; the schema is told to the model, too.

    Raises:
        AnswerFormatError: no answer of ``TRIES`` was one; it holds the last.
    """
    schema = strict_schema(form)
    told = Message(role="user", content=ASK.format(schema=json.dumps(schema)))
    messages = merged([*as_messages(prompt), told])
    for attempt in range(TRIES):
        if isinstance(client, HoldsToSchemas):
            answer = await client.acomplete_json(
                messages, schema, max_tokens=max_tokens, temperature=temperature, seed=seed + attempt
            )
        else:
            answer = await client.acomplete(
                messages, max_tokens=max_tokens, temperature=temperature, seed=seed + attempt
            )
        try:
            return form.model_validate(json_object(answer.text))
        except ValueError as error:  # pydantic's and json's are both
            problem = _told(error)
        if answer.finish_reason == "length":
            problem += f" (it was cut off after {max_tokens} tokens)"
        repair = Message(role="user", content=REPAIR.format(problem=problem))
        messages = [*messages, Message(role="assistant", content=answer.text or "(nothing)"), repair]
    raise AnswerFormatError(
        f"no {form.__name__} in {TRIES} answers: {problem}; the last answer: {shown(answer.text)!r}",
        answer.text,
    )


def complete_as(
    client: LLMClient,
    form: type[T],
    prompt: Prompt,
    *,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    temperature: float = 0.0,
    seed: int = 0,
) -> T:
    """``acomplete_as`` for those who do not await."""
    answer = acomplete_as(client, form, prompt, max_tokens=max_tokens, temperature=temperature, seed=seed)
    return run_sync(answer, instead="acomplete_as")


def json_object(text: str) -> dict[str, Any]:
    """The first JSON object in ``text``, whatever stands around it.

    Raises:
        ValueError: there is none.
    """
    problem = "no JSON object in it"
    for start in islice((match.start() for match in _BRACE.finditer(text)), MAX_STARTS):
        try:
            value, _ = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            problem = f"not JSON: {error}"
        else:
            return dict(value)
    raise ValueError(problem)


def merged(messages: list[Message]) -> list[Message]:
    """``messages`` with neighbours of one role as one: many chat templates want the roles to alternate."""
    found: list[Message] = []
    for message in messages:
        if found and found[-1].role == message.role:
            last = found.pop()
            message = Message(role=message.role, content=f"{last.content}\n\n{message.content}")
        found.append(message)
    return found


def strict_schema(form: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of ``form``, closed as servers want it: every key required, no other allowed."""
    return dict(_closed(form.model_json_schema()))


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items() if key != "default"}
    if isinstance(closed.get("properties"), dict):
        closed |= {"required": list(closed["properties"]), "additionalProperties": False}
    return closed


def _told(error: ValueError) -> str:
    """What is wrong, in a few words each."""
    if not isinstance(error, ValidationError):
        return str(error)
    problems = error.errors(include_url=False, include_input=False)[:MAX_PROBLEMS]
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'the object'}: {p['msg']}" for p in problems)
