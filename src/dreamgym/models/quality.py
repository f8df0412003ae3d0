"""The quality filter: which experiences the replay buffer takes, and why not the others.

Format: text that can be shown and stored. Consistency: a dream keeps the outcome reward's rules (paper §3),
an episode's turns follow one another. Novelty: nothing twice, and no flood of dreams of one turn. What the
real environment did is never called inconsistent.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from enum import StrEnum

from dreamgym.core.data_structures import Experience, Origin, StopReason, Trajectory

MAX_CHARACTERS = 65_536  # of a state; a web page's listing fits
MAX_ACTION_CHARACTERS = 8_192
MAX_DREAMS_OF_A_TURN = 8  # different outcomes dreamed of the same state and action
_PLAIN = "\n\t"


class Refusal(StrEnum):
    """Why an experience is not taken; the names are those of the metrics."""

    EMPTY = "format/empty_state"
    TOO_LONG = "format/too_long"
    UNREADABLE = "format/control_characters"
    NOT_FINITE = "format/reward_not_finite"
    EARLY_REWARD = "consistency/reward_before_the_end"
    STRANGE_REWARD = "consistency/reward_outside_0_1"
    BROKEN_CHAIN = "consistency/state_is_not_the_previous_next_state"
    INVALID_DREAM = "consistency/invalid_dream"
    DUPLICATE = "novelty/duplicate"
    COMMON_TURN = "novelty/dreamed_often_enough"
    EVALUATION_TASK = "evaluation_task"


def quality_problem(experience: Experience) -> Refusal | None:
    """What is wrong with the experience on its own: its format, its consistency."""
    return _format_problem(experience) or _consistency_problem(experience)


def _format_problem(experience: Experience) -> Refusal | None:
    if not experience.state.strip() or not experience.next_state.strip():
        return Refusal.EMPTY
    if len(experience.action) > MAX_ACTION_CHARACTERS or any(
        len(text) > MAX_CHARACTERS for text in (experience.state, experience.next_state, experience.reasoning)
    ):
        return Refusal.TOO_LONG
    if not all(_is_readable(text) for text in _texts(experience)):
        return Refusal.UNREADABLE
    return None if math.isfinite(experience.reward) else Refusal.NOT_FINITE


def _consistency_problem(experience: Experience) -> Refusal | None:
    if experience.origin is Origin.REAL:
        return None
    if experience.reward != 0 and not experience.terminated:
        return Refusal.EARLY_REWARD
    return None if 0 <= experience.reward <= 1 else Refusal.STRANGE_REWARD


def _texts(experience: Experience) -> Iterator[str]:
    yield from (experience.state, experience.action, experience.next_state, experience.reasoning)
    yield from (experience.id, experience.trajectory_id, experience.instruction, experience.task_type)
    yield from (experience.task_id, experience.environment)


def _is_readable(text: str) -> bool:
    """No control character but line breaks and tabs, no half of a surrogate pair."""
    if text.isprintable():
        return True
    return all(c.isprintable() or c in _PLAIN or unicodedata.category(c) not in ("Cc", "Cs") for c in text)


def experiences_of(trajectory: Trajectory) -> tuple[Experience, ...]:
    """The turns of an episode as experiences."""
    task = trajectory.task
    return tuple(
        Experience(
            id=f"{trajectory.id}/{turn}",
            task_id=task.id,
            environment=task.environment,
            instruction=task.instruction,
            task_type=task.task_type,
            state=transition.state,
            action=transition.action.text,
            next_state=transition.next_state,
            reward=transition.reward,
            terminated=transition.terminated,
            reasoning=transition.reasoning,
            origin=trajectory.origin,
            trajectory_id=trajectory.id,
            turn=turn,
            policy_version=trajectory.policy_version,
            success=trajectory.success,
        )
        for turn, transition in enumerate(trajectory.transitions)
    )


def episode_problems(trajectory: Trajectory) -> list[Refusal | None]:
    """What is wrong with each turn as a part of its episode."""
    if trajectory.stop_reason is StopReason.INVALID_DREAM:
        return [Refusal.INVALID_DREAM] * len(trajectory.transitions)
    expected = [None, *(transition.next_state for transition in trajectory.transitions)]
    return [
        Refusal.BROKEN_CHAIN if before is not None and transition.state != before else None
        for before, transition in zip(expected, trajectory.transitions, strict=False)
    ]
