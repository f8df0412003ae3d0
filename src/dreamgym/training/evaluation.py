"""Evaluation: play a pinned panel, say how much was solved and how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from dreamgym.core.data_structures import Origin, StopReason, Task, Trajectory
from dreamgym.environments.alfworld.replay import replay
from dreamgym.environments.judged import JudgedEpisode
from dreamgym.training.episode_records import SHOWN, episode_record, evenly, write_episodes
from dreamgym.training.episode_text import episodes_text, one_line, outcome
from dreamgym.training.pass_hat import PassHat, pass_hat
from dreamgym.training.rollout import EnvironmentFactory, collect
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.settings import ALFWORLD
from dreamgym.utils import atomic
from dreamgym.utils.progress import Reporter
from dreamgym.utils.seeds import derive_seed
from dreamgym.utils.stats import Interval, wilson

if TYPE_CHECKING:
    from dreamgym.training.policy import Policy


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The episodes of one evaluation.

    An agent that fills its context has not solved the task. Where the machinery failed (an endpoint, the
    environment, a malformed dream) nothing was measured, and the episode is counted apart.
    """

    trajectories: tuple[Trajectory, ...]

    @property
    def measured(self) -> tuple[Trajectory, ...]:
        """The episodes that say something about the policy."""
        return tuple(t for t in self.trajectories if _is_measured(t))

    @property
    def failed(self) -> tuple[Trajectory, ...]:
        """The others."""
        return tuple(t for t in self.trajectories if not _is_measured(t))

    @property
    def success(self) -> Interval:
        """The share solved, with Wilson's 95 % interval."""
        return _success(self.measured)

    @property
    def mean_return(self) -> float:
        """What the episodes were paid on average: more than the share solved where a world pays in parts."""
        return fmean(t.episode_return for t in self.measured) if self.measured else math.nan

    @property
    def by_type(self) -> dict[str, Interval]:
        """The same by task type."""
        types = sorted({t.task.task_type for t in self.measured})
        return {name: _success(t for t in self.measured if t.task.task_type == name) for name in types}

    @property
    def pass_hat(self) -> tuple[PassHat, ...]:
        """pass^k for every k, where tasks were played more than once."""
        return pass_hat(self.measured)

    @property
    def turns(self) -> int:
        """Turns played in all."""
        return sum(len(t.transitions) for t in self.trajectories)

    def metrics(self, name: str) -> dict[str, float]:
        """For the metrics log, below ``eval/<name>/``."""
        values = {
            "success": self.success.estimate,
            "success_low": self.success.low,
            "turns": float(self.turns),
        }
        values["success_high"] = self.success.high
        values["mean_return"] = self.mean_return
        values["failed"] = float(len(self.failed))
        values |= {f"success/{kind}": share.estimate for kind, share in self.by_type.items()}
        return {f"eval/{name}/{key}": value for key, value in values.items() if math.isfinite(value)}

    def lines(self) -> list[str]:
        """For a person: all, then by type, with their intervals."""
        width = max(len(name) for name in ("all", *self.by_type)) + 2
        shares = {"all": self.success, **self.by_type}
        lines = [f"{name:<{width}}{share.percent()}" for name, share in shares.items()]
        if any(t.episode_return not in (0.0, 1.0) for t in self.measured):
            lines.insert(1, f"return {self.mean_return:.3f} on average")
        lines.extend(map(str, self.pass_hat))
        return [*lines, *self._left_out()]

    def _left_out(self) -> list[str]:
        if not self.failed:
            return []
        reasons = Counter(t.stop_reason.value for t in self.failed).most_common()
        counts = ", ".join(f"{number} {reason}" for reason, number in reasons)
        first = self.failed[0]
        why = f"; the first, {first.task.id}: {one_line(first.detail)}" if first.detail else ""
        return [f"{len(self.failed)} episodes failed and are left out ({counts}){why}"]

    def to_json(self) -> dict[str, Any]:
        """The summary, and one line per episode."""
        return {
            **_interval_json(self.measured),
            "mean_return": self.mean_return if self.measured else None,
            "failed": dict(sorted(Counter(t.stop_reason.value for t in self.failed).items())),
            "turns": self.turns,
            "pass_hat_k": [_pass_hat_json(measured) for measured in self.pass_hat],
            "by_type": {
                name: _interval_json([t for t in self.measured if t.task.task_type == name])
                for name in self.by_type
            },
            "tasks": [_episode_json(t) for t in self.trajectories],
        }


