"""How far a dream can be trusted that no rules can play again: held-out turns, and what they hide.

No gate: it looks at what a policy's own actions do in the real rules, and here there are none to replay in.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from dreamgym.core.config import DreamGymConfig, FidelityConfig
from dreamgym.core.errors import DataError
from dreamgym.core.serialization import encode
from dreamgym.training.fidelity import Rates, by_verb, rates
from dreamgym.training.gate import RATES, without_nan
from dreamgym.training.teacher_forcing import teacher_forced
from dreamgym.utils import atomic
from dreamgym.utils.progress import Reporter

if TYPE_CHECKING:
    from dreamgym.training.grounds import Grounds

NOT_MEASURED = (
    "whether the dream holds under the policy's own actions, and real success: these traces have no "
    "environment to replay or to play in"
)
NOT_REPLAYED = (
    "whether the dream holds under the policy's own actions: no rules of this environment play a dream again"
)


SHOWN_TOOLS = 12


def check_traces(
    config: DreamGymConfig, grounds: Grounds, output: Path, reporter: Reporter
) -> dict[str, float]:
    """Measure the dream on held-out traces, write the report, print it; the numbers for the metrics log.

    Raises:
        DataError: no trace is held out.
    """
    heldout = grounds.heldout[: config.training.fidelity.episodes]
    if not heldout:
        raise DataError(
            "no trace is held out, so nothing of the dream can be measured: ingest with a larger "
            "--heldout-share, or more traces"
        )
    with reporter.stage("held-out turns", sum(len(t.transitions) for t in heldout)) as advance:
        turns = asyncio.run(teacher_forced(grounds.dream, heldout, advance=advance))
    measured, kinds = rates(turns), by_verb(turns)
    hidden = NOT_MEASURED if grounds.domain.make_real is None else NOT_REPLAYED
    report = {"teacher_forced": encode(measured), "by_tool": encode(kinds), "not_measured": hidden}
    atomic.write_json(output, without_nan(report))
    console = Console()
    print_traces(measured, kinds, console, hidden)
    if misses := weaknesses(measured, config.training.fidelity):
        reporter.line(f"a weak dream, which an agent will exploit: {'; '.join(misses)}")
    return {
        f"fidelity/heldout_{name.partition(',')[0].replace(' ', '_')}": rate(measured).estimate
        for name, rate in RATES.items()
    }


def weaknesses(measured: Rates, wanted: FidelityConfig) -> list[str]:
    """The thresholds that the held-out turns miss; these flatter, so this warns and refuses nothing."""
    recognised, false_wins = measured.invalid_recognised.estimate, 1000 * measured.false_wins.estimate
    misses = []
    if recognised < wanted.min_invalid_recognised:
        misses.append(
            f"invalid actions recognised {recognised:.1%}, wanted ≥ {wanted.min_invalid_recognised:.1%}"
        )
    if false_wins > wanted.max_false_wins_per_1000_turns:
        limit = wanted.max_false_wins_per_1000_turns
        misses.append(f"false wins per 1,000 turns {false_wins:.1f}, wanted ≤ {limit:g}")
    return misses


def print_traces(measured: Rates, kinds: dict[str, Rates], console: Console, hidden: str) -> None:
    """The table, its first row by tool as well, and what it does not say."""
    table = Table(title="fidelity of the dream", title_justify="left")
    for name in ("", f"{measured.turns:,} held-out turns of the traces"):
        table.add_column(name)
    for name, rate in RATES.items():
        table.add_row(name, rate(measured).percent())
        if rate is RATES["next state word for word"]:
            usual = sorted(kinds, key=lambda tool: -kinds[tool].turns)[:SHOWN_TOOLS]
            for tool in usual:
                share = kinds[tool].next_state_exact.percent()
                table.add_row(f"  {tool} ({kinds[tool].turns:,})", share)
    console.print(table)
    console.print(f"not measured: {hidden}", markup=False, highlight=False)
