"""A text session on a client that keeps no context: the whole text is sent again with every generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dreamgym.models.llm_types import Completion


class Continue(Protocol):
    """Continues a text."""

    async def __call__(
        self, text: str, /, *, stop: Sequence[str], max_tokens: int, temperature: float, seed: int
    ) -> Completion:
        """What follows ``text``."""
        ...


class PromptSession:
    """A text that grows, continued by ``continue_text``."""

    def __init__(self, continue_text: Continue, *, seed: int) -> None:
        self._continue = continue_text
        self._seed = seed
        self._turn = 0
        self.text = ""

    def append(self, text: str) -> None:
        """Add text that the model did not write."""
        self.text += text

    async def generate(
        self, *, stop: Sequence[str] = (), max_tokens: int, temperature: float = 0.0, start: str = ""
    ) -> Completion:
        """Ask for the continuation of the text, and keep it; nobody there can be held to ``start``."""
        seed = self._seed + self._turn
        completion = await self._continue(
            self.text, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed
        )
        self._turn += 1
        self.text += completion.text
        return completion

    def fork(self, seed: int) -> PromptSession:
        """The same text."""
        twin = PromptSession(self._continue, seed=seed)
        twin.text = self.text
        return twin

    def close(self) -> None:
        """Nothing is held."""
