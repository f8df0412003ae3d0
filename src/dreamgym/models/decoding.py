"""How an answer is decoded: with quotes whose text is forced, freely, or with its verdict given."""

from __future__ import annotations

from dataclasses import dataclass

from dreamgym.core.data_structures import Sheet
from dreamgym.core.errors import InvalidDreamError
from dreamgym.models.dream_format import ENDS, FAIL, Quote, quoted_key, split_quotes
from dreamgym.models.dream_prompts import QUOTE
from dreamgym.models.llm_client import TextSession
from dreamgym.models.quoting import quote

MAX_QUOTES = 6
LINE = "\n"  # begins every part of an answer; a model may else go on with the action that it is asked about


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerDecoder:
    """Decodes one answer in ``session``, which holds the prompt: its quotes, and the rest as text."""

    session: TextSession
    max_tokens: int
    temperature: float

    async def quoting(self, sheet: Sheet, instruction: str, action: str) -> tuple[list[Quote], str]:
        """The model chooses what it quotes; what a quote says is the current line of ``sheet``.

        Raises:
            InvalidDreamError: what should be a quote is none, or there is no end of quotes.
        """
        quotes: list[Quote] = []
        for _ in range(MAX_QUOTES + 1):
            text = await self._continue((QUOTE, *ENDS))
            if not text.endswith(QUOTE):
                return quotes, text
            key = quoted_key(text)
            quotes.append((key, quote(sheet, key, instruction, action)))
            self.session.append(f" {quotes[-1][1]}")
        raise InvalidDreamError(f"the dream quotes more than {MAX_QUOTES} lines: {quotes}")

    async def freely(self) -> tuple[list[Quote], str]:
        """The model writes all of it.

        Raises:
            InvalidDreamError: there is no verdict behind the quotes.
        """
        return split_quotes(await self._continue(ENDS))

    async def refusing(self) -> tuple[list[Quote], str]:
        """No quotes, and an answer whose verdict is ``fail``."""
        self.session.append(FAIL)
        return [], FAIL + await self._continue(ENDS)

    async def _continue(self, stop: tuple[str, ...]) -> str:
        completion = await self.session.generate(
            stop=stop, max_tokens=self.max_tokens, temperature=self.temperature, start=LINE
        )
        return completion.text
