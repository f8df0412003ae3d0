"""Retrieval for many dreams at once: the queries of all episodes that ask together become one search."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from dreamgym.core.data_structures import Experience

Neighbours = tuple[Experience, ...]


class Retriever(Protocol):
    """Finds the most similar past experiences {d_j}: TopK cos(φ(s_t, a_t), φ(s_i, a_i)) (paper §3)."""

    def neighbours_batch(
        self, turns: Sequence[tuple[str, str]], *, exclude_trajectories: Sequence[str | None], k: int
    ) -> list[Neighbours]:
        """One answer per (state, action), without the experiences of its excluded trajectory."""
        ...


class Grounding:
    """Asks ``retriever`` once for all queries that wait when the event loop comes round."""

    def __init__(self, retriever: Retriever, k: int) -> None:
        self._retriever = retriever
        self._k = k
        self._waiting: list[tuple[tuple[str, str], str | None, asyncio.Future[Neighbours]]] = []

    async def neighbours(self, state: str, action: str, exclude_trajectory: str | None) -> Neighbours:
        """The ``k`` experiences nearest to this turn, best first."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Neighbours] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._search)
        self._waiting.append(((state, action), exclude_trajectory, answer))
        return await answer

    def _search(self) -> None:
        waiting, self._waiting = self._waiting, []
        turns = [turn for turn, _, _ in waiting]
        excluded = [trajectory for _, trajectory, _ in waiting]
        try:
            found = self._retriever.neighbours_batch(turns, exclude_trajectories=excluded, k=self._k)
        except Exception as error:  # whoever asked must hear of it, not the event loop
            for _, _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, _, answer), neighbours in zip(waiting, found, strict=True):
            if not answer.done():
                answer.set_result(neighbours)
