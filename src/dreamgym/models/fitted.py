"""One turn of an experience model that was fitted to our lines (Eq. 5): quotes, verdict, state, reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Sheet
from dreamgym.core.errors import ContextFullError, InvalidDreamError
from dreamgym.models.decoding import AnswerDecoder
from dreamgym.models.dream_format import Answer, DreamedTurn, Quote, parse_answer, render_quotes
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.quoting import unfounded
from dreamgym.models.sheet import with_changes
from dreamgym.models.shown_lines import View, told
from dreamgym.models.slots import UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What one turn asks the language model; ``may_work`` is false for an action of no known form."""

    prompt: str
    instruction: str
    action: str
    sheet: Sheet
    may_work: bool


def has_sheet(config: ReasoningModelConfig) -> bool:
    """Whether a model of this form reads and changes a sheet."""
    return config.context != "history"


async def answer_question(
    client: LLMClient, question: Question, config: ReasoningModelConfig, *, view: View | None, seed: int
) -> DreamedTurn:
    """The answer; a malformed one is asked for again, sampled.

    Raises:
        InvalidDreamError: the answer was malformed, the retries included.
    """
    for attempt in range(config.retries + 1):
        temperature = max(float(attempt > 0), config.temperature)
        try:
            quotes, rest = await _written(client, question, config, temperature, seed + attempt)
            return _read(question, quotes, rest, view, keeps_sheet=has_sheet(config))
        except InvalidDreamError:
            if attempt == config.retries:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _written(
    client: LLMClient, question: Question, config: ReasoningModelConfig, temperature: float, seed: int
) -> tuple[list[Quote], str]:
    """What the model writes: what it quotes, and the rest of its answer."""
    session = client.session(seed=seed)
    try:
        session.append(question.prompt)
        decoder = AnswerDecoder(session=session, max_tokens=config.max_answer_tokens, temperature=temperature)
        if not question.may_work:
            return await decoder.refusing()
        if has_sheet(config) and config.reasoning:
            return await decoder.quoting(question.sheet, question.instruction, question.action)
        return await decoder.freely()
    except ContextFullError as error:  # the dream's, not the policy's
        raise InvalidDreamError(f"the experience model cannot read so far: {error}") from error
    finally:
        session.close()


def _read(
    question: Question, quotes: Sequence[Quote], rest: str, view: View | None, *, keeps_sheet: bool
) -> DreamedTurn:
    """What was written, as a turn; what it names is told from the sheet."""
    answer = parse_answer(rest)
    beyond = any(said.partition(";")[0].endswith(UNKNOWN) for _, said in quotes)
    if beyond and answer.reward:
        raise InvalidDreamError("the dream pays for what nobody knows")
    if keeps_sheet:
        _check(question, quotes, answer)
        answer = told(answer, question.sheet, question.action, question.instruction, view)
    return DreamedTurn(
        reasoning=_reasoning(quotes, answer),
        answer=answer,
        sheet=with_changes(question.sheet, answer.changes),
        written=render_quotes(quotes) + rest,
        beyond=beyond,
    )


def _check(question: Question, quotes: Sequence[Quote], answer: Answer) -> None:
    """Refuse a task's condition that is claimed without ground."""
    quoted = [key for key, _ in quotes]
    if baseless := unfounded(question.sheet, quoted, answer.check, question.instruction):
        raise InvalidDreamError(
            f"the dream says yes to {', '.join(baseless)}: not in the task, or nothing of it is quoted"
        )


def _reasoning(quotes: Sequence[Quote], answer: Answer) -> str:
    """R_t as text: what was looked at, whether the action works, and why it is paid or not."""
    lines = ["ok" if answer.valid else "fail", *([f"task: {answer.check}"] if answer.check else [])]
    return render_quotes(quotes) + "".join(f"\n{line}" for line in lines)
