"""A language model in this process: any Hugging Face causal LM behind the client protocol, batched."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dreamgym.core.config import Device
from dreamgym.models.causal_lm import load_causal_lm, pick_device, pick_dtype
from dreamgym.models.clients.chat_prompt import chat_ids
from dreamgym.models.engine.batching_engine import BatchingEngine, Generated, Session
from dreamgym.models.engine.stop_strings import Decoder, StopRule, stop_rule
from dreamgym.models.llm_client import Completion, Usage, run_sync, stopped
from dreamgym.models.llm_types import DEFAULT_MAX_TOKENS, Prompt, as_messages
from dreamgym.models.tokenizer import encode


class LocalClient:
    """Answers with ``model``; every call and session shares one batching engine."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, max_length: int | None = None
    ) -> None:
        self.engine = BatchingEngine(model, max_length=max_length)
        self.tokenizer = tokenizer
        self.decoder = Decoder(tokenizer)
        self.end_ids = frozenset(_ids(tokenizer.eos_token_id) | _ids(model.config.eos_token_id))
        self._rules: dict[tuple[str, ...], StopRule] = {}
        self._starts: dict[str, Tensor | None] = {"": None}
        self._vocabulary, self._device = int(model.config.vocab_size), model.device
        self._usage = Usage()

    @classmethod
    def from_name(cls, name: str, device: Device = "auto") -> LocalClient:
        """The model that ``name`` means (``causal_lm``), an adapter merged into its base.

        On a CPU in float32, whatever it was stored in: answers are compared and sampled there.
        """
        place = pick_device(device)
        loaded = load_causal_lm(name, dtype=pick_dtype("auto", place), device=place)
        model = loaded.model if loaded.adapter is None else loaded.adapter.merged()
        return cls(model, loaded.tokenizer)

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
        answer = self.acomplete(prompt, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed)
        return run_sync(answer, instead="acomplete")

    async def acomplete(
        self,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        max_tokens: int = DEFAULT_MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """Answer ``prompt``, batched with whatever else waits."""
        session = self.session(seed)
        try:
            if isinstance(prompt, str):
                session.append(prompt)
            else:
                session.append_ids(chat_ids(self.tokenizer, as_messages(prompt)))
            return await session.generate(stop=stop, max_tokens=max_tokens, temperature=temperature)
        finally:
            session.close()

    def session(self, seed: int) -> LocalTextSession:
        """An empty context."""
        return LocalTextSession(self, self.engine.session(seed=seed))

    def encode(self, text: str) -> list[int]:
        """Token ids of untrusted text: special tokens in it are split like any other text."""
        return encode(self.tokenizer, text)

    def rule(self, stop: Sequence[str]) -> StopRule:
        """When to stop for ``stop``; made once."""
        key = tuple(stop)
        if key not in self._rules:
            self._rules[key] = stop_rule(self.decoder, key, self.end_ids)
        return self._rules[key]

    def may_start(self, text: str) -> Tensor | None:
        """Which tokens an answer that starts with ``text`` may have first; None where no token starts so."""
        if text not in self._starts:
            ids = [id for id, piece in enumerate(self.decoder.vocabulary()) if piece.startswith(text)]
            may_start_V = torch.zeros(self._vocabulary, dtype=torch.bool, device=self._device)
            may_start_V[ids] = True
            self._starts[text] = may_start_V if ids else None
        return self._starts[text]

    def count(self, usage: Usage) -> None:
        """Add to what was used."""
        self._usage += usage


class LocalTextSession:
    """A text session whose context stays in the engine's cache."""

    def __init__(self, client: LocalClient, session: Session) -> None:
        self._client = client
        self._session = session

    @property
    def length(self) -> int:
        """Tokens in the context."""
        return self._session.length

    def append(self, text: str) -> None:
        """Add text that the model did not write. Raises ``ContextFullError`` where it does not fit."""
        self.append_ids(self._client.encode(text))

    def append_ids(self, token_ids: Sequence[int]) -> None:
        """Add tokens that the model did not write. Raises ``ContextFullError`` where they do not fit."""
        self._session.append(token_ids)

    async def generate(
        self, *, stop: Sequence[str] = (), max_tokens: int, temperature: float = 0.0, start: str = ""
    ) -> Completion:
        """Let the model write; its end token is kept in the context but is not in the text.

        Its first token begins with ``start``.
        """
        prompt_tokens, cached_tokens = self._session.length, self._session.cache.length
        rule = self._client.rule(stop)
        generated = await self._session.generate(
            stop_ids=rule.ids,
            stop_when=rule.completes,
            max_tokens=max_tokens,
            temperature=temperature,
            may_start_V=self._client.may_start(start),
        )
        usage = Usage(
            calls=1,
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
            completion_tokens=len(generated.token_ids),
        )
        self._client.count(usage)
        return Completion(
            text=self._text(generated, stop),
            token_ids=generated.token_ids,
            logprobs=generated.logprobs,
            finish_reason=generated.finish_reason,
            usage=usage,
        )

    def fork(self, seed: int) -> LocalTextSession:
        """The same context; what is computed of it is not computed again."""
        return LocalTextSession(self._client, self._session.fork(seed))

    async def prefill(self) -> None:
        """Compute what was appended, so that forks share it."""
        await self._session.prefill()

    def close(self) -> None:
        """Free the cache."""
        self._session.close()

    def _text(self, generated: Generated, stop: Sequence[str]) -> str:
        ids = generated.token_ids
        if generated.finish_reason == "stop" and ids[-1] in self._client.end_ids:
            ids = ids[:-1]
        whole = self._client.decoder.text(ids)
        text = stopped(whole, stop)
        if text != whole:  # the last token goes on behind the stop string: the context must not
            before = self._client.decoder.text(ids[:-1])
            self._session.truncate(self._session.length - 1)
            self.append(text[len(before) :])
        return text


def _ids(value: int | list[int] | None) -> set[int]:
    if value is None:
        return set()
    return set(value) if isinstance(value, list) else {value}
