"""Intervals against published tables, and coverage by simulation."""

import pytest

from dreamgym.utils.stats import t_interval, t_quantile, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),  # Newcombe (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_newcombes_table(successes, trials, low, high):
    interval = wilson(successes, trials)
    assert (interval.low, interval.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_wilson_is_honest_at_the_ends():
    assert wilson(20, 20).high == 1.0
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 successes of 2 trials"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("probability", "degrees", "value"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.95, 30, 1.697261), (0.995, 4, 4.604095)],
)
def test_t_quantiles_equal_the_table(probability, degrees, value):
    assert t_quantile(probability, degrees) == pytest.approx(value, rel=1e-5)


def test_t_interval_by_hand():
    interval = t_interval([0.50, 0.60, 0.70])  # mean 0.6, sd 0.1, 4.30265 · 0.1 / √3
    assert (interval.estimate, interval.low, interval.high) == (
        pytest.approx(0.6),
        pytest.approx(0.35159, abs=1e-5),
        pytest.approx(0.84841, abs=1e-5),
    )
