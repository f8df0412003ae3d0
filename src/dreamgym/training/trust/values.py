"""The true gap: a policy's value in the dream and in the real world, on the same unseen tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.data_structures import Origin, Task, Trajectory
from dreamgym.environments.alfworld.replay import replay
from dreamgym.environments.dream import DreamFactory
from dreamgym.training.bounds import Errors, discounted_return, lemma_1, measured_errors
from dreamgym.training.evaluation import play_panel
from dreamgym.training.grounds import EVALUATION_PANEL, Grounds
from dreamgym.training.policy import Policy
from dreamgym.utils.seeds import derive_seed
from dreamgym.utils.stats import Interval, t_interval, wilson


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """J_M̂ and J_M (discounted), success, the measured errors, and the bound on the gap between the values."""

    iteration: int
    dreamed_value: Interval
    real_value: Interval
    dreamed_success: Interval
    real_success: Interval
    errors: Errors
    bound: Interval

    @property
    def gap(self) -> float:
        """|J_M − J_M̂|, measured."""
        return abs(self.dreamed_value.estimate - self.real_value.estimate)


@dataclass(kw_only=True)
class ValueEvaluator:
    """Plays the same tasks in both worlds, the dream given their true sheets; keeps what it measured."""

    config: DreamGymConfig
    grounds: Grounds
    measured: list[Values] = field(default_factory=list)

    async def evaluate(self, policy: Policy, iteration: int) -> Mapping[str, float]:
        """Measure the policy after ``iteration`` iterations."""
        domain, number = self.grounds.domain, self.config.training.eval_episodes
        tasks = domain.panels(EVALUATION_PANEL, number)
        known = [replace(task, sheet=domain.true_sheet(task)) for task in tasks]
        real = await self._play(policy, tasks, Origin.REAL)
        dreamed = await self._play(policy, known, Origin.DREAMED)
        turns = [turn for episode in dreamed for turn in replay(episode).turns]
        errors = measured_errors(turns)
        self.measured.append(
            Values(
                iteration=iteration,
                dreamed_value=_value(dreamed),
                real_value=_value(real),
                dreamed_success=_success(dreamed),
                real_success=_success(real),
                errors=errors,
                bound=lemma_1(errors),
            )
        )
        return {}

    async def _play(self, policy: Policy, tasks: Sequence[Task], origin: Origin) -> list[Trajectory]:
        """Those that ended with an outcome."""
        dream = DreamFactory(self.grounds.dream, max_turns=self.config.environment.max_turns)
        evaluation = await play_panel(
            policy,
            tasks,
            dream if origin is Origin.DREAMED else self.grounds.domain.real_world,
            origin=origin,
            seed=derive_seed(self.config.training.seed, "values", origin),
            label=f"values-{origin}",
            max_failed_share=1.0,
        )
        return [t for t in evaluation.measured if t.transitions]


def _value(episodes: Sequence[Trajectory]) -> Interval:
    return t_interval([discounted_return(episode) for episode in episodes])


def _success(episodes: Sequence[Trajectory]) -> Interval:
    return wilson(sum(episode.success for episode in episodes), len(episodes))
