"""The reasoning experience model (paper §3, Eq. 4): (s_{t+1}, r_{t+1}) = M_exp(R_t | history, {d_j}, τ).

The dream's hidden state is a sheet of facts. Reasoning restates the facts that decide an action as quotes of
the sheet; the model chooses *which* lines to quote, their text is forced to be the sheet's own. Then the
model says whether the action works, what is seen next, which lines change, and the reward. Departures from
the paper: the sheet, the forced quotes, and an explicit verdict (docs/implementation_details.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Action, Experience, Origin, Sheet, Task
from dreamgym.core.errors import InvalidDreamError
from dreamgym.models.command_forms import form_of
from dreamgym.models.dream_format import ENDS, FAIL, QUOTE, Answer, parse_answer, quoted_key, turn_prompt
from dreamgym.models.imagining import imagine_sheet
from dreamgym.models.llm_client import LLMClient, TextSession
from dreamgym.models.sheet import make_sheet, quote, unfounded, with_changes

MAX_QUOTES = 6
Quote = tuple[str, str]  # a key, and what its quote says


class Retriever(Protocol):
    """Finds the most similar past experiences {d_j}: TopK cos(φ(s_t, a_t), φ(s_i, a_i)) (paper §3)."""

    async def aneighbours(
        self, state: str, action: str, *, exclude_trajectory: str | None, k: int
    ) -> tuple[Experience, ...]:
        """The ``k`` experiences nearest to this turn, best first, none of its own trajectory."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class DreamedTurn:
    """One answer of the experience model: reasoning R_t, next state, reward, done, and the sheet after it."""

    reasoning: str
    answer: Answer
    sheet: Sheet


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """What one turn asks the language model; ``may_work`` is false for an action of no known form."""

    prompt: str
    instruction: str
    sheet: Sheet
    may_work: bool


class ReasoningExperienceModel:
    """Plays the environment: reasons out the next state and the reward of an action.

    An action whose form is not among ``forms``, where they are given, fails: see ``command_forms``.
    """

    def __init__(
        self,
        config: ReasoningModelConfig,
        llm_client: LLMClient,
        retriever: Retriever | None = None,
        forms: frozenset[str] | None = None,
    ) -> None:
        self._config = config
        self._client = llm_client
        self._retriever = retriever if config.top_k else None
        self._forms = forms

    def generate_experience(
        self, state: str, action: Action | str, task: Task, sheet: Sheet | None = None
    ) -> Experience:
        """Dream one turn and return it as an experience (CONTRACT); the task's own sheet where none is given.

        Raises:
            InvalidDreamError: the model's answer was malformed, the retries included.
        """
        text = action.text if isinstance(action, Action) else action
        known = sheet or task.sheet or make_sheet({"at": "unknown", "hand": "holds"})
        turn = asyncio.run(self.dream_turn(task=task, state=state, action=text, sheet=known))
        return Experience(
            id=f"{task.id}/dreamed",
            task_id=task.id,
            environment=task.environment,
            instruction=task.instruction,
            task_type=task.task_type,
            state=state,
            action=text,
            next_state=turn.answer.next_state,
            reward=turn.answer.reward,
            terminated=turn.answer.done,
            reasoning=turn.reasoning,
            origin=Origin.DREAMED,
            trajectory_id=f"{task.id}/dreamed",
            turn=0,
            success=turn.answer.reward > 0,
        )

    async def dream_turn(
        self,
        *,
        task: Task,
        state: str,
        action: str,
        sheet: Sheet,
        history: Sequence[tuple[str, str]] = (),
        trajectory_id: str | None = None,
        seed: int = 0,
    ) -> DreamedTurn:
        """Reason out one turn from ``sheet``; a malformed answer is decoded again, then raised."""
        found = await self._neighbours(state, action, trajectory_id)
        past = history[-self._config.history_turns :] if self._config.history_turns else ()
        question = _Question(
            prompt=turn_prompt(task.instruction, sheet, action, found, past),
            instruction=task.instruction,
            sheet=sheet,
            may_work=self._forms is None or form_of(action) in self._forms,
        )
        for attempt in range(self._config.retries + 1):
            try:
                return await self._answer(question, seed + attempt, attempt)
            except InvalidDreamError:
                if attempt == self._config.retries:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _neighbours(self, state: str, action: str, trajectory_id: str | None) -> tuple[Experience, ...]:
        if self._retriever is None:
            return ()
        return await self._retriever.aneighbours(
            state, action, exclude_trajectory=trajectory_id, k=self._config.top_k
        )

    async def _answer(self, question: _Question, seed: int, attempt: int) -> DreamedTurn:
        session = self._client.session(seed=seed)
        try:
            session.append(question.prompt)
            decode = self._reason if question.may_work else self._refuse
            quotes, rest = await decode(session, question, temperature=float(attempt > 0))
        finally:
            session.close()
        answer = parse_answer(rest)
        quoted = [key for key, _ in quotes]
        if baseless := unfounded(question.sheet, quoted, answer.check, question.instruction):
            raise InvalidDreamError(
                f"the dream says yes to {', '.join(baseless)}: not in the task, or nothing of it is quoted"
            )
        return DreamedTurn(
            reasoning=_reasoning(quotes, answer),
            answer=answer,
            sheet=with_changes(question.sheet, answer.changes),
        )

    async def _reason(
        self, session: TextSession, question: _Question, temperature: float
    ) -> tuple[list[Quote], str]:
        """Quotes with forced text, then the rest of the answer."""
        quotes: list[Quote] = []
        for _ in range(MAX_QUOTES + 1):
            text = await self._continue(session, (QUOTE, *ENDS), temperature)
            if not text.endswith(QUOTE):
                return quotes, text
            key = quoted_key(text)
            quotes.append((key, quote(question.sheet, key, question.instruction)))
            session.append(f" {quotes[-1][1]}")
        raise InvalidDreamError(f"the dream quotes more than {MAX_QUOTES} lines: {quotes}")

    async def _refuse(
        self, session: TextSession, question: _Question, temperature: float
    ) -> tuple[list[Quote], str]:
        """No quotes, and an answer whose verdict is given."""
        session.append(FAIL)
        return [], FAIL + await self._continue(session, ENDS, temperature)

    async def _continue(self, session: TextSession, stop: tuple[str, ...], temperature: float) -> str:
        completion = await session.generate(
            stop=stop,
            max_tokens=self._config.max_answer_tokens,
            temperature=max(temperature, self._config.temperature),
        )
        return completion.text

    async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
        """Fill in what nobody has seen; once per group, before it parts.

        Raises:
            InvalidDreamError: a line was malformed, the retries included.
        """
        return await imagine_sheet(self._client, task, sheet, seed=seed, retries=self._config.retries)


def _reasoning(quotes: Sequence[Quote], answer: Answer) -> str:
    """R_t as text: what was looked at, whether the action works, and why it is paid or not."""
    lines = [*(f"> {key}{QUOTE} {fact}" for key, fact in quotes), "ok" if answer.valid else "fail"]
    return "".join(f"\n{line}" for line in [*lines, *([f"task: {answer.check}"] if answer.check else [])])
