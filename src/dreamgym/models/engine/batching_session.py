"""One growing token context of a batching engine: what a coroutine holds, and what it asks of the engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self

from torch import Tensor

from dreamgym.core.errors import ContextFullError

FinishReason = Literal["stop", "length"]


class Cache(Protocol):
    """What a forward remembers of one context."""

    length: int

    def truncate(self, length: int) -> None: ...

    def copy(self) -> Self: ...


class Engine(Protocol):
    """What a session needs of its engine."""

    max_length: int

    def session(self, *, seed: int) -> Session: ...

    def enqueue(self, request: Request) -> None: ...

    def forget(self, session: Session) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Generated:
    """What a session sampled; the stop token is the last one where it ended the generation."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: FinishReason


@dataclass(eq=False, slots=True)
class Request:
    """A generation that waits; with ``max_tokens`` 0 it only reads the context.

    ``may_start_V`` is true for the tokens that may be its first; None is all of them.
    """

    session: Session
    future: asyncio.Future[Generated]
    stop_ids: frozenset[int]
    stop_when: Callable[[Sequence[int]], bool] | None
    max_tokens: int
    temperature: float
    may_start_V: Tensor | None = None
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @property
    def unread(self) -> int:
        """Tokens to compute before this request can sample; a prefill leaves the last one for later."""
        unread = self.session.length - self.session.cache.length
        return unread if self.max_tokens else unread - 1

    def finish(self, reason: FinishReason) -> None:
        """Answer the coroutine that waits."""
        generated = Generated(
            token_ids=tuple(self.token_ids), logprobs=tuple(self.logprobs), finish_reason=reason
        )
        self.future.set_result(generated)


class Session:
    """One growing token context on a ``BatchingEngine``; made by its ``session``."""

    def __init__(self, engine: Engine, cache: Cache, *, seed: int) -> None:
        self.engine = engine
        self.cache = cache
        self.token_ids: list[int] = []
        self.rng = random.Random(seed)
        self.closed = False
        self.waiting = False

    @property
    def length(self) -> int:
        """Tokens in the context, computed or not."""
        return len(self.token_ids)

    def append(self, ids: Sequence[int]) -> None:
        """Add tokens that the session did not sample; they are computed with the next ``generate``."""
        self._check_usable()
        if self.length + len(ids) > self.engine.max_length:
            raise ContextFullError(
                f"{len(ids)} more tokens on {self.length} exceed the context of {self.engine.max_length}"
            )
        self.token_ids.extend(ids)

    async def generate(
        self,
        *,
        stop_ids: Collection[int],
        max_tokens: int,
        temperature: float,
        stop_when: Callable[[Sequence[int]], bool] | None = None,
        may_start_V: Tensor | None = None,
    ) -> Generated:
        """Sample until a token of ``stop_ids``, until ``stop_when(sampled ids)``, or ``max_tokens``.

        The first token is one of ``may_start_V`` where that is given.

        Raises ``ContextFullError`` where the context ends first. A cancelled or failed call leaves the
        context as it was before.
        """
        self._check_usable()
        if not self.token_ids:
            raise ValueError("generate on an empty session: append a prompt first")
        if max_tokens < 1 or temperature < 0:
            raise ValueError(
                f"max_tokens={max_tokens}, temperature={temperature}: want at least 1, at least 0"
            )
        if self.length >= self.engine.max_length:
            raise ContextFullError(f"the context of {self.engine.max_length} tokens is full")
        return await self._run(frozenset(stop_ids), stop_when, max_tokens, temperature, may_start_V)

    async def prefill(self) -> None:
        """Compute what was appended, so that ``fork`` shares it."""
        self._check_usable()
        if self.length - self.cache.length > 1:
            await self._run(frozenset(), None, 0, 0.0)

    def fork(self, seed: int) -> Session:
        """A session with the same context, its computed part copied, and random numbers of its own."""
        self._check_usable()
        twin = self.engine.session(seed=seed)
        twin.cache = self.cache.copy()
        twin.token_ids = list(self.token_ids)
        return twin

    def truncate(self, length: int) -> None:
        """Take back everything after the first ``length`` tokens."""
        self._check_usable()
        self._cut(length)

    def close(self) -> None:
        """Free the cache; a pending ``generate`` is cancelled. May be called twice."""
        if not self.closed:
            self.closed = True
            self.engine.forget(self)

    async def _run(
        self,
        stop_ids: frozenset[int],
        stop_when: Callable[[Sequence[int]], bool] | None,
        max_tokens: int,
        temperature: float,
        may_start_V: Tensor | None = None,
    ) -> Generated:
        length_before, self.waiting = self.length, True
        future = asyncio.get_running_loop().create_future()
        self.engine.enqueue(Request(self, future, stop_ids, stop_when, max_tokens, temperature, may_start_V))
        try:
            return await future
        except BaseException:
            if not self.closed:
                self._cut(length_before)
            raise
        finally:
            self.waiting = False

    def _cut(self, length: int) -> None:
        del self.token_ids[length:]
        # The last token is always read again: what follows it is known only when it is read.
        self.cache.truncate(max(0, self.length - 1))

    def _check_usable(self) -> None:
        if self.closed:
            raise RuntimeError("this session is closed: start a new one")
        if self.waiting:
            raise RuntimeError("this session is generating: await that before touching it again")
