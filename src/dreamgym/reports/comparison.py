"""What is compared of runs, one column each: how they ended, how good their dream was, what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dreamgym.reports.figures import STAGES, WINDOW, audited_curve, flagged
from dreamgym.reports.run_files import Run, planned_iterations
from dreamgym.reports.tables import (
    NOTHING,
    Cells,
    Table,
    duration,
    number,
    percent,
    share,
    side_by_side,
)
from dreamgym.utils.stats import Interval, wilson

_BY_TYPE = "eval/real/success/"
_MODELS, _MONEY = "llm/", "cost_usd"
_REPLAY = {
    "size": "experiences held",
    "real": "of them real",
    "dreamed": "of them dreamed",
    "added": "taken in since the run began",
    "replaced": "dreamed ones that gave way to a real twin",
    "evicted": "pushed out by the capacity",
}
_CURRICULUM = {
    "pool": "synthetic tasks in play",
    "generated": "synthetic tasks made",
    "retired": "left: never solved",
    "mastered": "left: always solved",
    "outdated": "left: pushed out by newer ones",
    "synthetic_share": "synthetic share of the tasks last drawn",
    "reward_variance": "reward variance of the last tasks",
}


def at_a_glance(runs: Sequence[Run]) -> Table | None:
    """The runs in a dozen lines."""
    return side_by_side("At a glance", runs, lambda run: {name: cell(run) for name, cell in _GLANCE.items()})


def settings(runs: Sequence[Run]) -> Table | None:
    """Settings in which several runs differ; all of them of one run."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    if len(runs) > 1:
        names = dict.fromkeys(n for n in names if len({run.settings.get(n) for run in runs}) > 1)
    title = "Settings in which they differ" if len(runs) > 1 else "Settings"
    cells = {run.name: {name: run.settings.get(name, NOTHING) for name in names} for run in runs}
    return side_by_side(title, runs, lambda run: cells[run.name], numeric=False)


def success_by_type(runs: Sequence[Run]) -> Table | None:
    """Real success by task type, in the first and in the last evaluation."""
    return side_by_side("Real success by task type, before → after", runs, _by_type)


def fidelity(runs: Sequence[Run]) -> list[Table]:
    """The fidelity gate's measures: on the policy's own turns, and on logged ones."""
    sources: dict[str, Callable[[Run], Cells]] = {
        "Before training, on the policy's own turns, replayed": lambda run: {
            **{row.name: share(row.replayed) for row in run.fidelity.rows},
            "malformed episodes": NOTHING if run.fidelity.failed is None else f"{run.fidelity.failed:,}",
        },
        "Before training, on held-out real turns": lambda run: {
            row.name: share(row.forced) for row in run.fidelity.rows
        },
    }
    tables = [side_by_side(title, runs, cells) for title, cells in sources.items()]
    return [table for table in tables if table]


def replay_buffer(runs: Sequence[Run]) -> Table | None:
    """What it holds, took in and refused."""
    return side_by_side("At the end", runs, lambda run: _logged(run, "replay/", _REPLAY))


def task_pool(runs: Sequence[Run]) -> Table | None:
    """Synthetic tasks made, dropped and refused."""
    return side_by_side("Task pool at the end", runs, lambda run: _logged(run, "curriculum/", _CURRICULUM))


def cost(runs: Sequence[Run]) -> Table | None:
    """Turns, tokens, time by stage, and what each component used of language models that count it."""
    has_money = any(numbers.get(_MONEY) for run in runs for numbers in _used(run).values())
    note = "" if has_money else "No money was logged: the models cost none, or it was not measured."
    return side_by_side("In all", runs, _cost, note=note)


def status(run: Run) -> str:
    """How far the run is."""
    planned = planned_iterations(run)
    of = f" of {planned:,}" if planned else ""
    if run.finished:
        return f"finished, {run.iterations:,}{of} iterations"
    if not run.metrics:
        return "nothing logged yet"
    return f"not finished: {run.iterations:,}{of} iterations so far"


def _by_type(run: Run) -> Cells:
    names = sorted({name for row in run.metrics.values() for name in row if name.startswith(_BY_TYPE)})
    curves = {name.removeprefix(_BY_TYPE): list(run.curve(name).values()) for name in names}
    return {kind: " → ".join(map(percent, dict.fromkeys((c[0], c[-1])))) for kind, c in curves.items()}


def _logged(run: Run, prefix: str, names: Mapping[str, str]) -> Cells:
    """The latest values of the metrics below ``prefix``, in words where ``names`` has them, those first."""
    found = {
        name.removeprefix(prefix) for row in run.metrics.values() for name in row if name.startswith(prefix)
    }
    ordered = [*(name for name in names if name in found), *sorted(found - names.keys())]
    return {
        names.get(name, name.replace("_", " ").replace("/", ": ")): number(run.last(prefix + name))
        for name in ordered
    }


