"""What a finished run says: before and after, real and dreamed, and where everything lies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from dreamgym.core.errors import DataError
from dreamgym.training.llm_metrics import summed_usages, usage_text
from dreamgym.training.manifest import read_manifest
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.settings import ALFWORLD, TRACES
from dreamgym.utils.metrics import read_metrics

Row = tuple[str, str, str]
UNMEASURED = (
    "Real success was not measured: these traces have no environment that could be played in. The dreamed "
    "success is what the dream believes."
)


def summarise(folder: RunFolder, checkpoint: Path) -> dict[str, Any]:
    """The numbers of the closing table, from the run's own files."""
    lines = read_metrics(folder.metrics)
    last = read_manifest(checkpoint).iteration
    totals = {name: int(value) for line in lines for name, value in line.items() if name.startswith("total/")}
    evaluations = {
        name: {"before": _evaluation(folder, name, 0), "after": _evaluation(folder, name, last)}
        for name in ("real", "dreamed")
    }
    manifest = read_manifest(checkpoint)
    if manifest.config["environment"]["name"] == TRACES:
        del evaluations["real"]
    return {
        "checkpoint": str(checkpoint),
        "environment": manifest.config["environment"]["name"],
        "iterations": last,
        "evaluations": evaluations,
        "gap": {"before": _gap(folder, 0), "after": _gap(folder, last)},
        "fidelity": _read(folder.path / "fidelity.json"),
        # Of all iterations, also of those after the best one, where the run went back to it.
        "iterations_flagged": sum(line.get("audit/exploited", 0) > 0 for line in lines),
        "real_turns_in_training": totals.get("total/real_turns", 0),
        "dreamed_turns": totals.get("total/dreamed_turns", 0),
        "agent_tokens": totals.get("total/agent_tokens", 0),
        "read_tokens": totals.get("total/read_tokens", 0),
        "dream_tokens": totals.get("total/dream_tokens", 0),
        "language_models": summed_usages(lines),
        "seconds": sum(value for line in lines for name, value in line.items() if name.startswith("time/")),
    }


def rows(summary: dict[str, Any]) -> list[Row]:
    """The table, as text."""
    table = [*_successes(summary)]
    table += [(name, value, "") for name, value in _fidelity(summary["fidelity"])]
    minutes, seconds = divmod(round(summary["seconds"]), 60)
    flagged, asked = summary["iterations_flagged"], summary["language_models"]
    return [
        *table,
        ("dream flagged as exploited", "", f"in {flagged} iterations" if flagged else "never"),
        ("real turns used to train", "", f"{summary['real_turns_in_training']:,}"),
        ("dreamed turns", "", f"{summary['dreamed_turns']:,}"),
        ("agent's tokens", "", f"{summary['agent_tokens'] + summary['read_tokens']:,}"),
        ("dream's tokens", "", f"{summary['dream_tokens']:,}"),
        *((f"asked: {_words(name)}", "", usage_text(used)) for name, used in asked.items()),
        ("time", "", f"{minutes} min {seconds} s"),
    ]


def _successes(summary: dict[str, Any]) -> Iterable[Row]:
    """Before and after, real where there is a real environment."""
    dreamed, real = summary["evaluations"]["dreamed"], summary["evaluations"].get("real")
    if real is None:
        yield "real success", "not measured", "not measured"
    else:
        played = (real["after"] or real["before"] or {}).get("episodes", 0)
        yield f"real success, {played} games", _share(real["before"]), _share(real["after"])
    yield "dreamed success", _share(dreamed["before"]), _share(dreamed["after"])
    if real is not None:
        gap = summary["gap"]
        yield "gap, on the same tasks", _points(gap["before"]), _points(gap["after"])


