"""What the experience model reads, and what it was fitted on: models fitted alike and measured alike.

    python benchmarks/dream_models.py [--models MODEL ...] [--folder data/checkpoints/fitted]

Fits what is missing (each on two cores in 5 to 20 minutes, after the offline data), measures each with
`dreamgym fidelity`, and prints the table of docs/results.md as Markdown. Models, data and reports are kept,
so the same command may be repeated.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from dreamgym.utils.stats import Interval

COLLECT = {
    "mixed": (  # as the shipped model's, docs/embedded_models.md
        "--episodes 16000 --seed 0 --share expert=0.25 --share explorer=0.1 --share weak=0.15 "
        "--share tinkerer=0.3 --share random=0.03 --share policy=0.17 --mistake-rate 0.28"
    ),
    "no-invalid": "--episodes 12000 --seed 0 --share expert=0.5 --share explorer=0.5 --mistake-rate 0",
}
# name: its offline data, how it is fitted, how it is read
MODELS = {
    "quotes": ("mixed", "--epochs 0.5", ""),
    "sheet": ("mixed", "--epochs 0.5 --context sheet reasoning_model.top_k=0", "context=sheet top_k=0"),
    "sheet-no-reasoning": (
        "mixed",
        "--epochs 0.5 --context sheet --no-reasoning reasoning_model.top_k=0",
        "context=sheet reasoning=false top_k=0",
    ),
    "history": ("mixed", "--epochs 0.5 --context history reasoning_model.top_k=0", "context=history top_k=0"),
    "history-no-reasoning": (
        "mixed",
        "--epochs 0.5 --context history --no-reasoning reasoning_model.top_k=0",
        "context=history reasoning=false top_k=0",
    ),
    "no-invalid": ("no-invalid", "--epochs 1", ""),
    "undertrained": ("mixed", "--epochs 0.05", ""),
}


def main() -> None:
    """Fit and measure what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="MODEL")
    parser.add_argument("--folder", type=Path, default=Path("data/checkpoints/fitted"))
    parser.add_argument("--data", type=Path, default=Path("data/offline"))
    options = parser.parse_args()
    reports = {name: measured(name, options.folder, options.data) for name in options.models}
    print(table(reports))


def measured(name: str, folder: Path, data: Path) -> dict[str, Any]:
    """The report on a model; what is missing for it is made."""
    collected, fitted, read = MODELS[name]
    offline, model, report = data / collected, folder / name, folder / f"{name}.fidelity.json"
    if not (offline / "manifest.json").exists():
        dreamgym(f"collect {COLLECT[collected]} --output {offline}")
    if not model.exists():
        dreamgym(f"fit experience --data {offline} {fitted} --output {model}")
    if not report.exists():
        settings = " ".join(f"reasoning_model.{setting}" for setting in [f"name={model}", *read.split()])
        dreamgym(f"fidelity --output {report} training.fidelity.gate=false {settings}")
    result: dict[str, Any] = json.loads(report.read_text())
    return result


def dreamgym(arguments: str) -> None:
    """One command; its output goes to standard error, so that the table can be redirected."""
    print(f"dreamgym {arguments}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "dreamgym.cli.main", *arguments.split()]
    subprocess.run(command, check=True, stdout=sys.stderr)


def table(reports: dict[str, dict[str, Any]]) -> str:
    """One line per model, shares in percent with their intervals."""
    names = (
        "determined next states",
        "first looks",
        "invalid recognised",
        "the policy's",
        "false wins in 1,000 turns",
        "missed",
        "whole episodes",
        "malformed",
        "success, dreamed and replayed",
    )
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells(r))} |" for name, r in reports.items())])


def cells(report: dict[str, Any]) -> list[str]:
    """A model's line."""
    forced, replayed = report["teacher_forced"], report["replayed"]
    return [
        share(report["determined"]),
        share(report["first_looks"]),
        share(forced["invalid_recognised"]),
        share(replayed["invalid_recognised"]),
        per_thousand(replayed["false_wins"]),
        per_thousand(replayed["missed_wins"]),
        share(report["whole_episodes"]),
        f"{report['failed']}",
        f"{share(report['dreamed_success'])} / {share(report['real_success'])}",
    ]


def per_thousand(interval: dict[str, Any]) -> str:
    """``0.2``."""
    return "–" if interval["estimate"] is None else f"{1000 * interval['estimate']:.1f}"


def share(interval: dict[str, Any]) -> str:
    """``98.2 % (97.0 to 98.9)``."""
    return "–" if interval["estimate"] is None else Interval(**interval).percent()


if __name__ == "__main__":
    main()
