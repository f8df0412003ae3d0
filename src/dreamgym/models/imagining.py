"""Imagining what nobody has seen of a world: the unseen lines of a sheet, once per group of rollouts."""

from __future__ import annotations

from dreamgym.core.data_structures import Sheet, Task
from dreamgym.core.errors import ContextFullError, InvalidDreamError
from dreamgym.models.closed_world import ClosedWorld
from dreamgym.models.dream_format import LINE_END
from dreamgym.models.dream_prompts import QUOTE, imagine_prompt
from dreamgym.models.llm_client import LLMClient, TextSession
from dreamgym.models.sheet import UNSEEN, line, make_sheet, parse_line, places, unseen_places
from dreamgym.utils.seeds import derive_seed

IMAGINE_TOKENS = 96
TRIES = 6  # a line is sampled, so another try is another line; a whole group hangs on it


async def imagine_sheet(
    client: LLMClient, task: Task, sheet: Sheet, world: ClosedWorld, *, seed: int
) -> Sheet:
    """``sheet`` with its unseen places filled in, line by line at temperature 1.

    Raises:
        InvalidDreamError: a line was malformed, or held what ``world`` does not, in all its tries; or there
            are more lines than the model's context holds.
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
            trial, seen = await _imagine_line(session, place, start, world, seed)
            session.close()
            session = trial
            facts |= {key: value for key, value in seen.items() if key == place or key not in facts}
    except ContextFullError as error:  # the dream's, not the policy's
        raise InvalidDreamError(f"the experience model cannot read so far: {error}") from error
    finally:
        session.close()
    return make_sheet(facts)


async def _imagine_line(
    session: TextSession, place: str, start: str, world: ClosedWorld, seed: int
) -> tuple[TextSession, dict[str, str]]:
    """The session after an imagined line, and the line's facts; a malformed line is decoded again."""
    for attempt in range(TRIES):
        trial = session.fork(seed=derive_seed(seed, place, attempt))
        try:
            completion = await trial.generate(stop=(LINE_END,), max_tokens=IMAGINE_TOKENS, temperature=1.0)
            return trial, _facts(place, start + completion.text.removesuffix(LINE_END), world)
        except BaseException as error:
            trial.close()
            if attempt + 1 == TRIES or not isinstance(error, InvalidDreamError):
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _facts(place: str, text: str, world: ClosedWorld) -> dict[str, str]:
    facts = parse_line(place, text)
    if unknown := world.unknown_things(name for name in facts if name != place):
        raise InvalidDreamError(f"{place!r} was imagined with {unknown[0]!r}, which has never lain anywhere")
    return facts
