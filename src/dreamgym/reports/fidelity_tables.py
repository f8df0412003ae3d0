"""The fidelity report of a run as tables; what an earlier version did not measure is left empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamgym.utils.stats import Interval

FORCED, REPLAYED = "held-out real turns", "the policy's turns, replayed"
_RATES = {
    "next_state_exact": "next state, word for word",
    "invalid_recognised": "invalid actions recognised",
    "valid_refused": "valid actions refused",
    "false_wins": "false wins, of all turns",
    "missed_wins": "missed wins, of all turns",
}
_OVERALL = {
    "determined": ("next state where the past determines it", FORCED),
    "first_looks": ("next state on first looks", FORCED),
    "whole_episodes": ("whole episodes right", REPLAYED),
    "dreamed_success": ("success, dreamed", REPLAYED),
    "real_success": ("success, replayed for real", REPLAYED),
}


@dataclass(frozen=True, kw_only=True)
class FidelityRow:
    """One measure, on both sources; None where it was not measured."""

    name: str
    forced: Interval | None
    replayed: Interval | None


@dataclass(frozen=True, kw_only=True)
class ActionRow:
    """One type of action in one source."""

    verb: str
    turns: int
    exact: Interval | None
    recognised: Interval | None
    false_wins: Interval | None


@dataclass(frozen=True, kw_only=True)
class FidelityTables:
    """All of it; empty where the run has no fidelity report."""

    rows: tuple[FidelityRow, ...]
    by_action: Mapping[str, tuple[ActionRow, ...]]  # by source
    failed: int | None

    def replayed(self, name: str) -> Interval | None:
        """The measure ``name`` under the policy's own actions."""
        return next((row.replayed for row in self.rows if row.name == name), None)


def fidelity_tables(report: Mapping[str, Any]) -> FidelityTables:
    """Read a ``fidelity.json``, whatever of it is there."""
    forced, replayed = (_object(report.get(name)) for name in ("teacher_forced", "replayed"))
    rows = [
        FidelityRow(name=name, forced=_interval(forced.get(key)), replayed=_interval(replayed.get(key)))
        for key, name in _RATES.items()
    ]
    for key, (name, source) in _OVERALL.items():
        share = _interval(report.get(key))
        rows.append(
            FidelityRow(
                name=name,
                forced=share if source == FORCED else None,
                replayed=share if source == REPLAYED else None,
            )
        )
    failed = report.get("failed")
    return FidelityTables(
        rows=tuple(row for row in rows if row.forced or row.replayed),
        by_action={
            source: actions
            for source, key in ((REPLAYED, "by_verb"), (FORCED, "forced_by_verb"))
            if (actions := _actions(_object(report.get(key))))
        },
        failed=failed if type(failed) is int else None,
    )


def _actions(by_verb: Mapping[str, Any]) -> tuple[ActionRow, ...]:
    rows = [
        ActionRow(
            verb=str(verb)[:40],
            turns=turns,
            exact=_interval(rates.get("next_state_exact")),
            recognised=_interval(rates.get("invalid_recognised")),
            false_wins=_interval(rates.get("false_wins")),
        )
        for verb, rates in ((verb, _object(rates)) for verb, rates in by_verb.items())
        if type(turns := rates.get("turns")) is int
    ]
    return tuple(sorted(rows, key=lambda row: -row.turns))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _interval(value: object) -> Interval | None:
    """A share with its bounds; None where it is missing, null or no share."""
    numbers = [_object(value).get(name) for name in ("estimate", "low", "high")]
    shares = [float(x) for x in numbers if isinstance(x, int | float) and 0.0 <= x <= 1.0]
    return Interval(*shares) if len(shares) == 3 else None
