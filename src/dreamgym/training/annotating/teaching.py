"""One call per episode, several at once; every answer is kept, or set aside with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import (
    AnswerFormatError,
    BudgetError,
    ContextFullError,
    DreamGymError,
    EpisodeError,
)
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.structured import TRIES, acomplete_as
from dreamgym.training.annotating.journal import Journal
from dreamgym.training.annotating.plan import form_for
from dreamgym.training.annotating.prompt import answer_tokens, messages_for
from dreamgym.utils.progress import Advance

ASKED_AGAIN = 0.7  # the temperature for what was rejected before: at 0 the same answer would come
MOST_CHARACTERS = 2_000  # of a bad answer that are kept
NO_TURNS = "no turns"


class Teaching:
    """Lets ``client`` annotate episodes into ``journal``."""

    def __init__(
        self, client: LLMClient, journal: Journal, episodes: Iterator[Trajectory], advance: Advance
    ) -> None:
        self._client = client
        self._journal = journal
        self._episodes = episodes
        self._put_back: list[Trajectory] = []
        self._advance = advance
        self._counted = client.usage
        self._at_work = 0
        self._stopped: DreamGymError | None = None

    async def run(self, concurrency: int) -> None:
        """Annotate all of them, ``concurrency`` at once.

        Raises:
            DreamGymError: what ended it early; the calls under way were waited for, and kept.
        """
        self._at_work = concurrency
        try:
            await asyncio.gather(*(self._work() for _ in range(concurrency)))
        finally:
            self._spend()
        if self._stopped is not None:
            raise self._stopped

    async def _work(self) -> None:
        """Episode after episode, until none is left or something stops them all."""
        while self._stopped is None and (episode := self._next()) is not None:
            try:
                await self._annotate(episode)
            except BudgetError as error:
                self._put_back.append(episode)
                if self._at_work == 1:  # else what the calls of others have reserved may suffice for it
                    self._stopped = error
                break
            except DreamGymError as error:
                self._stopped = error
            else:
                self._advance()
            finally:
                self._spend()
        self._at_work -= 1

    def _next(self) -> Trajectory | None:
        return self._put_back.pop() if self._put_back else next(self._episodes, None)

    async def _annotate(self, trajectory: Trajectory) -> None:
        name, before = trajectory.id, self._journal.rejected.get(trajectory.id)
        if not trajectory.transitions:
            self._journal.reject(
                name, kind=NO_TURNS, reason="the episode has no turn that could be explained"
            )
            return
        try:
            annotation = await acomplete_as(
                self._client,
                form_for(trajectory),
                messages_for(trajectory),
                max_tokens=answer_tokens(trajectory),
                temperature=ASKED_AGAIN if before else 0.0,
                seed=TRIES * before.times if before else 0,
            )
        except AnswerFormatError as error:
            answer = error.answer[:MOST_CHARACTERS]
            self._journal.reject(name, kind="bad answer", reason=str(error), answer=answer)
        except ContextFullError as error:
            self._journal.reject(name, kind="too long for the teacher", reason=str(error))
        except EpisodeError as error:
            self._journal.reject(name, kind="no answer", reason=str(error))
        else:
            self._journal.keep(name, annotation)

    def _spend(self) -> None:
        """Write down what was used since the last time."""
        now = self._client.usage
        self._journal.spend(now - self._counted)
        self._counted = now
