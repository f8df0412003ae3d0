"""The records that flow through DreamGym, one type per stage.

``Task → (Environment, Policy) → Transition* → Trajectory → Group → TokenBatch → update`` and sideways
``Transition → Experience → ReplayBuffer → neighbours → next dream``. Records are frozen: a change makes a
new one. Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Origin(StrEnum):
    """Who made an experience: the real environment or the experience model."""

    REAL = "real"
    DREAMED = "dreamed"


class TaskOrigin(StrEnum):
    """Where a task comes from: the user's panel or the curriculum (Eq. 6)."""

    SEED = "seed"
    SYNTHETIC = "synthetic"


class StopReason(StrEnum):
    """Why a trajectory ended. Only the first two are outcomes; the rest are failures of the machinery."""

    TERMINATED = "terminated"
    TURN_LIMIT = "turn_limit"
    CONTEXT_FULL = "context_full"
    INVALID_DREAM = "invalid_dream"
    ENVIRONMENT_ERROR = "environment_error"
    ENDPOINT_ERROR = "endpoint_error"
    USER_ERROR = "user_error"
    JUDGE_ERROR = "judge_error"
    TIMEOUT = "timeout"

    @property
    def is_failure(self) -> bool:
        """True where the episode says nothing about the policy and is left out of the loss."""
        return self not in (StopReason.TERMINATED, StopReason.TURN_LIMIT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """The state sheet: what is true of a dreamed world, as ``key: value`` facts in reading order.

    A fact may *place* its key inside another: the value ``in cabinet 1, hot`` puts the key into
    ``cabinet 1``. ``dreamgym.models.sheet`` reads and edits sheets; here they are plain data.
    """

    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """An instruction τ in an environment.

    ``opening`` is the first observation where it is known (a logged task), ``sheet`` the hidden state that a
    dream starts from where it is known (in hindsight, or made by the curriculum).
    """

    id: str
    environment: str
    instruction: str
    task_type: str = ""
    split: str = "train"
    origin: TaskOrigin = TaskOrigin.SEED
    parent_id: str | None = None
    opening: str = ""
    sheet: Sheet | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What the agent said, with the sampler's own tokens.

    ``prompt_ids`` are the tokens the policy read since its previous action (instruction, observation);
    ``token_ids`` and ``logprobs`` (one each, of the sampling distribution) are the agent's own.
    ``starts_row`` is true where the context was rebuilt: the prompt does not continue the previous row.
    """

    text: str
    prompt_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    starts_row: bool = False

    def __post_init__(self) -> None:
        if len(self.token_ids) != len(self.logprobs):
            raise ValueError(
                f"{len(self.token_ids)} tokens but {len(self.logprobs)} logprobs: "
                "keep the sampler's output together, never re-tokenize the text"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """One turn: state, action, reward, next state.

    ``valid`` is false where the world refused the action. ``reasoning`` is the dream's R_t, or what a teacher
    has written of a real turn (R*); ``changes`` is what a dream set in its sheet. Both may be empty.
    """

    state: str
    action: Action
    reward: float
    next_state: str
    terminated: bool = False
    truncated: bool = False
    valid: bool = True
    reasoning: str = ""
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """The finished record of one episode.

    ``sheet`` is the one the dream started from (after imagining what was unknown), None in a real
    environment.
    """

    id: str
    task: Task
    origin: Origin
    transitions: tuple[Transition, ...]
    stop_reason: StopReason
    detail: str = ""
    seed: int = 0
    policy_version: int = 0
    sheet: Sheet | None = None

    @property
    def episode_return(self) -> float:
        """Sum of the rewards, undiscounted."""
        return sum(transition.reward for transition in self.transitions)

    @property
    def success(self) -> bool:
        """The environment ended the episode and paid its outcome reward (§3): 1, no part of it."""
        return self.stop_reason is StopReason.TERMINATED and self.episode_return >= 1.0

    def ended(self, stop_reason: StopReason, *, detail: str = "") -> Trajectory:
        """The same record, ended for another reason."""
        return replace(self, stop_reason=stop_reason, detail=detail)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The trajectories of one task under one policy version; failed ones are kept apart from the loss."""

    task: Task
    trajectories: tuple[Trajectory, ...]

    @property
    def scored(self) -> tuple[Trajectory, ...]:
        """Those that ended with an outcome."""
        return tuple(t for t in self.trajectories if not t.stop_reason.is_failure)

    @property
    def returns(self) -> tuple[float, ...]:
        """Episode returns of the scored trajectories, in order."""
        return tuple(t.episode_return for t in self.scored)


@dataclass(frozen=True, kw_only=True, slots=True)
class Experience:
    """A transition with its task and provenance, as the replay buffer keeps it."""

    id: str
    task_id: str
    environment: str
    instruction: str
    task_type: str
    state: str
    action: str
    next_state: str
    reward: float
    terminated: bool
    reasoning: str
    origin: Origin
    trajectory_id: str
    turn: int
    policy_version: int = 0
    success: bool = False
