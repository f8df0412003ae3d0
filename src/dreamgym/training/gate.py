"""The fidelity gate: before RL begins in a dream, it is measured under the policy that will learn in it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dreamgym.core.config import DreamGymConfig, FidelityConfig
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import FidelityError
from dreamgym.core.serialization import encode
from dreamgym.training.episode_records import write_episodes
from dreamgym.training.fidelity import FidelityReport, Rates, measure_fidelity
from dreamgym.utils import atomic
from dreamgym.utils.progress import Reporter
from dreamgym.utils.stats import Interval

if TYPE_CHECKING:
    from dreamgym.training.grounds import Grounds

RATES: dict[str, Callable[[Rates], Interval]] = {
    "next state word for word": lambda rates: rates.next_state_exact,
    "invalid actions recognised": lambda rates: rates.invalid_recognised,
    "valid actions refused": lambda rates: rates.valid_refused,
    "false wins, of all turns": lambda rates: rates.false_wins,
    "missed wins, of all turns": lambda rates: rates.missed_wins,
}


def check_dream(
    config: DreamGymConfig, grounds: Grounds, output: Path, reporter: Reporter, *, by_type: bool = False
) -> FidelityReport:
    """Measure, write the report to ``output``, print it, also by action type where asked for.

    Raises:
        FidelityError: the dream is below a threshold of ``training.fidelity`` and the gate is on.
    """
    settings = config.training.fidelity
    report = asyncio.run(
        measure_fidelity(
            grounds.dream,
            grounds.policy,
            grounds.heldout[: settings.episodes],
            known_tasks(grounds, settings.episodes, reporter),
            grounds.domain,
            episodes=settings.episodes,
            max_turns=config.environment.dream_max_turns,
            seed=config.training.seed,
            reporter=reporter,
        )
    )
    atomic.write_json(output, without_nan(encode(replace(report, shown=()))))
    write_episodes(output.with_suffix(".jsonl"), report.shown)
    console = Console()
    print_report(report, console)
    if by_type:
        print_types(report, console)
    check_gate(report, settings)
    return report


def below_gate(report: FidelityReport, gate: FidelityConfig) -> list[str]:
    """What the dream misses, one line each; empty where it may be used."""
    if not report.replayed.turns:
        broken = f"all {report.failed} dreamed episodes are malformed"
        return [f"nothing could be judged: {broken if report.failed else 'no task is held out'}"]
    recognised = report.replayed.invalid_recognised.estimate
    false_wins = 1000 * report.replayed.false_wins.estimate
    whole = report.whole_episodes.estimate
    misses = []
    if math.isnan(recognised):
        misses.append("no invalid action among the policy's: raise training.fidelity.episodes")
    if recognised < gate.min_invalid_recognised:
        misses.append(
            f"invalid actions recognised {recognised:.3%}, wanted ≥ {gate.min_invalid_recognised:.3%}"
        )
    if (known := report.teacher_forced.invalid_recognised.estimate) < gate.min_invalid_recognised:
        misses.append(
            f"held-out invalid actions recognised {known:.3%}, wanted ≥ {gate.min_invalid_recognised:.3%}"
        )
    if false_wins > gate.max_false_wins_per_1000_turns:
        misses.append(
            f"false wins per 1,000 turns {false_wins:.2f}, wanted ≤ {gate.max_false_wins_per_1000_turns}"
        )
    wrong = 1.0 - report.replayed.next_state_exact.high  # chance apart, as in the audits
    if wrong > gate.max_wrong_turns:
        misses.append(f"turns answered wrongly {wrong:.2%} at least, wanted ≤ {gate.max_wrong_turns:.2%}")
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
            "(`dreamgym collect`, `dreamgym fit experience`), look at it (`dreamgym play --dream`), "
            "or insist with --allow-low-fidelity"
        )


def report_metrics(report: FidelityReport) -> dict[str, float]:
    """For the metrics log, below ``fidelity/``."""
    shares = {name.partition(",")[0].replace(" ", "_"): rate(report.replayed) for name, rate in RATES.items()}
    shares |= {"whole_episodes": report.whole_episodes, "dreamed_success": report.dreamed_success}
    return {f"fidelity/{name}": share.estimate for name, share in shares.items()}


def known_tasks(grounds: Grounds, number: int, reporter: Reporter) -> list[Task]:
    """Held-out tasks, from sheets of which dream and replay start alike."""
    heldout, known = grounds.heldout[:number], []
    with reporter.stage("sheets of held-out tasks", len(heldout)) as advance:
        for trajectory in heldout:
            known.append(replace(trajectory.task, sheet=grounds.domain.judged_from(trajectory)))
            advance()
    return known


def without_nan(value: Any) -> Any:
    """``value`` with null for what could not be measured, which JSON has no number for."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_report(report: FidelityReport, console: Console) -> None:
    """The two measurements side by side, with 95 % intervals."""
    table = Table(title="fidelity of the dream", title_justify="left")
    for name in ("", "held-out real turns", "the policy's turns, replayed"):
        table.add_column(name)
    for name, rate in RATES.items():
        table.add_row(name, rate(report.teacher_forced).percent(), rate(report.replayed).percent())
    table.add_row("next state, determined", report.determined.percent(), "")
    table.add_row("next state, first looks", report.first_looks.percent(), "")
    table.add_row("whole episodes right", "", report.whole_episodes.percent())
    table.add_row("malformed episodes", "", f"{report.failed}")
    table.add_row("success, dreamed", "", report.dreamed_success.percent())
    table.add_row("success, replayed", "", report.real_success.percent())
    bound = report.value_error_bound
    table.add_row("bound of Lemma 1", "", f"{bound.estimate:.2f} (up to {bound.high:.2f})")
    console.print(table)


def print_types(report: FidelityReport, console: Console) -> None:
    """The same for every type of action; wins are few, so they are counted."""
    for source, by_verb in (
        ("held-out real turns", report.forced_by_verb),
        ("the policy's turns, replayed", report.by_verb),
    ):
        table = Table(title=f"by type of action: {source}", title_justify="left", box=SIMPLE_HEAD)
        for name in ("", "turns", "next state", "invalid recognised"):
            table.add_column(name, no_wrap=True)
        table.add_column("wins made up, missed")
        for verb, measured in by_verb.items():
            wins = (
                round(share.estimate * measured.turns)
                for share in (measured.false_wins, measured.missed_wins)
            )
            shares = (measured.next_state_exact.percent(), measured.invalid_recognised.percent())
            table.add_row(verb, f"{measured.turns:,}", *shares, ", ".join(map(str, wins)))
        console.print(table)
