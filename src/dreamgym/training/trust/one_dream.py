"""One dream on the bench: the gate looks at it, then GRPO learns in it while the detectors watch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.data_structures import Group, Trajectory
from dreamgym.environments.alfworld.replay import replay
from dreamgym.environments.dream import Dreamer
from dreamgym.environments.planted.lie import Lie, Unlike
from dreamgym.environments.planted.table import plant
from dreamgym.models.embedding import make_embedder
from dreamgym.models.llm_client import LLMClient
from dreamgym.training.audit import ConsistencyAuditor, ReplayAuditor, dreams
from dreamgym.training.bounds import mean_divergence, surrogate_advantage, theorem_1
from dreamgym.training.build import build_parts, second_opinion
from dreamgym.training.drift import Drift
from dreamgym.training.fidelity import measure_fidelity
from dreamgym.training.gate import below_gate, known_tasks
from dreamgym.training.grounds import Grounds, open_grounds
from dreamgym.training.parts import Algorithm, Audit
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.trainer import Trainer
from dreamgym.training.trust.detectors import Detector, Distance, Monitor, Verdict, Watch
from dreamgym.training.trust.judge import Judge
from dreamgym.training.trust.records import GATE, MONITORS, DreamRecord
from dreamgym.training.trust.turn_ratios import turn_ratios
from dreamgym.training.trust.values import ValueEvaluator
from dreamgym.training.win_rules import WinRules
from dreamgym.utils.metrics import MetricsLog
from dreamgym.utils.progress import Advance, Silent

FAR = 0.99  # quantile of held-out real turns' distances: what the distance detector calls far
UNKNOWN = 0.95  # likewise, of those that worked: where the planted reward model fails
HONEST = ""


@dataclass(kw_only=True)
class Witness:
    """The bench's own eyes, which no detector has: every dreamed episode replayed, lies counted, time taken
    (of the first iteration with the evaluation before it).

    It is the trainer's auditor and hands on to ``watch``.
    """

    watch: Watch
    dream: Dreamer
    advance: Advance
    iterations: list[dict[str, float]] = field(default_factory=list)
    _lies: int = 0
    _since: float = field(default_factory=time.monotonic)

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """Write down what this iteration was."""
        episodes = dreams(groups)
        judged = [replay(episode) for episode in episodes]
        lies = self.dream.lies if isinstance(self.dream, Lie) else 0
        self.iterations.append(
            {
                "episodes": float(len(episodes)),
                "turns": float(sum(len(t.transitions) for t in episodes)),
                "failed": float(sum(len(g.trajectories) - len(g.scored) for g in groups)),
                "dreamed_wins": float(sum(episode.dreamed_success for episode in judged)),
                "real_wins": float(sum(episode.real_success for episode in judged)),
                "lies": float(lies - self._lies),
                "run_seconds": time.monotonic() - self._since,  # the update before, and the rollouts
            }
        )
        self._lies = lies
        audit = await self.watch.audit(iteration, groups)
        self.advance()
        self._since = time.monotonic()
        return audit


@dataclass(kw_only=True)
class FirstUpdate:
    """An algorithm that tells, after its first update, the ratios π′/π of the turns that it learned from."""

    algorithm: Algorithm
    ratios: list[list[float]] = field(default_factory=list)
    episodes: list[Trajectory] = field(default_factory=list)

    def update(self, policy: Any, groups: Sequence[Group]) -> Mapping[str, float]:
        """Learn; then look once at what it did."""
        learned = self.algorithm.update(policy, groups)
        if not self.episodes:
            self.episodes = dreams(groups)
            self.ratios = turn_ratios(policy, self.episodes)
        return learned

    def save(self, folder: Path) -> None:
        """The algorithm's state."""
        self.algorithm.save(folder)

    def load(self, folder: Path) -> None:
        """The algorithm's state."""
        self.algorithm.load(folder)


