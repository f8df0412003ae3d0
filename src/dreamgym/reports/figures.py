"""Which curves a report shows: of one run its parts together, of several runs one picture per measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from dreamgym.core.data_structures import TaskOrigin
from dreamgym.reports.charts import Chart, Point, Series, line_chart, pooled, stacked_chart
from dreamgym.reports.run_files import Run
from dreamgym.utils.stats import wilson

WINDOW = 5  # iterations whose audits are taken together; one alone audits too few episodes to tell
MOST_AREAS = 4  # in one picture
STAGES = ("collect", "audit", "learn", "evaluate", "gate")
_REAL = "Real success"
_DREAMED = "Dreamed success, evaluated"
_TRAINING = "Dreamed success, while it learns"
_AUDITED = "Audited success"

Curve = Callable[[Run], Sequence[Point]]


def success_charts(runs: Sequence[Run]) -> list[Chart]:
    """Real, dreamed and audited success."""
    kinds: list[tuple[str, str, Curve, bool]] = [
        (_REAL, _REAL_CAPTION, lambda run: _evaluated(run, "real"), False),
        (_DREAMED, _DREAMED_CAPTION, lambda run: _evaluated(run, "dreamed"), False),
        (_TRAINING, _TRAINING_CAPTION, lambda run: _plain(run.curve("rollout/dreamed_success")), False),
        (_AUDITED, _AUDITED_CAPTION, _audited, True),
    ]
    if len(runs) > 1:
        charts = [_of_runs(title, caption, runs, curve, band=band) for title, caption, curve, band in kinds]
        return [chart for chart in charts if chart]
    series = [
        Series(label=title, points=points, style=style, band=band, markers=title != _TRAINING)
        for style, (title, _, curve, band) in enumerate(kinds)
        if (points := curve(runs[0]))
    ]
    if not series:
        return []
    caption = f"{_REAL_CAPTION} {_AUDITED_CAPTION}"
    flags = flagged(runs[0])
    if flags:
        caption += " Dotted lines: iterations in which the dream was flagged as exploited."
    return [line_chart("Success", caption, series, flags=flags)]


_REAL_CAPTION = "Evaluations play pinned games in the real environment; bars are Wilson's 95 % intervals."
_DREAMED_CAPTION = "The same games dreamed, from their true start; bars are Wilson's 95 % intervals."
_TRAINING_CAPTION = "The share of an iteration's dreamed episodes that ended with a reward."
_AUDITED_CAPTION = (
    f"Audited: dreamed episodes as a replay or a second opinion saw them, {WINDOW} iterations taken "
    "together, with Wilson's 95 % interval as the area. Training also plays tasks that the curriculum "
    "made, and its episodes may end sooner (environment.dream_max_turns)."
)


def trust_charts(runs: Sequence[Run]) -> list[Chart]:
    """What audits deny, and how far the policy has gone from the data."""
    charts = [
        _of_runs(
            "Wins denied by audits",
            f"Of the episodes audited in the last {WINDOW} iterations, the share won in the dream alone: "
            "dreamed minus audited success. Growing: the dream is being exploited.",
            runs,
            _denied,
            band=True,
        ),
        _of_runs(
            "Distance from the data",
            "1 − cosine from the audited turns to the nearest logged one, on average. Growing: the dream "
            "guesses.",
            runs,
            lambda run: _plain(run.curve("audit/drift")),
            unit="distance",
        ),
    ]
    return [chart for chart in charts if chart]


def curriculum_charts(runs: Sequence[Run]) -> list[Chart]:
    """How much the tasks teach, and success on the user's and on made-up tasks."""
    charts = [
        _of_runs(
            "Reward variance of the tasks",
            "Mean of V (Eq. 7) over an iteration's tasks: 0.25 is the most that outcomes of 0 and 1 can "
            "teach, near 0 everything is always or never solved.",
            runs,
            lambda run: _plain(run.curve("curriculum/reward_variance")),
            unit="variance",
        )
    ]
    if len(runs) == 1:
        series = [
            Series(label=f"{origin.value} tasks", points=points, style=style)
            for style, origin in enumerate(TaskOrigin)
            if (points := _by_origin(runs[0], origin))
        ]
        caption = "Mean return of the groups of an iteration, by where their task came from."
        charts.append(line_chart("Return by origin of the task", caption, series) if series else None)
    else:
        caption = "Mean return of the groups whose task the curriculum made."
        made = _of_runs(
            "Return on synthetic tasks", caption, runs, lambda r: _by_origin(r, TaskOrigin.SYNTHETIC)
        )
        charts.append(made)
    return [chart for chart in charts if chart]


def replay_charts(runs: Sequence[Run]) -> list[Chart]:
    """What the replay buffer is made of."""
    if len(runs) == 1:
        parts = {"real": "replay/real", "dreamed": "replay/dreamed"}
        caption = "Experiences held after each iteration, by who made them."
        return _stacked("Replay buffer", caption, runs[0], parts, unit="experiences")
    caption = "Share of the experiences held that were dreamed."
    chart = _of_runs("Dreamed share of the replay buffer", caption, runs, _dreamed_share)
    return [chart] if chart else []


