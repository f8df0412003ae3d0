"""The loop of DreamGym: tasks, rollouts dreamed or real, experiences, update, evaluation, checkpoints.

An iteration waits (rollouts, audit), then learns. Learning does not wait: an interrupt falls before it or
after it, so that what a checkpoint holds is always a whole number of iterations.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.data_structures import Group, Origin
from dreamgym.models.llm_types import Usage
from dreamgym.training.checkpoints import check_same_run, read_checkpoint, save_checkpoint
from dreamgym.training.episode_records import write_iteration
from dreamgym.training.exploitation import NOTHING_AUDITED, exploitation, latest
from dreamgym.training.llm_metrics import forgotten, usage_metrics
from dreamgym.training.manifest import checkpoint_path
from dreamgym.training.parts import Audit, Parts
from dreamgym.training.rollout import collect
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.run_metrics import Counters, progress_line, rollout_metrics
from dreamgym.utils.metrics import MetricsLog, read_metrics
from dreamgym.utils.progress import Reporter
from dreamgym.utils.seeds import derive_seed, seed_globals

MAX_FALLS = 2  # a run falls back so often; the next flag ends it


@dataclass(kw_only=True)
class Trainer:
    """Trains ``parts.policy`` for the iterations of ``config`` that are left; ``finished`` are done."""

    config: DreamGymConfig
    parts: Parts
    folder: RunFolder
    metrics: MetricsLog
    reporter: Reporter
    finished: int = 0
    counters: Counters = field(default_factory=Counters)
    _learning: bool = False
    _undrawn: dict[str, Any] | None = None
    _usages: Mapping[str, Usage] = field(default_factory=dict)

    async def train(self) -> Path:
        """Run to the end; returns the manifest of the policy to use."""
        if self.finished == 0:
            self.save()
        if self.finished == 0 or self._is_due(self.config.training.eval_every):  # killed before it was
            await self._evaluate()
        while not self._is_last():
            started = time.monotonic()
            seed_globals(derive_seed(self.config.training.seed, "iteration", self.finished))
            tokens_before = self.parts.dream_tokens()
            groups = await self._collect()
            dream_tokens = self.parts.dream_tokens() - tokens_before
            collected = time.monotonic()
            audit = self._judged(await self.parts.auditor.audit(self.finished, groups))
            self._keep_the_best(audit)
            times = {"time/collect": collected - started, "time/audit": time.monotonic() - collected}
            self._learn(groups, audit, dream_tokens, times)
            if audit.exploited:
                if self._has_to_end():
                    return await self._go_back()
                self._fall_back(audit)
            if self._is_due(self.config.training.checkpoint_every):
                self.save()
            if self._is_due(self.config.training.eval_every):
                await self._evaluate()
        return checkpoint_path(self.folder.path, self.finished)

    async def _collect(self) -> list[Group]:
        """The rollouts of this iteration: its dreamed groups, then its real ones."""
        training, groups = self.config.training, []
        self._undrawn = self.parts.curriculum.state()
        if self._worlds_now()[0][0] is Origin.DREAMED:
            with self.reporter.stage(f"iteration {self.finished + 1}, new tasks", 1):
                await self.parts.invent()
        for origin, number in self._worlds_now():
            tasks = self.parts.curriculum.sample(number, synthetic=origin is Origin.DREAMED)
            stage = f"iteration {self.finished + 1}, {origin}"
            with self.reporter.stage(stage, len(tasks) * self.config.rl.group_size) as advance:
                groups += await collect(
                    tasks,
                    self.parts.policy,
                    self.parts.worlds[origin],
                    origin=origin,
                    seed=derive_seed(training.seed, "rollout", origin, self.finished),
                    label=f"seed{training.seed}-iter{self.finished + 1:04d}-{origin}",
                    group_size=self.config.rl.group_size,
                    concurrency=training.concurrency,
                    max_failed_share=training.max_failed_share,
                    on_episode=lambda _: advance(),
                )
        return groups

    def _worlds_now(self) -> list[tuple[Origin, int]]:
        """How many groups of this iteration are dreamed, and how many real."""
        number, share = self.config.training.tasks_per_iteration, self.config.buffer.synthetic_ratio
        dreamed = round(number * share) if self.config.training.world_of(self.finished) == "dream" else 0
        return [(o, n) for o, n in ((Origin.DREAMED, dreamed), (Origin.REAL, number - dreamed)) if n]

    def _learn(
        self, groups: Sequence[Group], audit: Audit, dream_tokens: int, times: dict[str, float]
    ) -> None:
        """Everything that an iteration changes, in one piece."""
        parts, started = self.parts, time.monotonic()
        self._learning = True
        parts.replay_buffer.add_groups(groups)  # grounds the next dreams, Eq. 4
        parts.curriculum.observe(groups)  # ranks tasks by reward variance, Eq. 7
        learned = parts.algorithm.update(parts.policy, groups)
        self.finished += 1
        self.counters = self.counters.after(groups, audit=audit, dream_tokens=dream_tokens)
        self._learning, self._undrawn = False, None
        times = {**times, "time/learn": time.monotonic() - started}
        self._record(groups, audit, {**_below("rl", learned), **_below("audit", audit.metrics), **times})

    def _record(self, groups: Sequence[Group], audit: Audit, metrics: Mapping[str, float]) -> None:
        """Write down what this iteration was: metrics, a line for the one who watches, a group to read."""
        parts, rollouts = self.parts, rollout_metrics(groups)
        states = {**parts.replay_buffer.metrics(), **parts.curriculum.metrics(), **self.counters.metrics()}
        if audit.audited != NOTHING_AUDITED:
            states["audit/exploited"] = float(bool(audit.exploited))
        self.metrics.log(self.finished, {**rollouts, **metrics, **states, **self.newly_used()})
        write_iteration(self.folder.episodes, self.finished, groups, audit.shown)
        heading = f"iteration {self.finished} of {self.config.training.num_iterations}"
        self.reporter.line(f"{heading}: {progress_line({**rollouts, **metrics})}")
        if audit.exploited:
            self.reporter.line(f"the dream is being exploited: {audit.exploited}")

    async def _evaluate(self) -> None:
        """Measure the policy as it is; once, also across a resume."""
        if self.metrics.has(self.finished, "eval/"):
            return
        started = time.monotonic()
        metrics = await self.parts.evaluator.evaluate(self.parts.policy, self.finished)
        times = {"time/evaluate": time.monotonic() - started}
        self.metrics.log(self.finished, {**metrics, **times, **self.newly_used()})

    def newly_used(self) -> dict[str, float]:
        """What the language models have used since this was asked last, for the metrics log."""
        before, self._usages = self._usages, self.parts.usages()
        return usage_metrics(before, self._usages)

    def log_usage(self) -> None:
        """Write down what an iteration used that came to no end."""
        used = self.newly_used()
        if used:
            self.metrics.log(self.finished, used)

    def _is_last(self) -> bool:
        return self.finished >= self.config.training.num_iterations

    def _is_due(self, every: int) -> bool:
        return self._is_last() or (every > 0 and self.finished % every == 0)

    def _judged(self, audit: Audit) -> Audit:
        """The audit and what it says beside those of the last iterations; one of no dream says nothing."""
        if audit.audited == NOTHING_AUDITED:
            return audit
        audits = latest(self.counters.audits, audit.audited)
        return replace(audit, exploited=exploitation(audits, self.config.training.fidelity))

    def _keep_the_best(self, audit: Audit) -> None:
        """Remember the policy to go back to: that of the highest audited success, or the last one whose audit
        found nothing where audits give no score; save it where the run may go back.
        """
        best, score = self.counters.best_score, audit.score
        if audit.exploited or (best is not None and (score is None or score <= best)):
            return
        self.counters = replace(self.counters, best_iteration=self.finished, best_score=score)
        if self.config.training.fidelity.on_exploitation != "warn":
            self.save()

    def _has_to_end(self) -> bool:
        """Whether a flag ends the run; one that fell back again and again has a dream that nothing mends."""
        wanted = self.config.training.fidelity.on_exploitation
        return wanted == "stop" or (wanted != "warn" and self.counters.falls >= MAX_FALLS)

    def _fall_back(self, audit: Audit) -> None:
        """Go on from the best policy, where ``training.fidelity.on_exploitation`` says so.

        The evidence against its successors is dropped. To refresh, the dreams since then are forgotten, too,
        and what really happened in those that were replayed is kept.
        """
        wanted = self.config.training.fidelity.on_exploitation
        if wanted == "warn":
            return
        best, stateful = (
            checkpoint_path(self.folder.path, self.counters.best_iteration),
            self.parts.stateful(),
        )
        kept = ["policy", "algorithm", *(["replay_buffer"] if wanted == "refresh" else [])]
        read_checkpoint(best).restore({name: stateful[name] for name in kept})
        if wanted == "refresh":
            self.parts.replay_buffer.add_trajectories(audit.real)
        self.counters = replace(self.counters, falls=self.counters.falls + 1, audits=())
        self.reporter.line(f"fallen back to the policy of {best}")
        self.save()

    async def _go_back(self) -> Path:
        """Return to the best policy that was audited (the first one where none was) and end there."""
        best = checkpoint_path(self.folder.path, self.counters.best_iteration)
        self.reporter.line(f"stopped after iteration {self.finished}, back to {best}")
        checkpoint = read_checkpoint(best)
        checkpoint.restore(self.parts.stateful())
        self.finished = checkpoint.iteration
        await self._evaluate()
        return best

    def save(self) -> Path:
        """Write the checkpoint after the iterations that are finished."""
        with self._tasks_undrawn():
            return save_checkpoint(
                checkpoint_path(self.folder.path, self.finished),
                self.finished,
                self.parts.stateful(),
                config=self.config.model_dump(mode="json"),
                counters=self.counters.to_json(),
            )

    @contextlib.contextmanager
    def _tasks_undrawn(self) -> Iterator[None]:
        """The curriculum before an unfinished iteration drew its tasks: resumed, it draws them again."""
        drawn = self.parts.curriculum.state()
        if self._undrawn is not None:
            self.parts.curriculum.load_state(self._undrawn)
        try:
            yield
        finally:
            self.parts.curriculum.load_state(drawn)

    def save_interrupted(self) -> Path | None:
        """After an interrupt: a checkpoint of the iterations done, or None in the middle of learning."""
        return None if self._learning else self.save()

    def resume(self, path: Path) -> None:
        """Continue from the checkpoint at ``path``; what was written after it is written again."""
        checkpoint = read_checkpoint(path)
        check_same_run(checkpoint, self.config.model_dump(mode="json"))
        checkpoint.restore(self.parts.stateful())
        self.finished = checkpoint.iteration
        self.counters = Counters.from_json(checkpoint.counters)
        before = read_metrics(self.metrics.path)
        self.metrics.rewind(self.finished)
        if paid := forgotten(before, read_metrics(self.metrics.path)):
            self.metrics.log(self.finished, paid)
        self.folder.forget_after(self.finished)


def _below(name: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"{name}/{key}": value for key, value in metrics.items()}
