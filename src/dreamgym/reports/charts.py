"""Charts as inline SVG, drawn by matplotlib, coloured by the page: light and dark are the same picture.

Only our own words and numbers go in; what runs wrote (names, task types) stands in the page around them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

STYLES = 16  # series that can be told apart: eight colours, solid and dashed
MARKERS = "os^DvPX*"
GLYPHS = "●■▲◆▼✚✖★"
MOST_MARKERS = 20  # of a curve
MOST_POINTS = 400  # of a curve; a picture has no more columns
WIDTH, HEIGHT = 6.4, 3.7  # inches of 72 CSS pixels: on a phone the text is still 9 pixels high
# Colours that stand for the page's variables; the page decides what they look like.
_INK, _FAINT = "#0b0b01", "#0b0b02"
_VARIABLES = {_INK: "var(--ink)", _FAINT: "var(--faint)"}
_VARIABLES |= {f"#0a0a{number + 16:02x}": f"var(--c{number})" for number in range(8)}
_RC: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dreamgym",
    "font.size": 12.5,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _FAINT,
    "grid.alpha": 0.5,
    "grid.linewidth": 0.6,
    "text.parse_math": False,
}


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value at an iteration, with its 95 % interval where it has one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Series:
    """One curve; ``style`` picks colour and marker. ``band``: its intervals are one area, no bars."""

    label: str
    points: Sequence[Point]
    style: int
    band: bool = False
    markers: bool = True

    @property
    def glyph(self) -> str:
        """The sign of its marker, for the legend; a bar where it has none."""
        return GLYPHS[self.style % 8] if self.markers else "▬"

    @property
    def dashed(self) -> bool:
        """Whether its line is dashed: the ninth series and those after it."""
        return self.style >= 8


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture with what stands around it: heading, caption, legend, and the numbers as a table."""

    title: str
    caption: str
    series: Sequence[Series]
    unit: str
    svg: Markup


def line_chart(
    title: str, caption: str, series: Sequence[Series], *, unit: str = "%", flags: Sequence[int] = ()
) -> Chart:
    """Curves over iterations; ``unit`` "%" draws shares from 0 to 100 %, ``flags`` are marked iterations."""
    drawn = [replace(one, points=_thinned(one.points)) for one in series]
    with rc_context(_RC):
        figure, axes = _axes()
        for one, shift in zip(drawn, _shifts(drawn), strict=True):
            _draw(axes, one, shift)
        _finish(axes, series, unit)
        for flag in flags:
            axes.axvline(flag, color=_colour(1), linewidth=1.2, linestyle=":")
        return Chart(title=title, caption=caption, series=series, unit=unit, svg=_svg(figure, title))


def stacked_chart(title: str, caption: str, series: Sequence[Series], *, unit: str) -> Chart:
    """Parts of a whole over iterations, as bars on each other; all series have the same iterations."""
    drawn = [replace(one, points=_thinned(one.points)) for one in series]
    width = 0.9 * max(1.0, len(series[0].points) / MOST_POINTS)
    with rc_context(_RC):
        figure, axes = _axes()
        below = [0.0] * len(drawn[0].points)
        for one in drawn:
            heights = [point.y for point in one.points]
            where = [point.x for point in one.points]
            axes.bar(where, heights, bottom=below, width=width, color=_colour(one.style), linewidth=0)
            below = [low + height for low, height in zip(below, heights, strict=True)]
        _finish(axes, series, unit)
        return Chart(title=title, caption=caption, series=series, unit=unit, svg=_svg(figure, title))


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """At most ``MOST_POINTS`` of them, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return points
    return [points[round(i * (len(points) - 1) / (MOST_POINTS - 1))] for i in range(MOST_POINTS)]


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    return figure, axes


def _draw(axes: Axes, series: Series, shift: float) -> None:
    xs, ys = [point.x + shift for point in series.points], [point.y for point in series.points]
    colour = _colour(series.style)
    bounded = [
        (p.x + shift, p.low, p.high) for p in series.points if p.low is not None and p.high is not None
    ]
    if series.band and bounded:
        where, lows, highs = (list(column) for column in zip(*bounded, strict=True))
        axes.fill_between(where, lows, highs, color=colour, alpha=0.16, linewidth=0)
    elif not series.band:
        for x, low, high in bounded:
            axes.plot([x, x], [low, high], color=colour, linewidth=1.4, alpha=0.75)
    axes.plot(
        xs,
        ys,
        color=colour,
        linestyle="--" if series.dashed else "-",
        linewidth=1.9,
        marker=MARKERS[series.style % 8] if series.markers else "",
        markersize=5.5,
        markevery=max(1, len(xs) // MOST_MARKERS),
        markeredgewidth=0,
    )


def _shifts(series: Sequence[Series]) -> list[float]:
    """A little to the side for every series with bars, so that no bar hides another."""
    xs = [point.x for one in series for point in one.points]
    barred = [
        n for n, one in enumerate(series) if not one.band and any(p.low is not None for p in one.points)
    ]
    step = min(0.012, 0.04 / max(1, len(barred))) * (max(xs) - min(xs) or 1.0)
    return [
        step * (barred.index(n) - (len(barred) - 1) / 2) if n in barred else 0.0 for n in range(len(series))
    ]


def _finish(axes: Axes, series: Sequence[Series], unit: str) -> None:
    axes.set_xlabel("iteration")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    xs = [point.x for one in series for point in one.points]
    if len(set(xs)) == 1:
        axes.set_xlim(xs[0] - 1, xs[0] + 1)
    if unit == "%":
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0, symbol=" %"))
    else:
        ys = [0.0, *(point.y for one in series for point in one.points)]
        axes.set_ylim(min(ys), max(axes.get_ylim()[1], max(ys) * 1.05) or 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1000 else f"{value:g}")
        axes.set_ylabel(unit)


def _colour(style: int) -> str:
    return list(_VARIABLES)[2 + style % 8]


def _svg(figure: Figure, title: str) -> Markup:
    """The figure as an element to stand in a page: no prolog, ids of its own, the page's colours and font."""
    text = StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{name}-", svg)
    svg = re.sub(r"#0[ab]0[ab][0-9a-f]{2}", lambda match: _VARIABLES.get(match.group(), match.group()), svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # it would reach the whole page
    width, height = round(WIDTH * 72), round(HEIGHT * 72)
    opening = f'<svg class="chart" role="img" aria-labelledby="{name}-title" viewBox="0 0 {width} {height}">'
    svg = re.sub(r"<svg[^>]*>", f'{opening}<title id="{name}-title">{title}</title>', svg, count=1)
    return Markup(svg)


def pooled(counts: Sequence[tuple[int, float, float]], window: int) -> list[tuple[int, float, float]]:
    """(iteration, hits, trials) summed over each iteration and the ``window - 1`` counts before it."""
    sums = []
    for end in range(1, len(counts) + 1):
        part = counts[max(0, end - window) : end]
        sums.append((part[-1][0], sum(hits for _, hits, _ in part), sum(trials for _, _, trials in part)))
    return sums
