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
from dreamgym.core.data_structures import Group, Origin, Sheet, StopReason, Task, Trajectory
from dreamgym.environments.alfworld.contradictions import first_contradiction
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.panels import game_of, generated_tasks
from dreamgym.environments.alfworld.replay import replay
from dreamgym.models.dream_format import Answer, DreamedTurn
from dreamgym.models.dream_prompts import Past
from dreamgym.models.embedding import HashingEmbedder, embed_turns
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.training.audit import ConsistencyAuditor, ReplayAuditor, audited, until_wrong
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories
from dreamgym.training.domains.household import Household
from dreamgym.training.drift import Drift
from dreamgym.training.exploitation import Audited, exploitation
from dreamgym.training.parts import Audit
from dreamgym.training.win_rules import WinRules

ALL = FidelityConfig(audit_share=1.0)
DRIFT = Drift(HashingEmbedder(64), [])
NO_RULES = WinRules([])
NEVER = "\nfail\nnext: Nothing happens.\nreward: 0\ndone: no"


@lru_cache
def honest() -> Group:
    """Episodes of the real engine passed off as dreams: half expert, half random."""
    settings = CollectSettings(shares={"expert": 0.5, "random": 0.5}, mistake_rate=0.0, max_turns=20)
    played = collect_trajectories(islice(generated_tasks(310_000), 12), settings, cast=Household(), seed=3)
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
    return asyncio.run(ReplayAuditor(config, DRIFT, NO_RULES, replay).audit(0, [group]))


def test_an_honest_dream_is_not_flagged_and_its_turns_are_counted_as_real() -> None:
    audit = replayed(honest())
    assert audit.audited[:2] == (0, 12)
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
    assert audit.audited[:2] == (failures, 12)
    assert {(t.outcome, t.real_success) for t in audit.shown} <= {("won", True), ("won", False)}
    assert ("won", False) in {(t.outcome, t.real_success) for t in audit.shown}


def test_a_share_is_spread_evenly_and_never_empty() -> None:
    assert [t.id for t in audited([honest()], 0.25)] == [honest().trajectories[i].id for i in (0, 4, 8)]
    assert len(audited([honest()], 0.001)) == 1
    assert audited([], 1.0) == []


def consistency(model: ReasoningExperienceModel) -> ConsistencyAuditor:
    return ConsistencyAuditor(ALL, model, DRIFT, NO_RULES, first_contradiction)


def second_opinion(answer: str) -> Audit:
    model = ReasoningExperienceModel(ReasoningModelConfig(retries=0), ScriptedClient({"action:": answer}))
    return asyncio.run(consistency(model).audit(0, [exploited()]))


def test_wins_that_a_second_opinion_denies_are_flagged() -> None:
    audit = second_opinion(NEVER)
    assert audit.metrics["gap"] == audit.metrics["dreamed_success"] == 1.0
    assert audit.metrics["confirmed_success"] == 0.0
    assert audit.metrics["accepted_doubted"] == 1.0
    assert audit.real_turns == 0
    assert audit.audited[:2] == (12, 12)


class Agreeing(ReasoningExperienceModel):
    """Says what was dreamed the first time, and how it was asked."""

    def __init__(self, trajectories: Sequence[Trajectory]) -> None:
        super().__init__(ReasoningModelConfig(), ScriptedClient([]))
        self._said = {(t.id, n): turn for t in trajectories for n, turn in enumerate(t.transitions)}
        self._ids = {t.task.id: t.id for t in trajectories}
        self.seeds: list[int] = []

    async def dream_turn(  # type: ignore[override]
        self, *, task: Task, sheet: Sheet, past: Past, seed: int, **_: object
    ) -> DreamedTurn:
        self.seeds.append(seed)
        turn = self._said[self._ids[task.id], len(past.turns)]
        answer = Answer(
            valid=turn.valid, next_state=turn.next_state, changes=(), reward=turn.reward, done=turn.terminated
        )
        return DreamedTurn(reasoning="", answer=answer, sheet=sheet, written="")


def test_wins_that_a_second_opinion_confirms_are_not_flagged() -> None:
    model = Agreeing(exploited().trajectories)
    audit = asyncio.run(consistency(model).audit(0, [exploited()]))
    assert audit.audited[:2] == (0, 12)
    metrics = audit.metrics
    assert metrics["dreamed_success"] == metrics["confirmed_success"] == 1.0
    assert metrics["gap"] == metrics["states_differing"] == metrics["accepted_doubted"] == 0.0
    assert len(set(model.seeds)) == len(model.seeds)


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


def test_what_an_audit_keeps_is_what_really_happened() -> None:
    kept = replayed(exploited()).real
    assert [t.origin for t in kept] == [Origin.REAL] * 12
    for really, played in zip(kept, honest().trajectories, strict=True):
        assert [(t.action.text, t.next_state, t.reward) for t in really.transitions] == [
            (t.action.text, t.next_state, t.reward) for t in played.transitions
        ]
        assert really.success == played.success


def test_the_first_wrong_turn_counts_and_what_follows_it_does_not() -> None:
    assert until_wrong([(None, 20), (4, 20), (0, 9)]) == (2, 26)
    audit = replayed(exploited()).audited
    failures = sum(not t.success for t in honest().trajectories)
    assert audit.wrong == failures  # each in its last turn
    assert audit.turns == sum(len(t.transitions) for t in honest().trajectories)


def test_episodes_that_the_dream_did_not_answer_are_counted_and_flagged() -> None:
    """Both audits count them among all dreams; those that ended for another fault are no dream's doing."""
    played = honest().trajectories
    broken = [t.ended(StopReason.INVALID_DREAM) for t in played[:5]]
    elsewhere = played[5].ended(StopReason.ENDPOINT_ERROR)
    real = replace(played[6].ended(StopReason.INVALID_DREAM), origin=Origin.REAL)
    group = replace(honest(), trajectories=(*broken, elsewhere, real, *played[7:]))
    model = ReasoningExperienceModel(ReasoningModelConfig(top_k=0), ScriptedClient({"": NEVER}))
    for audit in (replayed(group), asyncio.run(consistency(model).audit(0, [group]))):
        assert audit.audited[-2:] == (5, 10)
        assert audit.metrics["malformed"] == 0.5
        assert "5 of the last 10 dreamed episodes end without its answer" in exploitation(
            [audit.audited], ALL
        )


def test_where_the_dream_answers_nobody_the_flag_is_raised_too() -> None:
    group = replace(
        honest(), trajectories=tuple(t.ended(StopReason.INVALID_DREAM) for t in honest().trajectories)
    )
    model = ReasoningExperienceModel(ReasoningModelConfig(top_k=0), ScriptedClient({"": NEVER}))
    for audit in (replayed(group), asyncio.run(consistency(model).audit(0, [group]))):
        assert audit.audited == Audited(malformed=12, dreamed=12)
        assert "12 of the last 12 dreamed episodes end without its answer" in exploitation(
            [audit.audited], ALL
        )
