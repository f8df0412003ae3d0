"""What is measured of an iteration's rollouts, and what is counted over a whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any, Self

from dreamgym.core.data_structures import Group, Origin, StopReason, Trajectory
from dreamgym.core.errors import CheckpointError
from dreamgym.training.exploitation import Audited, latest
from dreamgym.training.parts import Audit


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """Totals of a run without its evaluations, its last audits, how often it fell back, and its best
    audited iteration."""

    episodes: int = 0
    real_turns: int = 0
    dreamed_turns: int = 0
    audit_turns: int = 0
    agent_tokens: int = 0
    read_tokens: int = 0
    dream_tokens: int = 0
    audits: tuple[Audited, ...] = ()
    falls: int = 0
    best_iteration: int = 0
    best_score: float | None = None

    def after(self, groups: Sequence[Group], *, audit: Audit, dream_tokens: int) -> Counters:
        """The totals with one more iteration."""
        episodes = [trajectory for group in groups for trajectory in group.trajectories]
        dreamed = turns(t for t in episodes if t.origin is Origin.DREAMED)
        return replace(
            self,
            episodes=self.episodes + len(episodes),
            real_turns=self.real_turns + turns(episodes) - dreamed,
            dreamed_turns=self.dreamed_turns + dreamed,
            audit_turns=self.audit_turns + audit.real_turns,
            agent_tokens=self.agent_tokens + agent_tokens(episodes),
            read_tokens=self.read_tokens + read_tokens(episodes),
            dream_tokens=self.dream_tokens + dream_tokens,
            audits=latest(self.audits, audit.audited),
        )

    def metrics(self) -> dict[str, float]:
        """For the metrics log; turns of audits are real turns, whoever played them."""
        return {
            "total/episodes": float(self.episodes),
            "total/real_turns": float(self.real_turns + self.audit_turns),
            "total/dreamed_turns": float(self.dreamed_turns),
            "total/audit_turns": float(self.audit_turns),
            "total/agent_tokens": float(self.agent_tokens),
            "total/read_tokens": float(self.read_tokens),
            "total/dream_tokens": float(self.dream_tokens),
        }

    def to_json(self) -> dict[str, Any]:
        """For the checkpoint's manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What ``to_json`` wrote.

        Raises:
            CheckpointError: it is something else.
        """
        try:
            return cls(**{**values, "audits": tuple(Audited(*counts) for counts in values["audits"])})
        except (TypeError, KeyError, ValueError) as error:
            raise CheckpointError(f"the checkpoint's counters are of another version: {error}") from None


def rollout_metrics(groups: Sequence[Group]) -> dict[str, float]:
    """Success, turns, tokens and failures of an iteration, apart for dreamed and real episodes."""
    episodes = [trajectory for group in groups for trajectory in group.trajectories]
    failed = Counter(t.stop_reason for t in episodes if t.stop_reason.is_failure)
    metrics = {
        "rollout/episodes": float(len(episodes)),
        "rollout/failed_share": failed.total() / max(len(episodes), 1),
        "rollout/agent_tokens": float(agent_tokens(episodes)),
    }
    metrics |= {f"failures/{reason}": float(failed[reason]) for reason in StopReason if reason.is_failure}
    for origin in Origin:
        metrics |= _of_origin(origin, [t for t in episodes if t.origin is origin])
    return metrics


def _of_origin(origin: Origin, episodes: Sequence[Trajectory]) -> dict[str, float]:
    metrics = {f"rollout/{origin}_turns": float(turns(episodes))}
    scored = [t for t in episodes if not t.stop_reason.is_failure]
    if scored:
        metrics[f"rollout/{origin}_success"] = fmean(t.success for t in scored)
        metrics[f"rollout/{origin}_turns_per_episode"] = fmean(len(t.transitions) for t in scored)
    return metrics


def turns(episodes: Iterable[Trajectory]) -> int:
    """Turns played."""
    return sum(len(t.transitions) for t in episodes)


def agent_tokens(episodes: Iterable[Trajectory]) -> int:
    """Tokens that the policy sampled."""
    return sum(len(turn.action.token_ids) for t in episodes for turn in t.transitions)


def read_tokens(episodes: Iterable[Trajectory]) -> int:
    """Tokens that the policy read: instructions and observations, each once."""
    return sum(len(turn.action.prompt_ids) for t in episodes for turn in t.transitions)


def progress_line(metrics: Mapping[str, float]) -> str:
    """An iteration in one line."""
    success = [
        f"{origin} success {100 * metrics[key]:.0f} %"
        for origin in Origin
        if (key := _success_key(origin)) in metrics
    ]
    played = sum(metrics[f"rollout/{origin}_turns"] for origin in Origin)
    failed = round(metrics["rollout/failed_share"] * metrics["rollout/episodes"])
    seconds = sum(value for name, value in metrics.items() if name.startswith("time/"))
    pieces = [*success, f"{metrics['rollout/episodes']:.0f} episodes", f"{played:.0f} turns"]
    return ", ".join([*pieces, *([f"{failed} failed"] if failed else []), f"{seconds:.1f} s"])


def _success_key(origin: Origin) -> str:
    return f"rollout/{origin}_success"