def _cost(run: Run) -> Cells:
    cells = {name: number(run.last(f"total/{metric}")) for name, metric in _TOTALS.items()}
    cells["time in all"] = _time(run)
    for stage in STAGES:
        seconds = sum(run.curve(f"time/{stage}").values())
        cells[f"time: {stage}"] = duration(seconds) if seconds else NOTHING
    used = _used(run)
    cells |= {
        f"models: {component.replace('_', ' ')}": _usage(numbers) for component, numbers in used.items()
    }
    return cells | {"money in all": _money(run)}


def _used(run: Run) -> dict[str, dict[str, float]]:
    """Component → number → its sum over the run: calls, tokens, money."""
    sums: dict[str, dict[str, float]] = {}
    for row in run.metrics.values():
        for metric, value in row.items():
            component, _, number_of = metric.removeprefix(_MODELS).rpartition("/")
            if metric.startswith(_MODELS) and component:
                numbers = sums.setdefault(component, {})
                numbers[number_of] = numbers.get(number_of, 0.0) + value
    return sums


def _money(run: Run) -> str:
    money = sum(numbers.get(_MONEY, 0.0) for numbers in _used(run).values())
    return f"${money:,.2f}" if money else NOTHING


def _usage(numbers: Mapping[str, float]) -> str:
    tokens = numbers.get("prompt_tokens", 0.0) + numbers.get("completion_tokens", 0.0)
    money = numbers.get(_MONEY, 0.0)
    pieces = [f"{numbers.get('calls', 0.0):,.0f} calls", f"{tokens:,.0f} tokens"]
    return ", ".join([*pieces, *([f"${money:,.2f}"] if money else [])])


def _evaluation(world: str, *, last: bool) -> Callable[[Run], str]:
    def cell(run: Run) -> str:
        curve = run.curve(f"eval/{world}/success")
        if not curve or (last and len(curve) < 2):
            return NOTHING
        iteration = max(curve) if last else min(curve)
        low, high = (run.curve(f"eval/{world}/success_{end}").get(iteration) for end in ("low", "high"))
        value = curve[iteration]
        return percent(value) if low is None or high is None else share(Interval(value, low, high))

    return cell


def _replayed(name: str) -> Callable[[Run], str]:
    return lambda run: share(run.fidelity.replayed(name))


def _total(name: str) -> Callable[[Run], str]:
    return lambda run: number(run.last(f"total/{name}"))


def _audited(run: Run) -> str:
    """Of the last audits, taken together."""
    curve, episodes = audited_curve(run), run.curve("audit/episodes")
    last = sorted(curve.keys() & episodes.keys())[-WINDOW:]
    trials = round(sum(episodes[i] for i in last))
    hits = round(sum(curve[i] * episodes[i] for i in last))
    return share(wilson(max(0, min(hits, trials)), trials)) if trials > 0 else NOTHING


def _flags(run: Run) -> str:
    if not run.curve("audit/episodes"):
        return NOTHING
    flags = flagged(run)
    if not flags:
        return "never"
    return f"in {len(flags)} iteration{'s' * (len(flags) > 1)}, first in {flags[0]}"


def _time(run: Run) -> str:
    rows = run.metrics.values()
    seconds = sum(value for row in rows for name, value in row.items() if name.startswith("time/"))
    return duration(seconds) if seconds else NOTHING


_GLANCE: dict[str, Callable[[Run], str]] = {
    "status": status,
    "real success before": _evaluation("real", last=False),
    "real success after": _evaluation("real", last=True),
    "dreamed success before": _evaluation("dreamed", last=False),
    "dreamed success after": _evaluation("dreamed", last=True),
    f"audited success, last {WINDOW} audits": _audited,
    "dream flagged as exploited": _flags,
    "gate: invalid actions recognised": _replayed("invalid actions recognised"),
    "gate: false wins, of all turns": _replayed("false wins, of all turns"),
    "gate: whole episodes right": _replayed("whole episodes right"),
    "real turns used to learn": _total("real_turns"),
    "dreamed turns": _total("dreamed_turns"),
    "tokens through the dream": _total("dream_tokens"),
    "time": _time,
    "money": _money,
}
_TOTALS = {
    "episodes": "episodes",
    "real turns, rollouts and audits": "real_turns",
    "real turns, audits alone": "audit_turns",
    "dreamed turns": "dreamed_turns",
    "tokens that the agent sampled": "agent_tokens",
    "tokens that the agent read": "read_tokens",
    "tokens through the dream": "dream_tokens",
}