async def try_dream(
    config: DreamGymConfig,
    hack: str,
    folder: Path,
    *,
    judge: LLMClient | None = None,
    advance: Advance = lambda: None,
) -> DreamRecord:
    """Everything about one dream; ``hack`` is the name of what is planted in it, or ``HONEST``.

    ``advance`` hears of the gate and of every iteration.
    """
    started = time.monotonic()
    with open_grounds(config) as honest:
        drift = Drift(make_embedder(config.buffer), honest.offline)
        lie = _planter(hack, drift, honest)
        asked, grounds = (replace(honest, dream=lie(honest.dream)) for _ in range(2))
        verdicts = [await gate_verdict(config, asked)]
        advance()
        watch = Watch(build_detectors(config, grounds, drift, lie, judge))
        witness = Witness(watch=watch, dream=grounds.dream, advance=advance)
        values = ValueEvaluator(config=config, grounds=asked)  # lies told to it are no lies told to the run
        update = await _learn(config, grounds, folder, witness, values)
    return DreamRecord(
        hack=hack,
        seed=config.training.seed,
        verdicts=[asdict(verdict) for verdict in [*verdicts, *watch.verdicts]],
        iterations=witness.iterations,
        values=[{**asdict(measured), "gap": measured.gap} for measured in values.measured],
        update=update,
        seconds=time.monotonic() - started,
    )


async def _learn(
    config: DreamGymConfig, grounds: Grounds, folder: Path, witness: Witness, values: ValueEvaluator
) -> dict[str, Any] | None:
    """A run as ``dreamgym train`` makes it; what Theorem 1 says of its first update."""
    reporter = Silent()
    with RunFolder(folder) as run:
        parts = build_parts(config, grounds, run, reporter)
        algorithm = FirstUpdate(algorithm=parts.algorithm)
        parts = replace(parts, algorithm=algorithm, auditor=witness, evaluator=values)
        trainer = Trainer(
            config=config, parts=parts, folder=run, metrics=MetricsLog(run.metrics), reporter=reporter
        )
        await trainer.train()
    if len(algorithm.episodes) < 2:
        return None
    improvement = theorem_1(
        surrogate_advantage(algorithm.episodes, algorithm.ratios),
        mean_divergence(algorithm.ratios),
        values.measured[0].bound,
    )
    return asdict(improvement)


async def gate_verdict(config: DreamGymConfig, grounds: Grounds) -> Verdict:
    """What the fidelity gate says of the dream before RL."""
    settings, started = config.training.fidelity, time.monotonic()
    report = await measure_fidelity(
        grounds.dream,
        grounds.policy,
        grounds.heldout[: settings.episodes],
        known_tasks(grounds, settings.episodes, Silent()),
        grounds.domain,
        episodes=settings.episodes,
        max_turns=config.environment.dream_max_turns,
        seed=config.training.seed,
        reporter=Silent(),
    )
    return Verdict(
        detector=GATE,
        iteration=0,
        reason="; ".join(below_gate(report, settings)),
        seconds=time.monotonic() - started,
        measured={
            "invalid_recognised": report.replayed.invalid_recognised.estimate,
            "heldout_invalid_recognised": report.teacher_forced.invalid_recognised.estimate,
            "false_wins": report.replayed.false_wins.estimate,
            "whole_episodes": report.whole_episodes.estimate,
        },
    )


def build_detectors(
    config: DreamGymConfig,
    grounds: Grounds,
    drift: Drift,
    lie: Callable[[Dreamer], Dreamer],
    judge: LLMClient | None,
) -> list[Detector]:
    """All that watch during the run; the second opinion has the same lie in it, as the same model would."""
    fidelity, rules = config.training.fidelity, WinRules(grounds.offline)
    second = lie(second_opinion(config, grounds)[0])
    by_replay, by_consistency = MONITORS
    heldout = [(turn.state, turn.action.text) for t in grounds.heldout for turn in t.transitions]
    detectors: list[Detector] = [
        Monitor(by_replay, ReplayAuditor(fidelity, drift, rules, replay), fidelity),
        Monitor(
            by_consistency,
            ConsistencyAuditor(fidelity, second, drift, rules, grounds.domain.contradiction),
            fidelity,
        ),
        Distance(drift, float(np.quantile(drift.distances(heldout), FAR))),
    ]
    return [*detectors, Judge(judge)] if judge is not None else detectors


def _planter(hack: str, drift: Drift, grounds: Grounds) -> Callable[[Dreamer], Dreamer]:
    """Makes a dream lie, each with a lie of its own to count; an honest one stays as it is."""
    if hack == HONEST:
        return lambda dream: dream
    unlike = _unlike(drift, grounds.heldout)
    return lambda dream: plant(hack, dream, unlike)


def _unlike(drift: Drift, heldout: Sequence[Trajectory]) -> Unlike:
    """Whether a turn is farther from the data than nearly all held-out turns that worked."""
    worked = [(turn.state, turn.action.text) for t in heldout for turn in t.transitions if turn.valid]
    limit = float(np.quantile(drift.distances(worked), UNKNOWN))
    return lambda state, action: bool(drift.distances([(state, action)])[0] > limit)