def cost_charts(runs: Sequence[Run]) -> list[Chart]:
    """Turns and time."""
    if len(runs) == 1:
        stages = {stage: f"time/{stage}" for stage in STAGES}
        caption = "Wall-clock seconds of each iteration; what stands at 0 came before the first."
        charts = _stacked("Time by stage", caption, runs[0], stages, unit="seconds")
        series = [
            Series(label=f"{kind} turns", points=points, style=style)
            for style, kind in enumerate(("real", "dreamed"))
            if (points := _plain(runs[0].curve(f"total/{kind}_turns")))
        ]
        caption = "Turns used to learn since the run began; turns of evaluations are not among them."
        return charts + ([line_chart("Turns", caption, series, unit="turns")] if series else [])
    measures: list[tuple[str, str, Curve, str]] = [
        ("Dreamed turns", "Since the run began.", lambda r: _plain(r.curve("total/dreamed_turns")), "turns"),
        (
            "Real turns",
            "Used to learn, audits included.",
            lambda r: _plain(r.curve("total/real_turns")),
            "turns",
        ),
        ("Time", "Seconds since the run began, all stages.", _time, "seconds"),
    ]
    drawn = [_of_runs(title, caption, runs, curve, unit=unit) for title, caption, curve, unit in measures]
    return [chart for chart in drawn if chart]


def flagged(run: Run) -> list[int]:
    """The iterations in which the dream was flagged as exploited."""
    return [iteration for iteration, flag in run.curve("audit/exploited").items() if flag > 0]


def _of_runs(
    title: str, caption: str, runs: Sequence[Run], curve: Curve, *, band: bool = False, unit: str = "%"
) -> Chart | None:
    """One curve per run that has any; a run keeps its colour in every picture."""
    series = [
        Series(label=run.name, points=points, style=style, band=band)
        for style, run in enumerate(runs)
        if (points := curve(run))
    ]
    if band and len(series) > MOST_AREAS:
        series = [replace(one, points=[Point(x=p.x, y=p.y) for p in one.points]) for one in series]
        caption += f" The areas of more than {MOST_AREAS} runs would hide each other and are left out."
    return line_chart(title, caption, series, unit=unit) if series else None


def _stacked(title: str, caption: str, run: Run, parts: Mapping[str, str], *, unit: str) -> list[Chart]:
    """Metrics on each other, from the bottom up in the order of ``parts``."""
    curves = {name: run.curve(metric) for name, metric in parts.items()}
    iterations = sorted({iteration for curve in curves.values() for iteration in curve})
    series = [
        Series(
            label=name, style=style, markers=False, points=_plain({i: curve.get(i, 0.0) for i in iterations})
        )
        for style, (name, curve) in enumerate(curves.items())
        if curve
    ]
    caption += " From the bottom up in the order below the picture."
    return [stacked_chart(title, caption, series, unit=unit)] if series else []


def _plain(curve: Mapping[int, float]) -> list[Point]:
    return [Point(x=iteration, y=value) for iteration, value in sorted(curve.items())]


def _evaluated(run: Run, world: str) -> list[Point]:
    low, high = (run.curve(f"eval/{world}/success_{end}") for end in ("low", "high"))
    curve = run.curve(f"eval/{world}/success")
    return [Point(x=i, y=value, low=low.get(i), high=high.get(i)) for i, value in curve.items()]


def audited_curve(run: Run) -> dict[int, float]:
    """Success of the audited episodes as the audit saw it, whichever kind of audit it was."""
    return {**run.curve("audit/confirmed_success"), **run.curve("audit/real_success")}


def _audited(run: Run) -> list[Point]:
    return _shares(run, audited_curve(run))


def _denied(run: Run) -> list[Point]:
    """The gap in episodes; where a replay finds wins that the dream missed, they are set off, not below 0."""
    return _shares(run, {i: max(gap, 0.0) for i, gap in run.curve("audit/gap").items()})


def _shares(run: Run, curve: Mapping[int, float]) -> list[Point]:
    """Shares of audited episodes, pooled over ``WINDOW`` iterations, with their intervals."""
    episodes = run.curve("audit/episodes")
    counts = [
        (i, curve[i] * episodes[i], episodes[i])
        for i in sorted(curve.keys() & episodes.keys())
        if episodes[i] >= 1
    ]
    points = []
    for iteration, hits, trials in pooled(counts, WINDOW):
        share = wilson(max(0, min(round(hits), round(trials))), round(trials))
        points.append(Point(x=iteration, y=share.estimate, low=share.low, high=share.high))
    return points


def _by_origin(run: Run, origin: TaskOrigin) -> list[Point]:
    means: dict[int, float] = {}
    for iteration, groups in run.groups.items():
        returns = [value for group in groups if group.task_origin is origin for value in group.returns]
        if returns:
            means[iteration] = sum(returns) / len(returns)
    return _plain(means)


def _dreamed_share(run: Run) -> list[Point]:
    size, dreamed = run.curve("replay/size"), run.curve("replay/dreamed")
    return _plain({i: dreamed.get(i, 0.0) / size[i] for i in size if size[i] > 0})


def _time(run: Run) -> list[Point]:
    return _plain(_running(((i, row) for i, row in sorted(run.metrics.items()))))


def _running(rows: Iterable[tuple[int, Mapping[str, float]]]) -> dict[int, float]:
    total, sums = 0.0, {}
    for iteration, row in rows:
        total += sum(value for name, value in row.items() if name.startswith("time/"))
        sums[iteration] = total
    return sums
