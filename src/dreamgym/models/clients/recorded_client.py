"""``recorded:FOLDER:CLIENT`` saves every call of a client; ``recorded:FOLDER`` answers from what was saved.

A replay answers what was asked several times in the order of the record, and refuses what was not asked. No
key and no header is in it; prompts and answers are, as they were.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamgym.core.errors import ContextFullError, EndpointError
from dreamgym.models.clients.call_record import Call, Recorded, append_call, nearest_shown, read_calls
from dreamgym.models.clients.prompt_session import PromptSession
from dreamgym.models.llm_client import LLMClient, is_hosted
from dreamgym.models.llm_types import DEFAULT_MAX_TOKENS, Completion, Prompt, Usage, as_messages
from dreamgym.models.structured import HoldsToSchemas

CALLS = "calls.jsonl"


class RecordedClient:
    """Around ``inner``, which is asked and recorded; without one, the record alone answers."""

    def __init__(self, folder: Path, inner: LLMClient | None = None) -> None:
        self._path = folder / CALLS
        self._inner = inner
        self._usage = Usage()
        self._asked: Counter[Call] = Counter()
        self._recorded = read_calls(self._path) if inner is None else {}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def hosted(self) -> bool:
        """As the client behind it; a replay does not know and goes by ``reasoning_model.context``."""
        return self._inner is not None and is_hosted(self._inner)

    @property
    def usage(self) -> Usage:
        """The client's behind it; of a replay what the recorded calls used, at no cost."""
        return self._usage if self._inner is None else self._inner.usage

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
        call = _call(prompt, stop, max_tokens, temperature, seed)
        if self._inner is None:
            return self._replay(call)
        with self._failure_written(call):
            answer = self._inner.complete(
                prompt, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed
            )
        return self._written(call, answer)

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
        call = _call(prompt, stop, max_tokens, temperature, seed)
        if self._inner is None:
            return self._replay(call)
        with self._failure_written(call):
            answer = await self._inner.acomplete(
                prompt, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed
            )
        return self._written(call, answer)

    async def acomplete_json(
        self, prompt: Prompt, schema: Mapping[str, Any], *, max_tokens: int, temperature: float, seed: int
    ) -> Completion:
        """An answer that is meant to be JSON of ``schema``, held to it where ``inner`` can."""
        call = replace(
            _call(prompt, (), max_tokens, temperature, seed), schema=json.dumps(schema, sort_keys=True)
        )
        if self._inner is None:
            return self._replay(call)
        with self._failure_written(call):
            if isinstance(self._inner, HoldsToSchemas):
                answer = await self._inner.acomplete_json(
                    prompt, schema, max_tokens=max_tokens, temperature=temperature, seed=seed
                )
            else:
                answer = await self._inner.acomplete(
                    prompt, max_tokens=max_tokens, temperature=temperature, seed=seed
                )
        return self._written(call, answer)

    async def acontinue(
        self, text: str, /, *, stop: Sequence[str], max_tokens: int, temperature: float, seed: int
    ) -> Completion:
        """What follows ``text``."""
        call = _call(text, stop, max_tokens, temperature, seed, continues=True)
        if self._inner is None:
            return self._replay(call)
        with contextlib.closing(self._inner.session(seed)) as session, self._failure_written(call):
            session.append(text)
            answer = await session.generate(stop=stop, max_tokens=max_tokens, temperature=temperature)
        return self._written(call, answer)

    def session(self, seed: int) -> PromptSession:
        """A text session; every generation of it is a call of its own."""
        return PromptSession(self.acontinue, seed=seed)

    def _written(self, call: Call, answer: Completion) -> Completion:
        append_call(self._path, Recorded(call=call, answer=answer))
        return answer

    @contextlib.contextmanager
    def _failure_written(self, call: Call) -> Iterator[None]:
        try:
            yield
        except (EndpointError, ContextFullError) as error:
            context_full = isinstance(error, ContextFullError)
            append_call(self._path, Recorded(call=call, failure=str(error), context_full=context_full))
            raise

    def _replay(self, call: Call) -> Completion:
        """The next recorded answer to ``call``, or its failure.

        Raises:
            EndpointError: it was never asked, or not so often.
        """
        recorded, asked = self._recorded.get(call, []), self._asked[call]
        if asked >= len(recorded):
            why = f"recorded {asked} times, asked once more" if asked else nearest_shown(call, self._recorded)
            raise EndpointError(f"a call that {self._path} does not know: {why}")
        self._asked[call] += 1
        found = recorded[asked]
        if found.answer is None:
            self._usage += Usage(calls=1, failures=1)
            raise ContextFullError(found.failure) if found.context_full else EndpointError(found.failure)
        self._usage += replace(found.answer.usage, charged_tokens=0, cost_usd=0.0)
        return found.answer


def _call(
    prompt: Prompt,
    stop: Sequence[str],
    max_tokens: int,
    temperature: float,
    seed: int,
    *,
    continues: bool = False,
) -> Call:
    return Call(
        messages=as_messages(prompt),
        continues=continues,
        stop=tuple(stop),
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
    )
