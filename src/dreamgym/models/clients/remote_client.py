"""What all calls to hosted models and servers share: tries and waiting, limits, budgets, accounts.

A provider does one try of a call; here it is kept within its time, tried again where that may help, paid for
and counted. Whatever happens, ``usage.calls`` are the answers and the failures.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from dreamgym.core.config import LLMConfig
from dreamgym.core.errors import (
    BudgetError,
    CircuitOpenError,
    ContextFullError,
    DreamGymError,
    EndpointError,
    EndpointSetupError,
)
from dreamgym.models.clients.endpoint_faults import Fault, FaultKind
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.clients.patience import Patience
from dreamgym.models.clients.prompt_session import PromptSession
from dreamgym.models.clients.remote_call import Provider, Request, believed
from dreamgym.models.llm_types import DEFAULT_MAX_TOKENS, Completion, Prompt, Usage, as_messages
from dreamgym.utils.per_loop import PerLoop
from dreamgym.utils.run_sync import run_sync


class RemoteClient:
    """A language model behind an API; safe to share between coroutines."""

    def __init__(
        self,
        provider: Provider,
        settings: LLMConfig,
        account: Account,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: Random | None = None,
    ) -> None:
        self._provider = provider
        self._account = account
        self._timeout_s = settings.timeout_s
        self._patience = Patience(settings.retries, rng or Random())
        self._slots = PerLoop(lambda: asyncio.Semaphore(settings.concurrency))
        self._first = PerLoop(asyncio.Lock)
        self._was_tried = False
        self._setup_error: EndpointSetupError | None = None
        self._sleep = sleep
        self._usage = Usage()
        self.faults: Counter[FaultKind] = Counter()
        """Tries that gave no answer, also those that a later try mended."""

    @property
    def hosted(self) -> bool:
        """Whether the provider's own service answers."""
        return self._provider.hosted

    @property
    def usage(self) -> Usage:
        """Everything used so far."""
        return self._usage

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
        request = Request(
            messages=as_messages(prompt),
            stop=tuple(stop),
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
        )
        return run_sync(self._ask_and_close(request), instead="acomplete")

    async def acomplete(
        self,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        max_tokens: int = DEFAULT_MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """Answer ``prompt``.

        Raises:
            EndpointError: it was not answered, the retries included.
            ContextFullError: the model cannot read so much.
            EndpointSetupError, CircuitOpenError, BudgetError: nothing will be answered.
        """
        return await self.ask(
            Request(
                messages=as_messages(prompt),
                stop=tuple(stop),
                max_tokens=max_tokens,
                temperature=temperature,
                seed=seed,
            )
        )

    async def acontinue(
        self,
        text: str,
        /,
        *,
        stop: Sequence[str] = (),
        max_tokens: int = DEFAULT_MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """What follows ``text``; raises as ``acomplete``."""
        return await self.ask(
            Request(
                messages=as_messages(text),
                continues=True,
                stop=tuple(stop),
                max_tokens=max_tokens,
                temperature=temperature,
                seed=seed,
            )
        )

    async def acomplete_json(
        self, prompt: Prompt, schema: Mapping[str, Any], *, max_tokens: int, temperature: float, seed: int
    ) -> Completion:
        """An answer that the server holds to the JSON ``schema``, where it can; raises as ``acomplete``."""
        return await self.ask(
            Request(
                messages=as_messages(prompt),
                max_tokens=max_tokens,
                temperature=temperature,
                seed=seed,
                schema=schema,
            )
        )

    def session(self, seed: int) -> PromptSession:
        """An empty context."""
        return PromptSession(self.acontinue, seed=seed)

    async def ask(self, request: Request) -> Completion:
        """Answer ``request``, in as many tries as are allowed."""
        tries = 0
        async with self._slots.get():
            while True:
                tries += 1
                try:
                    completion = await self._try(request)
                except Fault as fault:
                    self.faults[fault.kind] += 1
                    wait = self._patience.wait(fault, tries)
                    if wait is None:
                        self._count_failure(tries)
                        self._account.failed(str(fault))
                        raise EndpointError(
                            f"{fault} (tried {tries} times)" if tries > 1 else str(fault)
                        ) from None
                except (BudgetError, CircuitOpenError):
                    if tries > 1:  # else it was no call yet
                        self._count_failure(tries - 1)
                    raise
                except (EndpointSetupError, ContextFullError):
                    self.faults[FaultKind.REFUSED] += 1
                    self._count_failure(tries)
                    raise
                else:
                    self._usage += Usage(calls=1, retries=tries - 1)
                    self._account.answered()
                    return completion
                await self._sleep(wait)

    async def _try(self, request: Request) -> Completion:
        """One try; the client's first goes ahead alone, so that what is set up wrongly is asked once."""
        if not self._was_tried:
            known = self._setup_error
            async with self._first.get():
                if self._setup_error is not None and self._setup_error is not known:
                    raise self._setup_error
                if not self._was_tried:
                    return await self._paid_try(request)
        return await self._paid_try(request)

    async def _paid_try(self, request: Request) -> Completion:
        """One try within its time."""
        worst = self._account.priced(request.worst)
        self._account.reserve(worst)
        used = worst  # what is broken off may have been worked on
        self._setup_error = None
        try:
            async with asyncio.timeout(self._timeout_s):
                completion = await self._provider.ask(request)
            used = self._account.priced(believed(completion, worst))
            return replace(completion, usage=replace(used, calls=1))
        except TimeoutError:
            message = f"{self._provider.name}: no answer within llm.timeout_s = {self._timeout_s:g}"
            raise Fault(FaultKind.TIMEOUT, message) from None
        except Fault as fault:
            used = worst if fault.kind.may_be_billed else Usage()
            raise
        except DreamGymError as error:
            used = Usage()
            self._setup_error = error if isinstance(error, EndpointSetupError) else None
            raise
        finally:
            self._was_tried = self._setup_error is None
            self._account.settle(worst, used)
            self._usage += used

    def _count_failure(self, tries: int) -> None:
        self._usage += Usage(calls=1, failures=1, retries=tries - 1)

    async def _ask_and_close(self, request: Request) -> Completion:
        """A synchronous call's loop ends with it, and its connections must before."""
        try:
            return await self.ask(request)
        finally:
            await self._provider.aclose()
