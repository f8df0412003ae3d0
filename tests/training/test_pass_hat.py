"""pass^k: the estimator beside all subsets of the trials, and its mean beside the truth."""

from __future__ import annotations

import math
from itertools import combinations, product

import pytest

from countdown import make_task
from dreamgym.core.data_structures import Action, Origin, StopReason, Trajectory, Transition
from dreamgym.training.evaluation import Evaluation
from dreamgym.training.pass_hat import all_of, pass_hat


def trial(task: str, *, won: bool = False, reason: StopReason = StopReason.TERMINATED) -> Trajectory:
    turn = Transition(state="s", action=Action(text="a"), reward=float(won), next_state="t")
    return Trajectory(
        id="e", task=make_task(task), origin=Origin.REAL, transitions=(turn,), stop_reason=reason
    )


@pytest.mark.parametrize("trials", range(1, 9))
def test_it_is_the_share_of_subsets_that_are_all_won(trials: int) -> None:
    for won in range(trials + 1):
        results = [True] * won + [False] * (trials - won)
        for k in range(1, trials + 1):
            subsets = [all(subset) for subset in combinations(results, k)]
            assert all_of(won, trials, k) == pytest.approx(sum(subsets) / len(subsets), abs=1e-12)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
def test_it_is_unbiased(p: float) -> None:
    """Its expectation over all outcomes of five trials is p^k; that of (won / trials)^k is not."""
    biased = 0.0
    for k in range(1, 6):
        outcomes = list(product([True, False], repeat=5))
        chance = [math.prod(p if won else 1 - p for won in outcome) for outcome in outcomes]
        mean = sum(c * all_of(sum(o), 5, k) for c, o in zip(chance, outcomes, strict=True))
        assert mean == pytest.approx(p**k, abs=1e-12)
        biased += abs(sum(c * (sum(o) / 5) ** k for c, o in zip(chance, outcomes, strict=True)) - p**k)
    assert (biased > 0.01) == (0 < p < 1)


@pytest.mark.parametrize(("won", "trials", "k"), [(3, 2, 1), (-1, 2, 1), (1, 2, 3), (1, 2, 0)])
def test_what_cannot_be_is_refused(won: int, trials: int, k: int) -> None:
    with pytest.raises(ValueError, match="wanted 0 ≤ won ≤ trials"):
        all_of(won, trials, k)


def test_tasks_weigh_alike_and_failures_are_no_trials() -> None:
    trials = [trial("a", won=True)] * 4 + [trial("b", won=True), trial("b"), trial("b")]
    trials += [trial("b", reason=StopReason.USER_ERROR), trial("c", reason=StopReason.USER_ERROR)]
    evaluation = Evaluation(trajectories=tuple(trials))
    found = {measured.k: (measured.tasks, measured.share.estimate) for measured in evaluation.pass_hat}
    assert found == {1: (2, pytest.approx((1 + 1 / 3) / 2)), 2: (2, 0.5), 3: (2, 0.5), 4: (1, 1.0)}
    told = evaluation.to_json()
    assert [measured["k"] for measured in told["pass_hat_k"]] == [1, 2, 3, 4]
    assert told["failed"] == {"user_error": 2}
    assert "pass^2  50.0 % (0.0 to 100.0) over 2 tasks" in evaluation.lines()


def test_eight_is_the_most_and_one_trial_is_no_reliability() -> None:
    assert [measured.k for measured in pass_hat([trial("a", won=True)] * 12)] == list(range(1, 9))
    assert pass_hat([trial("a", won=True), trial("b")]) == ()
    assert pass_hat([]) == ()
    assert not any("pass^" in line for line in Evaluation(trajectories=(trial("a"),)).lines())
