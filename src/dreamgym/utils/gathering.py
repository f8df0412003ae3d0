"""Questions that coroutines ask one by one, answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Gathering(Generic[Question, Answer]):
    """Answers all that ask in the same pass of the event loop by one call of ``answer_all``."""

    def __init__(self, answer_all: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._answer_all = answer_all
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer; whatever ``answer_all`` raises is raised to all who asked."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # those who asked in a loop that is gone wait no more
            self._loop, self._waiting = loop, []
        if not self._waiting:
            loop.call_soon(self._answer)
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((question, future))
        return await future

    def _answer(self) -> None:
        waiting = [(question, future) for question, future in self._waiting if not future.done()]
        self._waiting = []
        if not waiting:
            return
        try:
            answers = self._answer_all([question for question, _ in waiting])
            answered = list(zip(waiting, answers, strict=True))
        except Exception as error:  # in a callback it would only be logged
            for _, future in waiting:
                future.set_exception(error)
            return
        for (_, future), answer in answered:
            future.set_result(answer)
