"""Stop strings on token ids: most are found by one look-up per token, the rest by decoding a few tokens.

A token *ends* a stop string when its own text holds it, or may *complete* one that began in earlier tokens.
Both kinds are known beforehand for every token; text is decoded only after a completing one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

_ANCHOR = "a"
_PARTIAL = "\ufffd"  # what a token decodes to that holds a part of a character


class Decoder:
    """Exact text of token ids, wherever they stand in a text."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        # Some tokenizers drop the blank before a text's first word, so another word is put before it.
        self._anchor = tokenizer.encode(_ANCHOR, add_special_tokens=False)
        self._anchor_length = len(self._decode(self._anchor))
        self._vocabulary: list[str] | None = None

    def text(self, ids: Sequence[int]) -> str:
        """What ``ids`` add to a text."""
        return self._decode([*self._anchor, *ids])[self._anchor_length :]

    def vocabulary(self) -> list[str]:
        """The text of every token."""
        if self._vocabulary is None:
            self._vocabulary = [self.text([token]) for token in range(len(self._tokenizer))]
        return self._vocabulary

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


@dataclass(frozen=True, slots=True)
class StopRule:
    """When to stop, for one set of stop strings."""

    ids: frozenset[int]
    completes: Callable[[Sequence[int]], bool] | None


def stop_rule(decoder: Decoder, stop: Sequence[str], end_ids: frozenset[int]) -> StopRule:
    """The rule for ``stop`` and for the model's own ``end_ids``."""
    if "" in stop:
        raise ValueError("an empty stop string stops everywhere: leave it out")
    if not stop:
        return StopRule(end_ids, None)
    texts = list(enumerate(decoder.vocabulary()))
    ending = frozenset(token for token, text in texts if any(string in text for string in stop))
    completing = (
        frozenset(token for token, text in texts if any(_may_complete(text, s) for s in stop)) - ending
    )
    # A character may take several tokens, at most one for each of its bytes.
    reach = max(len(string.encode()) for string in stop)

    def completes(ids: Sequence[int]) -> bool:
        if ids[-1] not in completing:
            return False
        tail = decoder.text(ids[-reach:])
        return any(string in tail for string in stop)

    return StopRule(ending | end_ids, completes if completing else None)


def _may_complete(text: str, stop: str) -> bool:
    if _PARTIAL in text:
        return not stop.isascii()
    return any(text.startswith(stop[i:]) for i in range(1, len(stop)))
