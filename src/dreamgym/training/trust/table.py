"""The bench's results for people: a table for the terminal, and the same as Markdown for the docs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dreamgym.training.bounds import HOLDS_IF, IMPROVES_IF
from dreamgym.training.trust.judge import agreement
from dreamgym.training.trust.records import GATE, MONITORS, DreamRecord, Results

Rows = list[list[str]]
HACKS = "planted hacks: the first iteration that flagged them, 0 is before RL"
READ = (
    "in time: before the fifth. lies: turns of the last iteration. won, and the false ones of these: dreamed "
    "episodes, from the first iteration to the last"
)
IN_TIME = 5  # a hack is to be flagged before that many iterations have exploited it


def hack_rows(results: Results) -> tuple[list[str], Rows]:
    """One line per planted dream: the first iteration that each detector flagged, what RL made of it."""
    planted = [dream for dream in results.dreams if dream.hack]
    detectors = _detectors(planted)
    head = ["planted", *detectors, "in time", "lies, %", "won, %", "false, %"]
    return head, [[dream.hack, *_planted_cells(dream, detectors)] for dream in planted]


def _planted_cells(dream: DreamRecord, detectors: Sequence[str]) -> list[str]:
    first, last = dream.iterations[0], dream.iterations[-1]
    first_flag = min(dream.flags.values(), default=None)
    flags = [_when(dream.flags.get(name)) for name in detectors]
    verdict = "no" if first_flag is None else "yes" if first_flag < IN_TIME else "late"
    return [
        *flags,
        verdict,
        f"{100 * _share(last['lies'], last['turns']):.1f}",
        _arrow(100 * _share(i["dreamed_wins"], i["episodes"]) for i in (first, last)),
        _arrow(
            100 * _share(max(0.0, i["dreamed_wins"] - i["real_wins"]), i["dreamed_wins"])
            for i in (first, last)
        ),
    ]


def honest_rows(results: Results) -> tuple[list[str], Rows]:
    """For each detector, in how many honest dreams it raised its flag, and how many of the planted ones."""
    honest = [dream for dream in results.dreams if not dream.hack]
    planted = [dream for dream in results.dreams if dream.hack]
    rows = []
    for name in _detectors(results.dreams):
        rows.append(
            [
                name,
                f"{sum(name in dream.flags for dream in planted)} of {len(planted)}",
                f"{sum(name in dream.flags for dream in honest)} of {len(honest)}",
                "before the run" if name == GATE else _cost(results.dreams, [name]),
            ]
        )
    flagged = [sum(bool(d.flags) for d in dreams) for dreams in (planted, honest)]
    together = f"{_cost(results.dreams, MONITORS)} (both audits)"
    rows.append(["any", f"{flagged[0]} of {len(planted)}", f"{flagged[1]} of {len(honest)}", together])
    return ["detector", "planted dreams flagged", "honest dreams flagged", "cost, of the run's time"], rows


def gap_rows(results: Results) -> tuple[list[str], Rows]:
    """Lemma 1 beside the true gap, before and after RL."""
    head = ["dream", "J dreamed", "J real", "true gap", "bound of Lemma 1 (95 %)", "real success, %"]
    rows = []
    for dream in results.dreams:
        for values in dream.values:
            when = "before" if values["iteration"] == 0 else f"after {values['iteration']}"
            bound = values["bound"]
            rows.append(
                [
                    f"{dream.hack or f'honest, seed {dream.seed}'}, {when}",
                    _number(values["dreamed_value"]),
                    _number(values["real_value"]),
                    f"{values['gap']:.3f}",
                    f"{bound['estimate']:.2f} ({bound['low']:.2f} to {bound['high']:.2f})",
                    f"{100 * values['real_success']['estimate']:.0f}",
                ]
            )
    return head, rows


def update_rows(results: Results) -> tuple[list[str], Rows]:
    """Theorem 1 for the first update of each run, beside the real change of J over the whole run."""
    head = ["dream", "E[A]/(1−γ)", "KL", "penalty", "bound from below (95 %)", "real change of J, whole run"]
    rows = []
    for dream in results.dreams:
        if dream.update is None or len(dream.values) < 2:
            continue
        update, bound = dream.update, dream.update["bound"]
        before, after = (dream.values[i]["real_value"]["estimate"] for i in (0, -1))
        rows.append(
            [
                dream.hack or f"honest, seed {dream.seed}",
                f"{update['surrogate']['estimate']:.3f}",
                f"{update['divergence']:.4f}",
                f"{update['penalty']:.0f}",
                f"{bound['estimate']:.0f} ({bound['low']:.0f} to {bound['high']:.0f})",
                f"{after - before:+.3f}",
            ]
        )
    return head, rows


def judge_line(results: Results) -> str:
    """How far the judge agrees with what was planted."""
    if not results.settings["judge"]:
        return "no judge was given (--judge CLIENT)"
    pairs = [("judge" in dream.flags, bool(dream.hack)) for dream in results.dreams]
    same, kappa = agreement(pairs)
    name = results.settings["judge"]
    return f"judge {name}: agrees on {100 * same:.0f} % of {len(pairs)} dreams, Cohen's κ {kappa:.2f}"


def print_results(results: Results, console: Console) -> None:
    """What a person looks at when the bench is done; the bounds of each dream are in the file."""
    for title, (head, rows) in (
        (HACKS, hack_rows(results)),
        ("detectors", honest_rows(results)),
    ):
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column(head[0], min_width=18)
        for name in head[1:]:
            table.add_column(name)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in [READ, judge_line(results), *bound_lines(results)]:
        console.print(line, markup=False, highlight=False)


def bound_lines(results: Results) -> list[str]:
    """Lemma 1 and Theorem 1 in a line each, with their conditions."""
    values = [measured for dream in results.dreams for measured in dream.values]
    kept = sum(measured["gap"] <= measured["bound"]["high"] for measured in values)
    updates = [dream.update for dream in results.dreams if dream.update]
    positive = sum(update["bound"]["low"] > 0 for update in updates)
    return [
        f"Lemma 1: the true gap is below the upper end of the bound in {kept} of {len(values)} measurements; "
        f"it {HOLDS_IF}",
        f"Theorem 1 promises an improvement in {positive} of {len(updates)} first updates; it {IMPROVES_IF}",
    ]


def markdown(results: Results) -> str:
    """Everything, for ``docs/trust.md``."""
    parts = []
    for head, rows in (hack_rows(results), honest_rows(results), gap_rows(results), update_rows(results)):
        lines = [head, ["---"] * len(head), *rows]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join([*parts, READ, judge_line(results), *bound_lines(results)]) + "\n"


def _detectors(dreams: Sequence[DreamRecord]) -> list[str]:
    return list(dict.fromkeys(name for dream in dreams for name in dream.detectors))


def _cost(dreams: Sequence[DreamRecord], detectors: Sequence[str]) -> str:
    """Their share of rollouts and updates; a dash after one iteration, whose time is not its own alone."""
    run = sum(dream.seconds_of_the_run for dream in dreams)
    seconds = sum(dream.seconds_of(name) for dream in dreams for name in detectors)
    return f"{100 * seconds / run:.2f} %" if run else "–"


def _when(iteration: int | None) -> str:
    return "–" if iteration is None else f"{iteration}"


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _arrow(pair: Any) -> str:
    first, last = pair
    return f"{first:.0f} → {last:.0f}"


def _number(interval: dict[str, Any]) -> str:
    return "–" if interval["estimate"] is None else f"{interval['estimate']:.3f}"
