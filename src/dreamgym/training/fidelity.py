"""How far the dream can be trusted: on held-out real turns, and replayed under a policy's own actions.

Averages over data flatter a dream; what a policy exploits are the few invalid actions that the dream accepts
and the few wins that it makes up. So the gate looks at the replays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dreamgym.core.data_structures import Group, Origin, Task, Trajectory
from dreamgym.environments.dream import Dreamer, DreamFactory
from dreamgym.environments.judged import JudgedEpisode, JudgedTurn
from dreamgym.training.bounds import lemma_1, measured_errors
from dreamgym.training.episode_records import EpisodeRecord, replayed_records
from dreamgym.training.policy import Policy
from dreamgym.training.rollout import collect
from dreamgym.training.teacher_forcing import first_looks, teacher_forced
from dreamgym.utils.progress import Advance, Reporter
from dreamgym.utils.stats import Interval, wilson


class Rules(Protocol):
    """What a dream is judged by: how its episodes are played again, and by which words they end unwon."""

    @property
    def replay(self) -> Callable[[Trajectory], JudgedEpisode] | None:
        """The real answers to a dreamed episode's actions; None where there are none."""
        ...

    @property
    def over(self) -> tuple[str, ...]:
        """See ``DreamEnv``."""
        ...


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
    """The whole measurement; ``failed`` episodes ended in a malformed dream, and are no whole episodes.

    Of replayed episodes the turns up to the first wrong one are judged: a world that was told otherwise once
    goes on otherwise, and one error is to count once. Whole episodes are counted by their outcome.

    ``determined``: next states, word for word, of the held-out turns that are no first look; ``first_looks``:
    of those that are, their contents imagined, which no dream can know.
    """

    teacher_forced: Rates
    determined: Interval
    first_looks: Interval
    replayed: Rates
    by_verb: dict[str, Rates]
    forced_by_verb: dict[str, Rates]
    whole_episodes: Interval
    dreamed_success: Interval
    real_success: Interval
    failed: int
    value_error_bound: Interval  # at the measured errors, and at the ends of their intervals
    shown: tuple[EpisodeRecord, ...] = ()  # a few of the replayed episodes, to be read


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


def by_verb(turns: Sequence[JudgedTurn]) -> dict[str, Rates]:
    """The same by action type; what never worked, an agent's own words among it, is ``other``."""
    types = {turn.verb for turn in turns if not turn.invalid}
    parts: dict[str, list[JudgedTurn]] = defaultdict(list)
    for turn in turns:
        parts[turn.verb if turn.verb in types else "other"].append(turn)
    return {verb: rates(parts[verb]) for verb in sorted(parts)}


async def dreamed_groups(
    model: Dreamer,
    policy: Policy,
    tasks: Sequence[Task],
    rules: Rules,
    *,
    max_turns: int,
    seed: int,
    per_task: int = 1,
    concurrency: int = 128,
    advance: Advance = lambda: None,
) -> list[Group]:
    """``per_task`` dreamed episodes of ``policy`` for each task."""
    return await collect(
        tasks,
        policy,
        DreamFactory(model, max_turns=max_turns, over=rules.over),
        origin=Origin.DREAMED,
        seed=seed,
        label="fidelity",
        group_size=per_task,
        concurrency=concurrency,
        on_episode=lambda _: advance(),
    )


def judge_groups(groups: Sequence[Group], rules: Rules) -> tuple[list[JudgedEpisode], int]:
    """Replays of the scored episodes, and how many ended in a failure."""
    replay = rules.replay
    assert replay is not None  # or there would be no whole episodes to measure
    scored = [trajectory for group in groups for trajectory in group.scored]
    failed = sum(trajectory.stop_reason.is_failure for group in groups for trajectory in group.trajectories)
    return [replay(trajectory) for trajectory in scored], failed


async def measure_fidelity(
    model: Dreamer,
    policy: Policy,
    heldout: Sequence[Trajectory],
    tasks: Sequence[Task],
    rules: Rules,
    *,
    episodes: int,
    max_turns: int,
    seed: int,
    reporter: Reporter,
) -> FidelityReport:
    """The whole report: ``heldout`` teacher-forced, ``tasks`` dreamed under ``policy`` and replayed.

    About ``episodes`` are dreamed, each task equally often.
    """
    per_task = max(1, round(episodes / max(1, len(tasks))))
    with reporter.stage("held-out turns", sum(len(t.transitions) for t in heldout)) as advance:
        forced = await teacher_forced(model, heldout, advance=advance)
    looks = await first_looks(model, heldout, seed=seed)
    known = [turn for turn in forced if not turn.first_look]
    with reporter.stage("dreamed episodes", len(tasks) * per_task) as advance:
        groups = await dreamed_groups(
            model, policy, tasks, rules, max_turns=max_turns, seed=seed, per_task=per_task, advance=advance
        )
    judged, failed = judge_groups(groups, rules)
    turns = [turn for episode in judged for turn in episode.until_wrong]
    return FidelityReport(
        teacher_forced=rates(forced),
        determined=wilson(sum(turn.exact for turn in known), len(known)),
        first_looks=wilson(sum(turn.exact for turn in looks), len(looks)),
        replayed=rates(turns),
        by_verb=by_verb(turns),
        forced_by_verb=by_verb(forced),
        whole_episodes=wilson(sum(episode.agrees for episode in judged), len(judged) + failed),
        dreamed_success=wilson(sum(episode.dreamed_success for episode in judged), len(judged)),
        real_success=wilson(sum(episode.real_success for episode in judged), len(judged)),
        failed=failed,
        value_error_bound=lemma_1(measured_errors(turns)),
        shown=replayed_records([t for group in groups for t in group.scored], judged),
    )
