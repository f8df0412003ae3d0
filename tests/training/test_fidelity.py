"""Fidelity's numbers, counted by hand, and the gate that they open or shut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamgym.core.config import FidelityConfig
from dreamgym.core.errors import FidelityError
from dreamgym.environments.judged import JudgedTurn
from dreamgym.training.bounds import lemma_1, measured_errors, value_error_bound
from dreamgym.training.fidelity import (
    FidelityReport,
    rates,
)
from dreamgym.training.gate import below_gate, check_gate
from dreamgym.utils.stats import wilson


def turn(dreamed: str, real: str, reward: tuple[float, float] = (0.0, 0.0)) -> JudgedTurn:
    return JudgedTurn(
        action="go to shelf 1",
        dreamed_state=dreamed,
        real_state=real,
        dreamed_reward=reward[0],
        real_reward=reward[1],
    )


NO = "Nothing happens."
TURNS = [
    turn("You arrive.", "You arrive."),
    turn("You arrive.", "You arrive there."),
    turn(NO, "You arrive."),  # a valid action refused
    turn(NO, NO),
    turn(NO, NO),
    turn("You take it.", NO),  # an invalid action accepted
    turn("You win.", "You win.", (1.0, 0.0)),  # a false win
    turn("You win.", "You win.", (0.0, 1.0)),  # a missed win
]


def test_rates_are_what_one_counts() -> None:
    counted = rates(TURNS)
    assert counted.turns == 8
    assert counted.next_state_exact.estimate == 5 / 8
    assert counted.invalid_recognised.estimate == 2 / 3
    assert counted.valid_refused.estimate == 1 / 5
    assert counted.false_wins.estimate == 1 / 8
    assert counted.missed_wins.estimate == 1 / 8


@pytest.mark.parametrize(
    ("action", "verb"),
    [
        ("go to shelf 1", "go"),
        ("click[buy now]", "click"),
        ("click('7')", "click"),
        ("get_order order 4", "get_order"),
        ("  ?! ", "nothing"),
        ("", "nothing"),
    ],
)
def test_a_turn_is_of_the_type_that_its_first_word_says(action: str, verb: str) -> None:
    assert replace(TURNS[0], action=action).verb == verb


def test_the_bound_of_lemma_1() -> None:
    # horizon 10: gamma 0.9; 0.01/0.1 + 2*0.9*0.002/0.01 = 0.1 + 0.36
    assert value_error_bound(0.01, 0.002, horizon=10) == pytest.approx(0.46)
    # of 8 turns 2 rewards and 3 next states are wrong; horizon 30: gamma 29/30
    bound = lemma_1(measured_errors(TURNS))
    assert bound.estimate == pytest.approx(2 / 8 * 30 + 2 * 29 / 30 * 3 / 8 * 900)
    assert bound.low < bound.estimate < bound.high


def report(recognised: int, false_wins: int, whole: int) -> FidelityReport:
    """Of 200 invalid actions, 1000 turns and 100 episodes."""
    good = [turn(NO, NO)] * recognised + [turn("x", NO)] * (200 - recognised)
    good += [turn("w", "w", (1.0, 0.0))] * false_wins + [turn("w", "w")] * (800 - false_wins)
    return FidelityReport(
        teacher_forced=rates(good),
        determined=rates(good).next_state_exact,
        first_looks=wilson(1, 4),
        replayed=rates(good),
        by_verb={},
        forced_by_verb={},
        whole_episodes=wilson(whole, 100),
        dreamed_success=wilson(30, 100),
        real_success=wilson(30, 100),
        failed=0,
        value_error_bound=lemma_1(measured_errors(good)),
    )


def only_heldout(recognised: int) -> FidelityReport:
    """A dream that believes what the policy never says: its own turns show nothing of it."""
    return replace(report(200, 0, 100), teacher_forced=report(recognised, 0, 100).teacher_forced)


@pytest.mark.parametrize(
    ("measured", "missed"),
    [
        (report(200, 0, 100), []),
        (report(199, 1, 95), []),
        (report(198, 0, 100), ["invalid actions recognised", "held-out invalid actions recognised"]),
        (only_heldout(198), ["held-out invalid actions recognised"]),
        (report(200, 2, 100), ["false wins"]),
        (report(200, 0, 94), ["whole episodes"]),
        (
            report(150, 9, 50),
            [
                "invalid actions recognised",
                "held-out invalid actions recognised",
                "false wins",
                "turns answered wrongly",
                "whole episodes",
            ],
        ),
    ],
)
def test_the_gate_names_what_is_missed(measured: FidelityReport, missed: list[str]) -> None:
    config = FidelityConfig()
    found = below_gate(measured, config)
    assert len(found) == len(missed)
    assert all(m in f for m, f in zip(missed, found, strict=True))
    if missed:
        with pytest.raises(FidelityError, match="--allow-low-fidelity"):
            check_gate(measured, config)
        check_gate(measured, FidelityConfig(gate=False))
    else:
        check_gate(measured, config)


@pytest.mark.parametrize(("wrong", "is_refused"), [(0, False), (6, False), (60, True)])
def test_the_gate_refuses_wrong_turns_chance_apart(wrong: int, is_refused: bool) -> None:
    """Of 2,000 turns 60 are 3 %, at least 2.3 %; 6 are 0.3 %, at least 0.14 %: not surely beyond 0.2 %."""
    good, bad = turn("x", "x"), turn("x", "y")
    replayed = rates([good] * (2_000 - wrong) + [bad] * wrong)
    measured = replace(
        report(200, 0, 100),
        replayed=replace(report(200, 0, 100).replayed, next_state_exact=replayed.next_state_exact),
    )
    assert ["wrongly" in miss for miss in below_gate(measured, FidelityConfig())] == [True] * is_refused


def test_a_gate_that_saw_no_invalid_action_does_not_open() -> None:
    unseen = replace(report(200, 0, 100), replayed=rates([turn("w", "w")] * 50))
    (miss,) = below_gate(unseen, FidelityConfig())
    assert "no invalid action" in miss
    nothing = replace(report(0, 0, 0), replayed=rates([]), failed=0)
    assert below_gate(nothing, FidelityConfig()) == ["nothing could be judged: no task is held out"]


def test_a_dream_that_breaks_off_every_time_is_refused() -> None:
    nothing = replace(report(0, 0, 0), replayed=rates([]), failed=7)
    assert below_gate(nothing, FidelityConfig()) == [
        "nothing could be judged: all 7 dreamed episodes are malformed"
    ]