async def play_panel(
    policy: Policy,
    tasks: Sequence[Task],
    make_environment: EnvironmentFactory,
    *,
    origin: Origin,
    seed: int,
    label: str,
    concurrency: int = 128,
    max_failed_share: float = 0.5,
    on_episode: Callable[[Trajectory], None] | None = None,
) -> Evaluation:
    """Play each of ``tasks`` once. The same weights, tasks and seed give the same episodes."""
    groups = await collect(
        tasks,
        policy,
        make_environment,
        origin=origin,
        seed=seed,
        label=label,
        concurrency=concurrency,
        max_failed_share=max_failed_share,
        on_episode=on_episode,
    )
    return Evaluation(trajectories=tuple(t for group in groups for t in group.trajectories))


def _is_measured(trajectory: Trajectory) -> bool:
    return not trajectory.stop_reason.is_failure or trajectory.stop_reason is StopReason.CONTEXT_FULL


def _success(trajectories: Iterable[Trajectory]) -> Interval:
    results = [t.success for t in trajectories]
    return wilson(sum(results), len(results))


def _interval_json(trajectories: Sequence[Trajectory]) -> dict[str, Any]:
    share = _success(trajectories)
    return {
        "episodes": len(trajectories),
        "solved": sum(t.success for t in trajectories),
        "success": share.estimate if trajectories else None,
        "interval_95": [share.low, share.high],
    }


def _pass_hat_json(measured: PassHat) -> dict[str, Any]:
    share = measured.share
    return {
        "k": measured.k,
        "tasks": measured.tasks,
        "estimate": share.estimate,
        "interval_95": [share.low, share.high],
    }


def _episode_json(trajectory: Trajectory) -> dict[str, Any]:
    return {
        "episode": trajectory.id,
        "task": trajectory.task.id,
        "task_type": trajectory.task.task_type,
        "outcome": outcome(trajectory),
        "return": trajectory.episode_return,
        "turns": len(trajectory.transitions),
    }


def _replayed(trajectory: Trajectory) -> JudgedEpisode | None:
    """What the real rules say of a dreamed episode, for its reader; None where there is nothing to replay."""
    can_be = trajectory.sheet is not None and trajectory.task.environment == ALFWORLD
    return replay(trajectory) if can_be and not trajectory.stop_reason.is_failure else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bout:
    """A panel in one world; ``name`` is what its results are filed under."""

    name: str
    tasks: Sequence[Task]
    make_environment: EnvironmentFactory
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class PanelEvaluator:
    """Plays the same bouts with the same seeds each time: two evaluations compare task by task."""

    bouts: Sequence[Bout]
    folder: RunFolder
    reporter: Reporter
    seed: int
    concurrency: int
    max_failed_share: float

    async def evaluate(self, policy: Policy, iteration: int) -> dict[str, float]:
        """Play all bouts; results and episodes are written to the run's folder."""
        metrics: dict[str, float] = {}
        for bout in self.bouts:
            with self.reporter.stage(f"evaluation, {bout.name}", len(bout.tasks)) as advance:
                evaluation = await play_panel(
                    policy,
                    bout.tasks,
                    bout.make_environment,
                    origin=bout.origin,
                    seed=derive_seed(self.seed, "evaluation", bout.name),
                    label=f"eval{iteration:04d}-{bout.name}",
                    concurrency=self.concurrency,
                    max_failed_share=self.max_failed_share,
                    on_episode=lambda _: advance(),
                )
            self._write(bout, iteration, evaluation)
            metrics |= evaluation.metrics(bout.name)
        return metrics

    def _write(self, bout: Bout, iteration: int, evaluation: Evaluation) -> None:
        name = f"{bout.name}_{iteration:04d}"
        atomic.write_text(self.folder.episodes / f"{name}.txt", episodes_text(evaluation.trajectories))
        write_episodes(
            self.folder.episodes / f"{name}.jsonl",
            [episode_record(t, _replayed(t)) for t in evenly(evaluation.trajectories, SHOWN)],
        )
        atomic.write_json(self.folder.evaluations / f"{name}.json", evaluation.to_json())
        solved, played = sum(t.success for t in evaluation.measured), len(evaluation.measured)
        self.reporter.line(
            f"after iteration {iteration}, {bout.name}: {solved} of {played} solved, "
            f"{evaluation.success.percent()}"
        )
