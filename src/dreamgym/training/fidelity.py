"""How far the dream can be trusted: on held-out real turns, and replayed under a policy's own actions.

Averages over data flatter a dream; what a policy exploits are the few invalid actions that the dream accepts
and the few wins that it makes up. So the gate looks at the replays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from dreamgym.core.config import FidelityConfig
from dreamgym.core.data_structures import Group, Origin, Task, Trajectory
from dreamgym.core.errors import FidelityError, InvalidDreamError
from dreamgym.environments.alfworld.annotate import AnnotatedTurn, annotate, hindsight_sheet, without_unseen
from dreamgym.environments.alfworld.replay import JudgedEpisode, JudgedTurn, replay
from dreamgym.environments.dream import DreamFactory
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.training.policy import Policy
from dreamgym.training.rollout import collect
from dreamgym.utils.stats import Interval, wilson

HORIZON = 30  # turns; Lemma 1 needs γ < 1, we take 1 − 1/HORIZON


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """What the gate and the tables read off judged turns, each with its 95 % interval."""

    turns: int
    next_state_exact: Interval
    invalid_recognised: Interval
    valid_refused: Interval
    false_wins: Interval  # of all turns
    missed_wins: Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class FidelityReport:
    """The whole measurement; ``failed`` episodes ended in a malformed dream."""

    teacher_forced: Rates
    replayed: Rates
    by_verb: dict[str, Rates]
    whole_episodes: Interval
    dreamed_success: Interval
    real_success: Interval
    failed: int
    value_error_bound: float


def rates(turns: Sequence[JudgedTurn]) -> Rates:
    """Shares over ``turns``."""
    invalid = [turn for turn in turns if turn.invalid]
    valid = [turn for turn in turns if not turn.invalid]
    missed = sum(turn.real_reward > 0 >= turn.dreamed_reward for turn in turns)
    return Rates(
        turns=len(turns),
        next_state_exact=wilson(sum(turn.exact for turn in turns), len(turns)),
        invalid_recognised=wilson(sum(turn.refused for turn in invalid), len(invalid)),
        valid_refused=wilson(sum(turn.refused for turn in valid), len(valid)),
        false_wins=wilson(sum(turn.false_win for turn in turns), len(turns)),
        missed_wins=wilson(missed, len(turns)),
    )


def value_error_bound(reward_error: float, transition_error: float, horizon: int = HORIZON) -> float:
    """Lemma 1: |J_M − J_M̂| ≤ ε_R/(1−γ) + 2γ R_max ε_P/(1−γ)², R_max = 1, with mean errors for the suprema."""
    gamma = 1.0 - 1.0 / horizon
    return reward_error / (1.0 - gamma) + 2.0 * gamma * transition_error / (1.0 - gamma) ** 2


async def teacher_forced(
    model: ReasoningExperienceModel, trajectories: Sequence[Trajectory], *, concurrency: int = 128
) -> list[JudgedTurn]:
    """Every real turn dreamed from the true sheet before it; a malformed dream counts as wrong."""
    slots = asyncio.Semaphore(concurrency)

    async def judge(trajectory: Trajectory, turn: AnnotatedTurn) -> JudgedTurn:
        real = trajectory.transitions[turn.turn]
        dreamed_state, reward = "", 0.0
        async with slots:
            try:
                dreamed = await model.dream_turn(
                    task=trajectory.task,
                    state=real.state,
                    action=turn.action,
                    sheet=turn.sheet,
                    trajectory_id=trajectory.id,
                )
                dreamed_state, reward = dreamed.answer.next_state, dreamed.answer.reward
            except InvalidDreamError as error:
                dreamed_state = f"(malformed: {error})"
        return JudgedTurn(
            action=turn.action,
            dreamed_state=dreamed_state,
            real_state=real.next_state,
            dreamed_reward=reward,
            real_reward=real.reward,
        )

    jobs = []
    for trajectory in trajectories:
        sheet = without_unseen(hindsight_sheet(trajectory), {})
        jobs += [judge(trajectory, turn) for turn in annotate(trajectory, sheet)]
    return list(await asyncio.gather(*jobs))


async def dreamed_groups(
    model: ReasoningExperienceModel,
    policy: Policy,
    tasks: Sequence[Task],
    *,
    max_turns: int,
    seed: int,
    concurrency: int = 128,
) -> list[Group]:
    """One dreamed episode of ``policy`` per task."""
    factory = DreamFactory(model, max_turns=max_turns)
    return await collect(
        tasks, policy, factory, origin=Origin.DREAMED, seed=seed, label="fidelity", concurrency=concurrency
    )


def judge_groups(groups: Sequence[Group]) -> tuple[list[JudgedEpisode], int]:
    """Replays of the scored episodes, and how many ended in a failure."""
    scored = [trajectory for group in groups for trajectory in group.scored]
    failed = sum(trajectory.stop_reason.is_failure for group in groups for trajectory in group.trajectories)
    return [replay(trajectory) for trajectory in scored], failed


async def measure_fidelity(
    model: ReasoningExperienceModel,
    policy: Policy,
    heldout: Sequence[Trajectory],
    tasks: Sequence[Task],
    *,
    max_turns: int,
    seed: int,
) -> FidelityReport:
    """The whole report: ``heldout`` teacher-forced, ``tasks`` dreamed under ``policy`` and replayed."""
    forced = await teacher_forced(model, heldout)
    episodes, failed = judge_groups(
        await dreamed_groups(model, policy, tasks, max_turns=max_turns, seed=seed)
    )
    turns = [turn for episode in episodes for turn in episode.turns]
    total = len(episodes)
    reward_error = sum(turn.dreamed_reward != turn.real_reward for turn in turns) / max(1, len(turns))
    transition_error = sum(not turn.exact for turn in turns) / max(1, len(turns))
    return FidelityReport(
        teacher_forced=rates(forced),
        replayed=rates(turns),
        by_verb={v: rates([t for t in turns if t.verb == v]) for v in sorted({t.verb for t in turns})},
        whole_episodes=wilson(sum(episode.agrees for episode in episodes), total),
        dreamed_success=wilson(sum(episode.dreamed_success for episode in episodes), total),
        real_success=wilson(sum(episode.real_success for episode in episodes), total),
        failed=failed,
        value_error_bound=value_error_bound(reward_error, transition_error),
    )


def below_gate(report: FidelityReport, gate: FidelityConfig) -> list[str]:
    """What the dream misses, one line each; empty where it may be used."""
    recognised = report.replayed.invalid_recognised.estimate
    false_wins = 1000 * report.replayed.false_wins.estimate
    whole = report.whole_episodes.estimate
    misses = []
    if recognised < gate.min_invalid_recognised:
        misses.append(
            f"invalid actions recognised {recognised:.3%}, wanted ≥ {gate.min_invalid_recognised:.3%}"
        )
    if false_wins > gate.max_false_wins_per_1000_turns:
        misses.append(
            f"false wins per 1,000 turns {false_wins:.2f}, wanted ≤ {gate.max_false_wins_per_1000_turns}"
        )
    if whole < gate.min_whole_episodes:
        misses.append(f"whole episodes right {whole:.1%}, wanted ≥ {gate.min_whole_episodes:.1%}")
    return misses


def check_gate(report: FidelityReport, gate: FidelityConfig) -> None:
    """Refuse RL in a dream that would be exploited.

    Raises:
        FidelityError: the report is below a threshold; the message names the misses and the remedy.
    """
    misses = below_gate(report, gate)
    if gate.gate and misses:
        raise FidelityError(
            "the dream is not good enough for RL: " + "; ".join(misses) + ". Fit it on more data "
            "(`dreamgym collect`, `dreamgym fit experience`), or insist with --allow-low-fidelity"
        )
