"""What the trainer works with: one protocol per collaborator, and the ready parts of a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dreamgym.core.data_structures import Group, Origin, Task, Trajectory
from dreamgym.models.llm_types import Usage
from dreamgym.training.checkpoints import Stateful
from dreamgym.training.episode_records import EpisodeRecord
from dreamgym.training.exploitation import NOTHING_AUDITED, Audited
from dreamgym.training.rollout import EnvironmentFactory

if TYPE_CHECKING:
    from dreamgym.training.policy import Agent, Policy


class Curriculum(Stateful, Protocol):
    """Chooses the tasks (paper §5)."""

    def sample(self, num_tasks: int, *, synthetic: bool = True) -> Sequence[Task]:
        """Tasks for an iteration, at most a share λ of them synthetic; none where it is played for real."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything that changes, drawing tasks included."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue exactly from ``state``'s value."""
        ...

    def observe(self, groups: Sequence[Group]) -> object:
        """Rank tasks by reward variance (Eq. 7) and vary the best (Eq. 6)."""
        ...

    def metrics(self) -> Mapping[str, float]:
        """For the metrics log."""
        ...


class ReplayBuffer(Stateful, Protocol):
    """Grounds the next dreams (paper §4)."""

    def add_groups(self, groups: Sequence[Group]) -> object:
        """Keep the experiences of ``groups``."""
        ...

    def add_trajectories(self, trajectories: Iterable[Trajectory]) -> object:
        """Keep the experiences of single episodes."""
        ...

    def metrics(self) -> Mapping[str, float]:
        """For the metrics log."""
        ...


class TrainablePolicy(Stateful, Protocol):
    """A ``Policy`` with weights."""

    version: int

    def start(self, task: Task, seed: int) -> Agent:
        """An agent for one episode."""
        ...


class Algorithm(Stateful, Protocol):
    """PPO or GRPO (paper §6)."""

    def update(self, policy: Any, groups: Sequence[Group]) -> Mapping[str, float]:
        """Learn from ``groups``, or raise with nothing changed."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What an audit of an iteration's dreams found.

    ``score`` estimates the policy's real success; ``audited`` counts what was looked at and what was wrong
    with it. ``real`` are the dreamed episodes as they went in the real world, where they were replayed.
    ``exploited`` says why the dream is not to be believed: this audit beside the last ones. ``shown`` are a
    few of the episodes, to be read.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    audited: Audited = NOTHING_AUDITED
    real_turns: int = 0
    real: tuple[Trajectory, ...] = ()
    exploited: str = ""
    shown: tuple[EpisodeRecord, ...] = ()


class Auditor(Protocol):
    """Watches dreams on the current policy's own distribution."""

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """Check a share of the dreamed episodes."""
        ...


class NoAudit:
    """Watches nothing, where ``training.fidelity.audit_share`` is 0."""

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """Nothing found."""
        return Audit()


class Evaluator(Protocol):
    """Plays pinned panels."""

    async def evaluate(self, policy: Policy, iteration: int) -> Mapping[str, float]:
        """The metrics, below ``eval/``, of the policy after ``iteration`` iterations."""
        ...


async def _nothing() -> None:
    """The rules make new tasks after an iteration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The ready collaborators; ``worlds`` are the dream and the real environment.

    ``dream_tokens`` counts what the dreaming language model has read anew and written in this process,
    ``usages`` what each component that asks a language model has used in it. ``invent`` makes new tasks
    before an iteration with dreams, where a language model does.
    """

    policy: TrainablePolicy
    algorithm: Algorithm
    curriculum: Curriculum
    replay_buffer: ReplayBuffer
    worlds: Mapping[Origin, EnvironmentFactory]
    auditor: Auditor
    evaluator: Evaluator
    dream_tokens: Callable[[], int]
    usages: Callable[[], Mapping[str, Usage]] = dict
    invent: Callable[[], Awaitable[None]] = _nothing

    def stateful(self) -> dict[str, Stateful]:
        """Everything that a checkpoint keeps, by the name of its folder."""
        return {
            "policy": self.policy,
            "algorithm": self.algorithm,
            "curriculum": self.curriculum,
            "replay_buffer": self.replay_buffer,
        }
