"""What a teacher answers for one episode (paper App. C.1), and what makes it a bad answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dreamgym.core.data_structures import Trajectory, Transition
from dreamgym.models.dream_prompts import printable

MOST_CHARACTERS = 600  # of one text: it becomes a line that the experience model writes in every turn
Text = Field(min_length=1, max_length=MOST_CHARACTERS)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TransitionPlan(_Form):
    """Why a turn went as it did: the reasoning trace R* of Eq. 5."""

    turn: int
    action_succeeds: bool
    explanation: str = Text


class Annotation(_Form):
    """The episode as a whole, then turn by turn."""

    overall_plan: str = Text
    success_mode: str = Text
    failure_mode: str = Text
    transition_plans: list[TransitionPlan]


def form_for(trajectory: Trajectory) -> type[Annotation]:
    """The form whose instances fit ``trajectory``; its JSON schema is that of ``Annotation``."""

    class EpisodeAnnotation(Annotation):
        """The episode as a whole, then turn by turn."""

        @model_validator(mode="after")
        def _fits(self) -> Self:
            if problem := misfit(self.transition_plans, trajectory.transitions):
                raise ValueError(problem)
            return self

    return EpisodeAnnotation


def misfit(plans: Sequence[TransitionPlan], turns: Sequence[Transition]) -> str:
    """Why ``plans`` cannot be those of ``turns``; empty where they can.

    A verdict that the data contradicts is one: its reasoning would teach a dream to believe the agent.
    """
    if len(plans) != len(turns):
        return f"{len(plans)} transition_plans, but the episode has {len(turns)} turns"
    for number, (plan, turn) in enumerate(zip(plans, turns, strict=True), start=1):
        if plan.turn != number:
            return f"transition_plans[{number - 1}].turn is {plan.turn}, wanted {number}"
        if plan.action_succeeds != turn.valid:
            done = "accepted" if turn.valid else "refused"
            return f"turn {number}: action_succeeds is {plan.action_succeeds}, but its action was {done}"
        if not printable(plan.explanation).strip():
            return f"turn {number}: its explanation says nothing"
    return ""
