"""Tables as text, and how their cells are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dreamgym.reports.charts import Chart
from dreamgym.reports.run_files import Run
from dreamgym.utils.stats import Interval

NOTHING = "–"
MOST_NUMBERS = 60

Cells = Mapping[str, str]  # a run's cells by the names of their rows


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells of text; the first column heads its row. ``note`` stands below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numeric: bool = True


def side_by_side(
    title: str, runs: Sequence[Run], cells: Callable[[Run], Cells], *, note: str = "", numeric: bool = True
) -> Table | None:
    """One column per run, the rows of all; None where there are none."""
    columns = [cells(run) for run in runs]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [(name, *(column.get(name, NOTHING) for column in columns)) for name in names]
    rows = [row for row in rows if any(cell != NOTHING for cell in row[1:])]
    head = ("", *(run.name for run in runs))
    return Table(title=title, head=head, rows=tuple(rows), note=note, numeric=numeric) if rows else None


def numbers_of(chart: Chart) -> Table:
    """The values that a chart draws, for those who cannot see it or want them exactly."""
    written = percent if chart.unit == "%" else number
    xs = sorted({point.x for series in chart.series for point in series.points})
    most = min(len(xs), MOST_NUMBERS)
    kept = [xs[round(i * (len(xs) - 1) / max(1, most - 1))] for i in range(most)]
    curves = [{point.x: point.y for point in series.points} for series in chart.series]
    rows = [(f"{x:g}", *(written(curve.get(x)) for curve in curves)) for x in kept]
    note = f"{len(xs) - len(kept):,} iterations are not listed." if len(kept) < len(xs) else ""
    head = ("iteration", *(series.label for series in chart.series))
    return Table(title=chart.title, head=head, rows=tuple(rows), note=note)


def percent(value: float | None) -> str:
    """A share as people read it."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def share(interval: Interval | None) -> str:
    """A share with its interval."""
    return NOTHING if interval is None else interval.percent()


def number(value: float | None) -> str:
    """A number with as many digits as matter."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Hours, minutes, seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
