"""The dream as an environment: the experience model plays the world, the sheet is its hidden state.

Policies, rollouts and evaluation cannot tell it from a real one. The members of a group start from one sheet,
imagined once, so that a group's advantage compares policies and not luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dreamgym.core.data_structures import Origin, Sheet, Task
from dreamgym.environments.base_env import Environment, Observation, StepResult
from dreamgym.models.dream_format import DreamedTurn
from dreamgym.models.dream_prompts import START, Past, PastTurn, safe_action
from dreamgym.models.sheet import AT, HAND, NAME, UNSEEN, make_sheet


class Dreamer(Protocol):
    """What dreams: the experience model, or one that is made to lie (``environments.planted``)."""

    @property
    def keeps_sheet(self) -> bool:
        """Whether the dream's hidden state is a sheet."""
        ...

    @property
    def reasons(self) -> bool:
        """Whether it reasons before it answers."""
        ...

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
        """Answer one turn; InvalidDreamError where the answer is malformed."""
        ...

    async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
        """Fill in what nobody has seen."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class DreamState:
    """Everything that a dreamed episode is."""

    task: Task
    seed: int
    sheet: Sheet
    state: str
    past: Past
    done: bool


class DreamEnv:
    """One dreamed episode at a time, from ``start`` (see :func:`imagined_start`) or the task's own sheet.

    A state that ends with any of the words ``over`` ends the episode without a win, and so does a turn that
    stands on what nobody knows: an agent that stayed where it was could try one such thing after the other
    until it met the one that was logged.
    """

    name = "dream"
    origin = Origin.DREAMED

    def __init__(
        self, model: Dreamer, *, max_turns: int = 30, start: Sheet | None = None, over: tuple[str, ...] = ()
    ) -> None:
        self._model = model
        self._max_turns = max_turns
        self._over = over
        self._start = start
        self._now: DreamState | None = None
        self._first_sheet: Sheet | None = None

    async def reset(self, task: Task, seed: int) -> Observation:
        """Begin to dream ``task``."""
        sheet = self._start or await imagined_start(self._model, task, seed)
        self._first_sheet = sheet
        self._now = DreamState(task=task, seed=seed, sheet=sheet, state=task.opening, past=START, done=False)
        return Observation(text=task.opening)

    async def step(self, action: str) -> StepResult:
        """Dream one turn; a malformed dream raises InvalidDreamError and the rollout ends the trajectory."""
        now = self._state()
        if now.done:
            raise RuntimeError("the episode is over: call reset first")
        said = safe_action(action)
        turn = await self._model.dream_turn(
            task=now.task,
            state=now.state,
            action=said,
            sheet=now.sheet,
            past=now.past,
            seed=now.seed * 1009 + len(now.past.turns),
        )
        past = now.past.after(PastTurn(sheet=now.sheet, state=now.state, action=said, written=turn.written))
        is_over = turn.beyond or turn.answer.next_state.endswith(self._over)
        truncated = not turn.answer.done and (is_over or len(past.turns) >= self._max_turns)
        self._now = DreamState(
            task=now.task,
            seed=now.seed,
            sheet=turn.sheet,
            state=turn.answer.next_state,
            past=past,
            done=turn.answer.done or truncated,
        )
        return StepResult(
            observation=Observation(text=turn.answer.next_state),
            reward=turn.answer.reward,
            terminated=turn.answer.done,
            truncated=truncated,
            won=turn.answer.reward > 0,
            valid=turn.answer.valid,
            reasoning=turn.reasoning,
            changes=turn.answer.changes,
        )

    def snapshot(self) -> object:
        """The dream as it stands; the sheet holds all hidden state."""
        return self._state()

    def restore(self, snapshot: object) -> None:
        """Continue from ``snapshot``."""
        if not isinstance(snapshot, DreamState):
            raise TypeError(f"got a {type(snapshot).__name__}, wanted what DreamEnv.snapshot returned")
        self._now = snapshot

    @property
    def sheet(self) -> Sheet | None:
        """The sheet that the episode started from."""
        return self._first_sheet

    async def close(self) -> None:
        """Forget the episode."""
        self._now = None

    def _state(self) -> DreamState:
        if self._now is None:
            raise RuntimeError("no episode: call reset first")
        return self._now


async def imagined_start(model: Dreamer, task: Task, seed: int) -> Sheet:
    """The sheet that every member of a group starts from: the task's own, its unseen places imagined.

    A dream that keeps none starts from what the opening alone tells.
    """
    known = (task.sheet if model.keeps_sheet else None) or blank_sheet(task.opening)
    return await model.imagine(task, known, seed)


def blank_sheet(opening: str) -> Sheet:
    """A sheet of which only the opening's places are known."""
    seen = NAME.findall(opening.split("Your task is to:")[0])
    return make_sheet({AT: "middle", HAND: "holds", **dict.fromkeys(seen, UNSEEN)})


class DreamFactory:
    """Makes the members of a group: one imagined sheet, then identical fresh environments."""

    def __init__(self, model: Dreamer, *, max_turns: int, over: tuple[str, ...] = ()) -> None:
        self._model = model
        self._max_turns = max_turns
        self._over = over

    async def __call__(self, task: Task, seed: int) -> Callable[[], Environment]:
        start = await imagined_start(self._model, task, seed)
        return lambda: DreamEnv(self._model, max_turns=self._max_turns, start=start, over=self._over)
