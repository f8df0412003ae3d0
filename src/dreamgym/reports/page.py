"""The report of one or several runs as one HTML file that loads nothing and runs nothing.

Two walls: everything that a run wrote is escaped where it is put out (``finalize`` reaches every
expression of the template), and a Content-Security-Policy forbids scripts and any request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import dreamgym
from dreamgym.core.errors import ConfigError
from dreamgym.reports import comparison, figures, run_tables
from dreamgym.reports.charts import STYLES, Chart
from dreamgym.reports.run_files import Run, named_apart, read_run
from dreamgym.reports.selection import BUDGET, Chapter, chapters
from dreamgym.reports.tables import Table, numbers_of
from dreamgym.reports.visible import shown
from dreamgym.utils.progress import Advance

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, kw_only=True)
class RunPart:
    """What a report says of one run alone."""

    name: str
    path: str
    flags: Sequence[int]
    audited: bool
    by_action: Sequence[Table]
    tasks: Sequence[Table]
    chapters: Sequence[Chapter]
    left_out: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page: charts and tables of all runs together."""

    title: str
    charts: Sequence[Chart]
    tables: Sequence[Table | None]


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """The runs in ``paths``, each once, with names that tell them apart.

    Raises:
        DataError: a path is no run.
        ConfigError: there are more than a picture can tell apart.
    """
    once = list({path.resolve(): path for path in paths}.values())
    if len(once) > STYLES:
        raise ConfigError(f"{len(once)} runs are more than a picture can tell apart: give at most {STYLES}")
    return named_apart([read_run(path) for path in once])


def render(runs: Sequence[Run], *, advance: Advance = lambda: None) -> str:
    """The whole page; ``advance`` hears of every run that is done, and of the charts."""
    parts = []
    for run in runs:
        parts.append(_run_part(run, BUDGET // len(runs)))
        advance()
    sections = _sections(runs)
    advance()
    template = _templates().get_template("report.html")
    return template.render(
        policy=POLICY,
        title=runs[0].name if len(runs) == 1 else f"{len(runs)} runs",
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=dreamgym.__version__,
        problems=_problems(runs),
        glance=comparison.at_a_glance(runs),
        settings=comparison.settings(runs),
        sections=sections,
        numbers_of=numbers_of,
        runs=parts,
    )


def _sections(runs: Sequence[Run]) -> dict[str, Section]:
    """By the anchor of each."""
    return {
        "success": Section(
            title="Success", charts=figures.success_charts(runs), tables=[comparison.success_by_type(runs)]
        ),
        "trust": Section(
            title="Trust in the dream", charts=figures.trust_charts(runs), tables=comparison.fidelity(runs)
        ),
        "curriculum": Section(
            title="Curriculum", charts=figures.curriculum_charts(runs), tables=[comparison.task_pool(runs)]
        ),
        "replay": Section(
            title="Replay buffer", charts=figures.replay_charts(runs), tables=[comparison.replay_buffer(runs)]
        ),
        "cost": Section(title="Cost", charts=figures.cost_charts(runs), tables=[comparison.cost(runs)]),
    }


def _run_part(run: Run, budget: int) -> RunPart:
    told, left_out = chapters(run, budget)
    return RunPart(
        name=run.name,
        path=str(run.path),
        flags=figures.flagged(run),
        audited=bool(run.curve("audit/episodes")),
        by_action=run_tables.by_action(run),
        tasks=run_tables.tasks(run),
        chapters=told,
        left_out=left_out,
    )


def _problems(runs: Sequence[Run]) -> dict[str, list[str]]:
    """What is missing or cannot be read, each with the names of the runs that it is said of."""
    said: dict[str, list[str]] = {}
    for run in runs:
        for problem in [*run.problems.found, *_missing(run)]:
            said.setdefault(problem, []).append(run.name)
    return said


def _missing(run: Run) -> list[str]:
    """What this run's folder does not hold, in sentences."""
    sentences = []
    if not run.metrics:
        sentences.append("no metrics.jsonl, or nothing in it yet: no curves")
    if not run.fidelity.rows:
        sentences.append("no fidelity.json: the dream was not measured before training")
    if run.metrics and not run.curve("eval/real/success"):
        sentences.append("no evaluation in the real environment yet: real success is not known")
    if run.iterations and not run.groups:
        sentences.append(
            "no episodes/tasks_*.jsonl (an earlier version's run?): what tasks became is not known"
        )
    if not run.moments:
        sentences.append("no episodes/*.jsonl (an earlier version's run?): read its episodes/*.txt instead")
    return sentences


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("dreamgym.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_put_out,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _put_out(value: object) -> object:
    """Every text of the page but our own markup goes through ``shown``."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else shown(value)
