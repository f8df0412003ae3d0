"""What an annotation will take, told before it begins: calls, tokens and, where prices are set, money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dreamgym.core.config import LLMConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.llm_types import Usage
from dreamgym.models.structured import TRIES, strict_schema
from dreamgym.training.annotating.plan import Annotation
from dreamgym.training.annotating.prompt import answer_tokens, messages_for

CHARACTERS_PER_TOKEN = 3  # of such prompts, full of JSON; SmolLM2 reads 3.1
WRITTEN, WRITTEN_PER_TURN = 120, 70  # tokens of a usual answer: as a whole, and for each turn
NOTHING = Usage()
_SCHEMA_CHARACTERS = len(json.dumps(strict_schema(Annotation)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What some episodes take: about, and at most. An episode without turns is not asked for."""

    episodes: int = 0
    usual: Usage = NOTHING
    most: Usage = NOTHING

    def plus(self, trajectory: Trajectory) -> Estimate:
        """One episode more."""
        if not trajectory.transitions:
            return replace(self, episodes=self.episodes + 1)
        usual = usual_usage(trajectory)
        most = self.most + worst_usage(usual, answer_tokens(trajectory))
        return Estimate(episodes=self.episodes + 1, usual=self.usual + usual, most=most)

    def lines(self, teacher: str, settings: LLMConfig) -> Iterator[str]:
        """What a person reads before it starts."""
        usual, most = self.usual, self.most
        yield (
            f"{usual.calls:,} calls to {teacher}, one for each episode that is not annotated yet: about "
            f"{usual.prompt_tokens:,} tokens to read and {usual.completion_tokens:,} to write"
        )
        yield (
            f"(estimated: {CHARACTERS_PER_TOKEN} characters a token, {WRITTEN_PER_TURN} tokens written per "
            f"turn; at most {most.prompt_tokens:,} and {most.completion_tokens:,}, were every answer bad "
            f"{TRIES} times)"
        )
        yield _price(usual, most, settings)


def usual_usage(trajectory: Trajectory) -> Usage:
    """About what one episode takes where its first answer is good."""
    characters = _SCHEMA_CHARACTERS + sum(len(message.content) for message in messages_for(trajectory))
    return Usage(
        calls=1,
        prompt_tokens=characters // CHARACTERS_PER_TOKEN,
        completion_tokens=WRITTEN + WRITTEN_PER_TURN * len(trajectory.transitions),
    )


def worst_usage(usual: Usage, longest_answer: int) -> Usage:
    """Every try fails, with an answer as long as it may be, which the next try reads."""
    read_again = sum(range(TRIES)) * longest_answer
    return Usage(
        calls=TRIES,
        prompt_tokens=TRIES * usual.prompt_tokens + read_again,
        completion_tokens=TRIES * longest_answer,
    )


def _price(usual: Usage, most: Usage, settings: LLMConfig) -> str:
    if settings.input_usd_per_million is None:
        return (
            "price: not known, no prices are set; where a million tokens cost something, say how much: "
            "llm.input_usd_per_million=… llm.output_usd_per_million=…"
        )
    account, limit = Account(settings), settings.max_cost_usd
    costs, at_most = account.priced(usual).cost_usd, account.priced(most).cost_usd
    stop = "no limit is set" if limit is None else f"it stops before ${limit:,.2f}"
    return f"price: about ${costs:,.2f}, at most ${at_most:,.2f}; {stop} (llm.max_cost_usd)"
