"""New tasks by a language model (paper Eq. 6): candidates are proposed and checked, one is selected."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ContextFullError, EndpointError
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.recombination import variation
from dreamgym.models.task_prompts import (
    TaskFormatError,
    parse_candidates,
    parse_selection,
    propose_prompt,
    select_prompt,
)

CANDIDATES = 4
PROPOSE_TOKENS, SELECT_TOKENS = 320, 128
FRUITLESS_TRIES = 3  # in a row, before the model is given up
logger = logging.getLogger(__name__)


class TaskMaker:
    """Makes one task at a time; ``problem`` says what speaks against a task, ``task_type`` its type."""

    def __init__(
        self,
        client: LLMClient,
        rng: Random,
        *,
        problem: Callable[[Task], str | None],
        task_type: Callable[[str], str],
    ) -> None:
        self._client = client
        self._rng = rng
        self._problem = problem
        self._task_type = task_type
        self._fruitless = 0
        self.refused: Counter[str] = Counter()

    @property
    def is_hopeless(self) -> bool:
        """True after several tries in a row that gave nothing."""
        return self._fruitless >= FRUITLESS_TRIES

    async def make(self, parents: Sequence[Task]) -> Task | None:
        """A variation of one of ``parents``; None where the answers gave none, which is counted."""
        try:
            candidates = await self._propose(parents)
            chosen = candidates[await self._select(candidates)] if candidates else None
        except (TaskFormatError, ContextFullError) as error:
            logger.debug("no task from the language model: %s", error)
            self.refused["malformed_answer"] += 1
            chosen = None
        except EndpointError as error:
            logger.info("no task from the language model: %s", error)
            self.refused["no_answer"] += 1
            chosen = None
        self._fruitless = 0 if chosen else self._fruitless + 1
        return chosen

    async def _propose(self, parents: Sequence[Task]) -> list[Task]:
        answer = await self._ask(propose_prompt(parents, CANDIDATES), PROPOSE_TOKENS, temperature=1.0)
        tasks = [
            variation(parents[index], instruction, self._task_type(instruction))
            for index, instruction in parse_candidates(answer, len(parents))
        ]
        problems = [self._problem(task) for task in tasks]
        self.refused.update(problem for problem in problems if problem is not None)
        return [task for task, problem in zip(tasks, problems, strict=True) if problem is None]

    async def _select(self, candidates: Sequence[Task]) -> int:
        answer = await self._ask(select_prompt(candidates), SELECT_TOKENS, temperature=0.0)
        return parse_selection(answer, len(candidates))

    async def _ask(self, prompt: str, max_tokens: int, *, temperature: float) -> str:
        seed = self._rng.getrandbits(31)
        answer = await self._client.acomplete(
            prompt, max_tokens=max_tokens, temperature=temperature, seed=seed
        )
        return answer.text
