"""What each component of a run has used of language models: in the metrics log, and summed up at the end.

A line of the log holds what was used since the line before, so that the sum over a run's lines is what the
run has used, however often it was resumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dreamgym.models.llm_types import USAGE_FIELDS, Usage
from dreamgym.utils.metrics import read_metrics

PREFIX = "llm/"


def usage_metrics(before: Mapping[str, Usage], now: Mapping[str, Usage]) -> dict[str, float]:
    """``llm/<component>/<number>`` of what was used between two moments; nothing of who was not asked."""
    metrics: dict[str, float] = {}
    for component, total in now.items():
        used = total - before.get(component, Usage())
        if used != Usage():
            metrics |= {f"{PREFIX}{component}/{name}": float(getattr(used, name)) for name in USAGE_FIELDS}
    return metrics


def summed_usages(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Component → number → its sum over the lines of a metrics log."""
    sums: dict[str, dict[str, float]] = {}
    for line in lines:
        for metric, value in line.items():
            if metric.startswith(PREFIX):
                _, component, name = metric.split("/", 2)
                numbers = sums.setdefault(component, {})
                numbers[name] = numbers.get(name, 0.0) + value
    return sums


def logged_usage(path: Path) -> Usage:
    """What the run whose metrics lie at ``path`` has used so far, all components together."""
    total = Usage()
    for numbers in summed_usages(read_metrics(path)).values():
        tokens = {name: int(numbers.get(name, 0)) for name in USAGE_FIELDS if name != "cost_usd"}
        total += Usage(**tokens, cost_usd=numbers.get("cost_usd", 0.0))
    return total


def usage_text(numbers: Mapping[str, float]) -> str:
    """A component's sums, for the closing table."""
    tokens = numbers["prompt_tokens"] + numbers["completion_tokens"]
    pieces = [f"{numbers['calls']:,.0f} calls", f"{tokens:,.0f} tokens"]
    pieces += [f"${numbers['cost_usd']:,.2f}"] if numbers["cost_usd"] else []
    pieces += [f"{numbers['retries']:,.0f} retries"] if numbers["retries"] else []
    return ", ".join([*pieces, *([f"{numbers['failures']:,.0f} failed"] if numbers["failures"] else [])])
