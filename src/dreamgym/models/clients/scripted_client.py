"""A client that answers from a script, for tests and for trying things without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dreamgym.core.errors import ConfigError, EndpointError
from dreamgym.models.clients.prompt_session import PromptSession
from dreamgym.models.llm_types import DEFAULT_MAX_TOKENS, Completion, Prompt, Usage, plain, stopped


class ScriptedClient:
    """Answers from a script: strings in order, or the first rule whose key ends (else is in) the prompt."""

    def __init__(self, script: Sequence[str] | Mapping[str, str]) -> None:
        self._script = script
        self._usage = Usage()
        self.prompts: list[str] = []

    @classmethod
    def from_file(cls, path: Path) -> ScriptedClient:
        """A JSON list of answers, or a JSON object from a piece of the prompt to its answer."""
        try:
            script = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"scripted:{path} cannot be read ({error.strerror}): name a JSON file"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"scripted:{path} is not JSON: {error}") from error
        answers = script.values() if isinstance(script, dict) else script
        if not isinstance(script, dict | list) or not all(isinstance(answer, str) for answer in answers):
            raise ConfigError(
                f"scripted:{path}: want a JSON list of answers or an object prompt piece → answer"
            )
        return cls(script)

    @property
    def usage(self) -> Usage:
        """Calls; a script has no tokens."""
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
        """The script's answer, cut after the first stop string."""
        text = plain(prompt)
        answer = self._answer(text)
        self.prompts.append(text)
        self._usage += Usage(calls=1)
        return Completion(text=stopped(answer, stop), usage=Usage(calls=1))

    async def acomplete(
        self,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        max_tokens: int = DEFAULT_MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """As ``complete``."""
        return self.complete(prompt, stop=stop, max_tokens=max_tokens, temperature=temperature, seed=seed)

    def session(self, seed: int) -> PromptSession:
        """A text session."""
        return PromptSession(self.acomplete, seed=seed)

    def _answer(self, prompt: str) -> str:
        if not isinstance(self._script, Mapping):
            if len(self.prompts) < len(self._script):
                return self._script[len(self.prompts)]
            raise EndpointError(
                f"the script has {len(self._script)} answers and was asked once more: {prompt[-200:]!r}"
            )
        for matches in (prompt.endswith, prompt.__contains__):
            for piece, answer in self._script.items():
                if matches(piece):
                    return answer
        raise EndpointError(f"no rule of the script fits the prompt that ends {prompt[-200:]!r}")
