"""Intervals: how sure a measured number is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence bounds."""

    estimate: float
    low: float
    high: float

    def percent(self) -> str:
        """As people read it: ``31.0 % (25.1 to 37.6)``; a dash where nothing was measured."""
        if math.isnan(self.estimate):
            return "–"
        return f"{100 * self.estimate:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share; (0, 1) where nothing was tried.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), p = successes / trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials: wanted 0 ≤ successes ≤ trials")
    if trials == 0:
        return Interval(math.nan, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / trials
    centre = p + z * z / (2 * trials)
    spread = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # At 0 and at all successes the bound is exact; rounding must not move it.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return Interval(p, low, high)


def t_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Student's interval of a mean over few independent values, such as the seeds of a run."""
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = t_quantile(0.5 + confidence / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def t_quantile(probability: float, degrees: int) -> float:
    """The quantile (probability ≥ ½) of Student's t with ``degrees`` degrees of freedom, to about 1e-6."""
    low, high = 0.0, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_above_zero(middle, degrees) < probability - 0.5 else (low, middle)
    return (low + high) / 2


def _t_above_zero(t: float, degrees: int) -> float:
    """P(0 < T < t) by Simpson's rule: with t = √degrees · tan θ the density becomes ∝ cos^(degrees−1) θ."""
    intervals = 400
    step = math.atan(t / math.sqrt(degrees)) / intervals
    weights = (1 if i in (0, intervals) else 4 if i % 2 else 2 for i in range(intervals + 1))
    area = step / 3 * sum(w * math.cos(i * step) ** (degrees - 1) for i, w in enumerate(weights))
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - math.log(math.pi) / 2
    return math.exp(log_scale) * area
