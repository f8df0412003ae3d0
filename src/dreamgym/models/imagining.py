"""Imagining what nobody has seen of a world: the unseen lines of a sheet, once per group of rollouts."""

from __future__ import annotations

from dreamgym.core.data_structures import Sheet, Task
from dreamgym.core.errors import InvalidDreamError
from dreamgym.models.dream_format import LINE_END, QUOTE, imagine_prompt
from dreamgym.models.llm_client import LLMClient, TextSession
from dreamgym.models.sheet import UNSEEN, line, make_sheet, parse_line, places, unseen_places

IMAGINE_TOKENS = 96


async def imagine_sheet(client: LLMClient, task: Task, sheet: Sheet, *, seed: int, retries: int) -> Sheet:
    """``sheet`` with its unseen places filled in, line by line at temperature 1.

    Raises:
        InvalidDreamError: a line was malformed, the retries included.
    """
    if not unseen_places(sheet):
        return sheet
    facts, unseen = dict(sheet.facts), set(unseen_places(sheet))
    session = client.session(seed=seed)
    try:
        session.append(imagine_prompt(task.instruction, sheet))
        for place in places(sheet):
            session.append(f"\n> {place}{QUOTE}")
            if place not in unseen:
                session.append(f" {line(sheet, place)}{LINE_END}")
                continue
            status = facts[place].removesuffix(UNSEEN).removesuffix(", ")  # it may have been seen
            start = f" {status};" if status else ""
            session.append(start)
            trial, seen = await _imagine_line(session, place, start, seed=seed, retries=retries)
            session.close()
            session = trial
            facts |= {key: value for key, value in seen.items() if key == place or key not in facts}
    finally:
        session.close()
    return make_sheet(facts)


async def _imagine_line(
    session: TextSession, place: str, start: str, *, seed: int, retries: int
) -> tuple[TextSession, dict[str, str]]:
    """The session after an imagined line, and the line's facts; a malformed line is decoded again."""
    for attempt in range(retries + 1):
        trial = session.fork(seed=seed + attempt)
        try:
            completion = await trial.generate(stop=(LINE_END,), max_tokens=IMAGINE_TOKENS, temperature=1.0)
            return trial, parse_line(place, start + completion.text.removesuffix(LINE_END))
        except BaseException as error:
            trial.close()
            if attempt == retries or not isinstance(error, InvalidDreamError):
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")
