"""How an episode's texts become a policy's tokens: what it reads each turn, and how an action is written.

A model with a chat template is talked to in its own template (``chat.py``); one without, such as the embedded
one, reads one growing text:

    \\ntask: {instruction}\\nsees: {observation}\\naction:{action}<eos>\\nsees: {observation}\\naction:…
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol

from transformers import PreTrainedTokenizerBase

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError
from dreamgym.environments.base_env import Observation
from dreamgym.models.tokenizer import encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """Tokens to read before an action; ``starts_row``: instead of the context so far, not after it."""

    token_ids: tuple[int, ...]
    starts_row: bool = False


class Dialogue(Protocol):
    """One episode's conversation with a policy: ``read``, ``said``, ``read``, ``said`` …"""

    def read(self, observation: Observation) -> Prompt:
        """The tokens that put ``observation`` before the agent."""
        ...

    def said(self, token_ids: Sequence[int]) -> str:
        """Take note of what the agent wrote, its end token included; the action that it means."""
        ...

    def written(self, action: str) -> tuple[int, ...]:
        """``action`` as the agent would write it, end token included."""
        ...


class Dialogues(Protocol):
    """Begins dialogues in one model's way."""

    def begin(self, task: Task) -> Dialogue:
        """The dialogue of a new episode."""
        ...


def end_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends an action.

    Raises:
        ConfigError: the tokenizer has none.
    """
    if tokenizer.eos_token_id is None:
        raise ConfigError("the policy's tokenizer has no eos token: an action must have an end, set one")
    return int(tokenizer.eos_token_id)


def without_end(token_ids: Sequence[int], end: int) -> list[int]:
    """``token_ids`` less the end token."""
    return [token_id for token_id in token_ids if token_id != end]


def opening_prompt(task: Task, observation: Observation) -> str:
    """What the agent reads before its first action."""
    return f"\ntask: {one_line(task.instruction)}{turn_prompt(observation)}"


def turn_prompt(observation: Observation) -> str:
    """What the agent reads before each later action; options where the environment lists them."""
    options = (
        ""
        if observation.admissible is None
        else f"\noptions: {' | '.join(map(one_line, observation.admissible))}"
    )
    return f"\nsees: {one_line(observation.text)}{options}\naction:"


def one_line(text: str) -> str:
    """``text`` with every stretch of white space as one blank: no text can forge a line of the prompt."""
    return " ".join(text.split())


class PlainDialogues:
    """One growing text, for models that know no chat."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.end = end_token(tokenizer)
        self.encode: Callable[[str], list[int]] = lru_cache(maxsize=100_000)(partial(encode, tokenizer))

    def begin(self, task: Task) -> PlainDialogue:
        """The dialogue of a new episode."""
        return PlainDialogue(self, task)


class PlainDialogue:
    """One episode as one growing text."""

    def __init__(self, dialogues: PlainDialogues, task: Task) -> None:
        self._dialogues, self._task = dialogues, task
        self._at_start = True

    def read(self, observation: Observation) -> Prompt:
        """The next lines."""
        text = opening_prompt(self._task, observation) if self._at_start else turn_prompt(observation)
        self._at_start = False
        return Prompt(token_ids=tuple(self._dialogues.encode(text)))

    def said(self, token_ids: Sequence[int]) -> str:
        """The line that the agent wrote."""
        return str(self._dialogues.tokenizer.decode(without_end(token_ids, self._dialogues.end))).strip()

    def written(self, action: str) -> tuple[int, ...]:
        """A blank, the action, the end token."""
        return (*self._dialogues.encode(f" {action}"), self._dialogues.end)