def print_summary(summary: dict[str, Any], folder: RunFolder, log_dir: Path, console: Console) -> None:
    """The table, then where things lie and what to type next."""
    table = Table(title=f"{summary['iterations']} iterations", title_justify="left")
    for name in ("", "before", "after"):
        table.add_column(name)
    for row in rows(summary):
        table.add_row(*row)
    console.print(table)
    checkpoint, name = summary["checkpoint"], summary["environment"]
    traces, dreamed = name == TRACES, summary["evaluations"]["dreamed"]["before"] is not None
    # Of ALFWorld alone a dream is shipped: elsewhere it is the run's own.
    which = f"--config {folder.path / 'config.yaml'}" if dreamed and name != ALFWORLD else f"--env {name}"
    if traces:
        console.print(UNMEASURED, markup=False, highlight=False)
    for what, place in {
        "checkpoint": checkpoint,
        "metrics": folder.metrics,
        "episodes": folder.episodes,
        "curves": f"tensorboard --logdir {log_dir}",
        "evaluate": f"dreamgym evaluate --checkpoint {checkpoint} --num-episodes 20{' --dream' * traces}",
        **({} if traces else {"play": f"dreamgym play {which}{' --dream' * dreamed}"}),
        "report": f"dreamgym report {folder.path}",
    }.items():
        console.print(f"{what:<11}{place}", markup=False, highlight=False, soft_wrap=True)


def _evaluation(folder: RunFolder, name: str, iteration: int) -> dict[str, Any] | None:
    """Its summary, without the list of episodes."""
    results = _read(folder.evaluations / f"{name}_{iteration:04d}.json")
    return None if results is None else {key: value for key, value in results.items() if key != "tasks"}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}): remove it and continue with --resume") from None
    return value if isinstance(value, dict) else None


def _gap(folder: RunFolder, iteration: int) -> float | None:
    """Dreamed minus real success on the tasks that were played in both worlds to an end."""
    dreamed, real = (
        _wins(_read(folder.evaluations / f"{name}_{iteration:04d}.json")) for name in ("dreamed", "real")
    )
    both = sorted(dreamed.keys() & real.keys())
    return fmean(dreamed[task] - real[task] for task in both) if both else None


def _wins(results: dict[str, Any] | None) -> dict[str, bool]:
    """Whether each task was solved; those whose episode failed, in a malformed dream or so, say nothing."""
    if results is None:
        return {}
    failures = {reason.replace("_", " ") for reason in results["failed"]}
    return {t["task"]: t["outcome"] == "won" for t in results["tasks"] if t["outcome"] not in failures}


def _words(name: str) -> str:
    return name.replace("_", " ")


def _share(evaluation: dict[str, Any] | None) -> str:
    if evaluation is None or evaluation["success"] is None:
        return "–"
    low, high = evaluation["interval_95"]
    return f"{100 * evaluation['success']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _points(gap: float | None) -> str:
    return "–" if gap is None else f"{100 * gap:+.1f} points"


def _fidelity(report: dict[str, Any] | None) -> Iterable[tuple[str, str]]:
    """The three numbers that the gate looks at."""
    if report is None:
        return
    if "replayed" not in report:
        forced = report["teacher_forced"]
        yield "dream: held-out turns right", _rate(forced["next_state_exact"]["estimate"], 100, " %")
        yield "dream: invalid recognised", _rate(forced["invalid_recognised"]["estimate"], 100, " %")
        yield "dream: false wins per 1,000", _rate(forced["false_wins"]["estimate"], 1000, "")
        return
    replayed = report["replayed"]
    measured = [
        ("invalid recognised", replayed["invalid_recognised"]["estimate"], 100, " %"),
        ("false wins per 1,000", replayed["false_wins"]["estimate"], 1000, ""),
        ("whole episodes right", report["whole_episodes"]["estimate"], 100, " %"),
    ]
    for name, share, scale, unit in measured:
        yield f"dream: {name}", _rate(share, scale, unit)


def _rate(share: float | None, scale: int, unit: str) -> str:
    return "–" if share is None else f"{scale * share:.1f}{unit}"
