"""The reasoning experience model (paper §3, Eq. 4): (s_{t+1}, r_{t+1}) = M_exp(R_t | history, {d_j}, τ).

The dream's hidden state is a sheet of facts. Reasoning restates the facts that decide an action as quotes of
the sheet; the model chooses *which* lines to quote, their text is forced to be the sheet's own. Then the
model says whether the action works, what is seen next, which lines change, and the reward. Departures from
the paper: the sheet, the forced quotes, and an explicit verdict (docs/implementation_details.md). The paper's
own context, the history, and answers without reasoning are settings, to be compared.
"""

from __future__ import annotations

from typing import Protocol

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Action, Experience, Origin, Sheet, Task
from dreamgym.models.closed_world import OPEN_WORLD, ClosedWorld
from dreamgym.models.dream_format import DreamedTurn
from dreamgym.models.dream_prompts import (
    START,
    Past,
    action_line,
    history_prompt,
    likes,
    one_line,
    sheet_prompt,
    turn_prompt,
)
from dreamgym.models.fitted import Question, answer_question, has_sheet
from dreamgym.models.imagining import imagine_sheet
from dreamgym.models.instructed import Moment, answer_turn, imagine_places, remembered
from dreamgym.models.llm_client import LLMClient, is_hosted, run_sync
from dreamgym.models.sheet import make_sheet
from dreamgym.models.shown_lines import View


class Retriever(Protocol):
    """Finds the most similar past experiences {d_j}: TopK cos(φ(s_t, a_t), φ(s_i, a_i)) (paper §3)."""

    async def aneighbours(
        self, state: str, action: str, *, exclude_trajectory: str | None, k: int
    ) -> tuple[Experience, ...]:
        """The ``k`` experiences nearest to this turn, best first, none of its own trajectory."""
        ...


class ReasoningExperienceModel:
    """Plays the environment: reasons out the next state and the reward of an action.

    What ``world`` excludes does not happen: an action of another form fails, another thing is not imagined.
    ``view`` says what is seen of a sheet, where an answer names it.
    """

    def __init__(
        self,
        config: ReasoningModelConfig,
        llm_client: LLMClient,
        retriever: Retriever | None = None,
        world: ClosedWorld = OPEN_WORLD,
        view: View | None = None,
    ) -> None:
        self._config = config
        self._client = llm_client
        self._instructed = config.context == "instructed" or is_hosted(llm_client)
        self._retriever = retriever if config.top_k else None
        self._world = world
        self._view = view

    def generate_experience(
        self, state: str, action: Action | str, task: Task, sheet: Sheet | None = None
    ) -> Experience:
        """Dream one turn and return it as an experience (CONTRACT); the task's own sheet where none is given.

        Raises:
            InvalidDreamError: the model's answer was malformed, the retries included.
        """
        text = action.text if isinstance(action, Action) else action
        known = sheet or task.sheet or make_sheet({"at": "unknown", "hand": "holds"})
        dreaming = self.dream_turn(task=task, state=state, action=text, sheet=known)
        turn = run_sync(dreaming, instead="dream_turn")
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

    @property
    def keeps_sheet(self) -> bool:
        """Whether the dream's hidden state is a sheet; else it is what the history has shown."""
        return self._instructed or has_sheet(self._config)

    @property
    def reasons(self) -> bool:
        """Whether it reasons before it answers."""
        return self._config.reasoning

    async def dream_turn(
        self,
        *,
        task: Task,
        state: str,
        action: str,
        sheet: Sheet,
        past: Past = START,
        trajectory_id: str | None = None,
        seed: int = 0,
    ) -> DreamedTurn:
        """Reason out one turn from ``sheet``; a malformed answer is decoded again, then raised.

        ``past`` is the episode so far, for the contexts that show it.
        """
        if self._instructed:
            return await self._instructed_turn(task, state, action, sheet, past, trajectory_id, seed)
        question = Question(
            prompt=await self._prompt(task, state, action, sheet, past, trajectory_id),
            instruction=task.instruction,
            action=action,
            sheet=sheet,
            may_work=self._world.may_work(action),
        )
        return await answer_question(self._client, question, self._config, view=self._view, seed=seed)

    async def _instructed_turn(
        self,
        task: Task,
        state: str,
        action: str,
        sheet: Sheet,
        past: Past,
        trajectory_id: str | None,
        seed: int,
    ) -> DreamedTurn:
        """One turn of a model that is told what to do; it repairs its own form (``structured``)."""
        moment = Moment(
            task=task,
            sheet=sheet,
            past=past,
            action=action,
            neighbours=await self._neighbours(state, action, trajectory_id),
        )
        reasoning, answer = await answer_turn(
            self._client,
            moment,
            reasoning=self._config.reasoning,
            temperature=self._config.temperature,
            seed=seed,
        )
        return DreamedTurn(
            reasoning=reasoning,
            answer=answer,
            sheet=remembered(sheet, answer.changes),
            written=f"\nobservation: {one_line(answer.next_state)}",
        )

    async def _prompt(
        self, task: Task, state: str, action: str, sheet: Sheet, past: Past, trajectory_id: str | None
    ) -> str:
        """What the model reads, as ``reasoning_model.context`` and ``history`` say."""
        neighbours = await self._neighbours(state, action, trajectory_id)
        if self._config.context == "quotes":
            return turn_prompt(task.instruction, sheet, action, neighbours)
        shown = past.last(self._config.history)
        if self.keeps_sheet:
            so_far = sheet_prompt(task.instruction, sheet, shown)
        else:
            so_far = history_prompt(task.instruction, state, shown)
        return so_far + likes(neighbours) + action_line(action)

    async def _neighbours(self, state: str, action: str, trajectory_id: str | None) -> tuple[Experience, ...]:
        if self._retriever is None:
            return ()
        return await self._retriever.aneighbours(
            state, action, exclude_trajectory=trajectory_id, k=self._config.top_k
        )

    async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
        """Fill in what nobody has seen; once per group, before it parts. Without a sheet nothing is.

        Raises:
            InvalidDreamError: a line was malformed, the retries included.
        """
        if not self.keeps_sheet:
            return sheet
        if self._instructed:
            return await imagine_places(self._client, task, sheet, self._world, seed=seed)
        return await imagine_sheet(self._client, task, sheet, self._world, seed=seed)
