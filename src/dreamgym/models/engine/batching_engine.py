"""Continuous batching for local causal LMs: growing contexts, one forward per token for all that wait.

A ``Session`` is one context; its keys and values stay cached from turn to turn. Coroutines call
``await session.generate(...)``; once none of them can go on, the engine runs one forward for every waiting
session, whatever their lengths: sampled tokens, new observations and long prompts share it. Forwards run
inline in the event loop, without threads, so that a program is deterministic; sampling draws from each
session's own random numbers, so that its tokens do not depend on its neighbours (up to float noise).
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from dreamgym.core.errors import ContextFullError, ModelError
from dreamgym.models.engine.batching_session import Cache, Generated, Request, Session
from dreamgym.models.engine.llama_forward import LlamaForward, has_llama_forward
from dreamgym.models.engine.sampling import sample
from dreamgym.models.engine.torch_forward import TorchForward

__all__ = ["BatchingEngine", "Generated", "Session"]

TOKENS_PER_FORWARD = 2048  # a longer batch gains nothing and its activations leave the processor's cache
SERIAL_TOKENS = 256  # below, a second thread saves little, and on a busy machine waiting for it costs a lot
SETTLING_PASSES = 3  # event-loop passes that a coroutine needs from one answer to its next question

CacheT = TypeVar("CacheT", bound=Cache)


class Forward(Protocol[CacheT]):
    """A model that reads new tokens into caches."""

    def new_cache(self) -> CacheT: ...

    def __call__(self, caches: Sequence[CacheT], new_ids: Sequence[Sequence[int]]) -> Tensor: ...


class BatchingEngine:
    """Batches the sessions of one model.

    ``max_length`` bounds every context (default: the model's own limit). The weights may change between
    generations: contexts that older weights computed are computed again. In-place updates and replaced
    tensors are seen; after others (``.data``, a fused optimizer, an adapter switched off) call ``reset``.
    ``autocast`` computes in bfloat16 whatever the weights are.
    """

    def __init__(
        self, model: PreTrainedModel, *, max_length: int | None = None, autocast: bool = False
    ) -> None:
        self._model = model
        self.max_length = _context_length(model, max_length)
        self._forward: Forward[Any] = (
            LlamaForward(model, max_length=self.max_length)
            if has_llama_forward(model) and not autocast
            else TorchForward(model, autocast=autocast)
        )
        self._parameters = list(model.parameters())
        self._weights = self._weights_now()
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self._requests: list[Request] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrivals = 0
        self.forwards = 0
        self.tokens_read = 0

    def session(self, *, seed: int) -> Session:
        """An empty context that samples with random numbers from ``seed``."""
        session = Session(self, self._forward.new_cache(), seed=seed)
        self._sessions.add(session)
        return session

    def reset(self) -> None:
        """Forget what was computed with earlier weights."""
        self._parameters = list(self._model.parameters())
        self._weights = self._weights_now()
        for session in self._sessions:
            session.cache.truncate(0)

    def forget(self, session: Session) -> None:
        """Drop a closed session's cache and request."""
        session.cache = self._forward.new_cache()
        self._sessions.discard(session)
        for request in self._requests:
            if request.session is session:
                request.future.cancel()

    def enqueue(self, request: Request) -> None:
        """Let ``request`` join the next forward."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the previous loop is over, and with it whoever waited there
            self._requests = []
        if not self._requests:
            self._loop = loop
            loop.call_soon(self._pump, loop, SETTLING_PASSES, self._arrivals)
        self._requests.append(request)
        self._arrivals += 1

    def _pump(self, loop: asyncio.AbstractEventLoop, passes: int, arrivals: int) -> None:
        """Run one forward, once no more requests arrive; come back while any wait."""
        if self._loop is not loop:
            return
        self._requests = [r for r in self._requests if not r.future.done()]
        if not self._requests:
            return
        if arrivals != self._arrivals:
            passes = SETTLING_PASSES
        if passes > 0 and len(self._requests) < len(self._sessions):
            loop.call_soon(self._pump, loop, passes - 1, self._arrivals)
            return
        try:
            self._step()
        except Exception as error:  # whoever waits gets it; in a callback it would only be logged
            for request in self._requests:
                if not request.future.done():
                    request.future.set_exception(error)
        waiting = [r for r in self._requests if not r.future.done()]
        passes = SETTLING_PASSES if len(waiting) < len(self._requests) else 0
        loop.call_soon(self._pump, loop, passes, self._arrivals)

    def _step(self) -> None:
        if self._weights_now() != self._weights:
            self.reset()
        batch = self._next_batch()
        ids = [r.session.token_ids[r.session.cache.length :][:count] for r, count in batch]
        tokens = sum(count for _, count in batch)
        with _threads(tokens):
            logits_BV = self._forward([request.session.cache for request, _ in batch], ids)
        self.forwards += 1
        self.tokens_read += tokens
        for request, _ in batch:
            if request.max_tokens == 0 and request.unread == 0:
                request.finish("length")
        rows = [i for i, (r, _) in enumerate(batch) if r.unread == 0 and not r.future.done()]
        if rows:
            ready = [batch[row][0] for row in rows]
            self._sample(ready, logits_BV if len(rows) == len(batch) else logits_BV[rows])

    def _next_batch(self) -> list[tuple[Request, int]]:
        """How many tokens of which request to read: the short ones all, the long ones as room is left."""
        room = TOKENS_PER_FORWARD
        batch: list[tuple[Request, int]] = []
        for request in sorted(self._requests, key=lambda r: r.unread):
            count = min(request.unread, room if batch else max(room, 1))
            if count:
                batch.append((request, count))
                room -= count
        return batch

    def _sample(self, requests: list[Request], logits_BV: Tensor) -> None:
        temperatures = [request.temperature for request in requests]
        uniforms = [r.session.rng.random() if r.temperature else 0.0 for r in requests]
        ids_B, logprobs_B = sample(_startable(logits_BV, requests), temperatures, uniforms)
        if not bool(torch.isfinite(logprobs_B).all()):
            raise ModelError("the model's logits are not finite: its weights are damaged or diverged")
        for request, token, logprob in zip(requests, ids_B.tolist(), logprobs_B.tolist(), strict=True):
            self._receive(request, token, logprob)

    def _receive(self, request: Request, token: int, logprob: float) -> None:
        request.session.token_ids.append(token)
        request.token_ids.append(token)
        request.logprobs.append(logprob)
        if token in request.stop_ids or (
            request.stop_when is not None and request.stop_when(request.token_ids)
        ):
            request.finish("stop")
        elif len(request.token_ids) == request.max_tokens:
            request.finish("length")
        elif request.session.length >= self.max_length:
            request.future.set_exception(
                ContextFullError(f"the context of {self.max_length} tokens ended before a stop token")
            )

    def _weights_now(self) -> list[tuple[int, int]]:
        """Changes with every in-place update and every replaced tensor."""
        return [(p.data_ptr(), p._version) for p in self._parameters]


def _startable(logits_BV: Tensor, requests: Sequence[Request]) -> Tensor:
    """The logits, without the tokens that a generation may not start with."""
    starting = [
        (row, request.may_start_V)
        for row, request in enumerate(requests)
        if request.may_start_V is not None and not request.token_ids
    ]
    if not starting:
        return logits_BV
    allowed_BV = torch.ones_like(logits_BV, dtype=torch.bool)
    for row, may_start_V in starting:
        allowed_BV[row] = may_start_V
    return logits_BV.masked_fill(~allowed_BV, -torch.inf)


@contextmanager
def _threads(tokens: int) -> Iterator[None]:
    """One thread for a small forward, the usual number for a large one."""
    usual = torch.get_num_threads()
    if tokens < SERIAL_TOKENS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def _context_length(model: PreTrainedModel, wanted: int | None) -> int:
    limit = getattr(model.config, "max_position_embeddings", None)  # absent where positions have no limit
    if wanted is not None and (limit is None or wanted <= limit):
        return wanted
    if limit is None:
        raise ModelError(f"{type(model).__name__} has no limit of its own: give max_length")
    if wanted is not None:
        raise ModelError(f"max_length is {wanted}, but the model's positions end at {limit}")
    return int(limit)
