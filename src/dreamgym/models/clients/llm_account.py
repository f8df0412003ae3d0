"""What a run's calls to hosted models and servers may cost, and when too many of them have failed."""

from __future__ import annotations

from dataclasses import replace

from dreamgym.core.config import LLMConfig
from dreamgym.core.errors import BudgetError, CircuitOpenError
from dreamgym.models.llm_types import Usage

MILLION = 1_000_000
GO_ON = "train: with --resume, annotate: by the same command"


class Account:
    """Shared by all clients of a run: its budget and its circuit breaker.

    A call is refused before it is made where its worst case, beside that of the calls under way, would exceed
    the budget; so a budget is never exceeded, and may end with a little left.
    """

    def __init__(self, settings: LLMConfig) -> None:
        self._settings = settings
        self._spent = Usage()
        self._reserved = Usage()
        self._in_a_row = 0
        self._broken = ""

    @property
    def spent(self) -> Usage:
        """What was settled so far, and what was spent before."""
        return self._spent

    def priced(self, usage: Usage) -> Usage:
        """``usage`` with what it takes of a budget; it costs nothing where no prices are set."""
        read = (self._settings.input_usd_per_million or 0.0) * usage.prompt_tokens
        written = (self._settings.output_usd_per_million or 0.0) * usage.completion_tokens
        return replace(usage, charged_tokens=usage.tokens, cost_usd=(read + written) / MILLION)

    def reserve(self, worst: Usage) -> None:
        """Set aside what a call may use at most; ``settle`` it afterwards.

        Raises:
            CircuitOpenError: too many calls have failed one after the other.
            BudgetError: the budget might not suffice.
        """
        if self._broken:
            raise CircuitOpenError(self._broken)
        possible = self._spent + self._reserved + worst
        most_tokens, most_usd = self._settings.max_tokens, self._settings.max_cost_usd
        spent, reserved = self._spent, self._reserved
        if most_tokens is not None and possible.charged_tokens > most_tokens:
            raise BudgetError(
                f"llm.max_tokens = {most_tokens:,} does not suffice: {spent.charged_tokens:,} are used, "
                f"up to {reserved.charged_tokens:,} by calls under way, and the next call may take "
                f"{worst.charged_tokens:,}; raise it, then go on ({GO_ON})"
            )
        if most_usd is not None and possible.cost_usd > most_usd:
            raise BudgetError(
                f"llm.max_cost_usd = {most_usd:g} does not suffice: ${spent.cost_usd:.4f} is spent, up to "
                f"${reserved.cost_usd:.4f} by calls under way, and the next call may cost "
                f"${worst.cost_usd:.4f}; raise it, then go on ({GO_ON})"
            )
        self._reserved += worst

    def settle(self, reserved: Usage, used: Usage) -> None:
        """Give back what was ``reserved``; spend what was ``used``."""
        self._reserved -= reserved
        self._spent += used

    def spend(self, used: Usage) -> None:
        """Count what an earlier part of the run has used."""
        self._spent += used

    def answered(self) -> None:
        """A call was answered: the failures before it are forgiven."""
        self._in_a_row = 0

    def failed(self, message: str) -> None:
        """A call failed for good.

        Raises:
            CircuitOpenError: it was one too many.
        """
        self._in_a_row += 1
        if self._in_a_row >= self._settings.failures_in_a_row:
            self._broken = (
                f"{self._in_a_row} calls in a row failed (llm.failures_in_a_row), the last one: {message}"
            )
            raise CircuitOpenError(self._broken)
