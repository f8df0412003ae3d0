"""Audits: made-up wins are found and flagged, honest dreams are not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice

import numpy as np
import pytest

from dreamgym.core.config import FidelityConfig, ReasoningModelConfig
from dreamgym.core.data_structures import Group, Origin, StopReason, Trajectory
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.panels import game_of, generated_tasks
from dreamgym.models.embedding import HashingEmbedder, embed_turns
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.training.audit import ConsistencyAuditor, ReplayAuditor, audited
from dreamgym.training.collect import CollectSettings, collect_trajectories
from dreamgym.training.drift import Drift
from dreamgym.training.parts import Audit

ALL = FidelityConfig(audit_share=1.0)
DRIFT = Drift(HashingEmbedder(64), [])
NEVER = "\nfail\nnext: Nothing happens.\nreward: 0\ndone: no"


@lru_cache
def honest() -> Group:
    """Episodes of the real engine passed off as dreams: half expert, half random."""
    settings = CollectSettings(shares={"expert": 0.5, "random": 0.5}, mistake_rate=0.0, max_turns=20)
    played = collect_trajectories(islice(generated_tasks(310_000), 12), settings, seed=3)
    dreams = [
        replace(t, origin=Origin.DREAMED, detail="", sheet=sheet_of_game(game_of(t.task))) for t in played
    ]
    return Group(task=dreams[0].task, trajectories=tuple(dreams))


def won(trajectory: Trajectory) -> Trajectory:
    last = replace(trajectory.transitions[-1], reward=1.0, terminated=True, truncated=False)
    turns = (*trajectory.transitions[:-1], last)
    return replace(trajectory, transitions=turns, stop_reason=StopReason.TERMINATED)


def exploited() -> Group:
    return replace(honest(), trajectories=tuple(t if t.success else won(t) for t in honest().trajectories))


def replayed(group: Group, config: FidelityConfig = ALL) -> Audit:
    return asyncio.run(ReplayAuditor(config, DRIFT).audit(0, [group]))


def test_an_honest_dream_is_not_flagged_and_its_turns_are_counted_as_real() -> None:
    audit = replayed(honest())
    assert audit.exploited == ""
    assert audit.metrics["gap"] == 0.0
    assert audit.metrics["next_state_exact"] == 1.0
    assert audit.real_turns == sum(len(t.transitions) for t in honest().trajectories)


def test_made_up_wins_are_counted_and_flagged() -> None:
    failures = sum(not t.success for t in honest().trajectories)
    assert failures >= 3
    audit = replayed(exploited())
    assert audit.metrics["false_wins"] == failures
    assert audit.metrics["dreamed_success"] == 1.0
    assert audit.score == audit.metrics["real_success"] == pytest.approx(1.0 - failures / 12)
    assert audit.exploited == "of 12 episodes 100% won in the dream, 42% for real"


def test_a_share_is_spread_evenly_and_never_empty() -> None:
    assert [t.id for t in audited([honest()], 0.25)] == [honest().trajectories[i].id for i in (0, 4, 8)]
    assert len(audited([honest()], 0.001)) == 1
    assert audited([], 1.0) == []


def second_opinion(answer: str) -> Audit:
    model = ReasoningExperienceModel(ReasoningModelConfig(retries=0), ScriptedClient({"action:": answer}))
    return asyncio.run(ConsistencyAuditor(ALL, model, DRIFT).audit(0, [exploited()]))


def test_wins_that_a_second_opinion_denies_are_flagged() -> None:
    audit = second_opinion(NEVER)
    assert audit.metrics["gap"] == audit.metrics["dreamed_success"] == 1.0
    assert audit.metrics["confirmed_success"] == 0.0
    assert audit.metrics["accepted_doubted"] == 1.0
    assert audit.real_turns == 0
    assert "second opinion" in audit.exploited


def test_a_second_opinion_that_cannot_be_read_doubts_too() -> None:
    metrics = second_opinion("perhaps").metrics
    assert metrics["gap"] == metrics["accepted_doubted"] == metrics["states_differing"] == 1.0


def test_drift_is_the_distance_to_the_nearest_logged_turn() -> None:
    logged, embedder = honest().trajectories[:6], HashingEmbedder(64)
    drift = Drift(embedder, logged)
    assert drift.of(logged)["drift"] == pytest.approx(0.0, abs=1e-6)

    def phi(trajectories: Sequence[Trajectory]) -> np.ndarray:
        turns = [turn for t in trajectories for turn in t.transitions]
        return embed_turns(embedder, [t.state for t in turns], [t.action.text for t in turns])

    others = honest().trajectories[6:]
    nearest = [max(float(a @ b) for b in phi(logged)) for a in phi(others)]
    assert drift.of(others)["drift"] == pytest.approx(1 - sum(nearest) / len(nearest), abs=1e-5)
    assert drift.of([]) == {}
