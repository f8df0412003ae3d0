"""A run as its folder tells it: finished, half-written, or of an earlier version that wrote less."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from dreamgym.core.errors import DataError
from dreamgym.core.serialization import decode
from dreamgym.reports.fidelity_tables import FidelityTables, fidelity_tables
from dreamgym.reports.lines import Problems, read_object, read_records
from dreamgym.training.episode_records import EpisodeRecord, GroupRecord

CONFIG, METRICS = "config.yaml", "metrics.jsonl"
_MOMENT = re.compile(r"([a-z_]+)_(\d{4,9})\.jsonl")
GATE, GROUPS = "fidelity", "tasks"
USED = ("time/", "llm/")  # a line says what was used since the line before
MAX_ITERATION = 10**9
MOST = 10**15  # that a metric can be; products of two are still numbers


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Recorded episodes of one source (``fidelity``, ``real``, ``dreamed``, ``audited``, ``rollouts``)."""

    source: str
    iteration: int
    path: Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run has left so far; ``metrics`` by iteration, ``settings`` by their dotted names."""

    name: str
    path: Path
    metrics: Mapping[int, Mapping[str, float]]
    settings: Mapping[str, str]
    fidelity: FidelityTables
    groups: Mapping[int, Sequence[GroupRecord]]
    moments: Sequence[Moment]
    finished: bool
    problems: Problems

    @property
    def iterations(self) -> int:
        """Iterations done."""
        return max(self.metrics, default=0)

    def curve(self, name: str) -> dict[int, float]:
        """The values of a metric by iteration."""
        return {i: row[name] for i, row in sorted(self.metrics.items()) if name in row}

    def last(self, name: str) -> float | None:
        """The latest value of a metric; None where it was never logged."""
        return next(reversed(self.curve(name).values()), None)


def read_run(path: Path) -> Run:
    """Everything in the folder of a run but its weights.

    Raises:
        DataError: it is no folder of a run; the message says what it holds and what was wanted.
    """
    _check_is_run(path)
    problems = Problems()
    episodes = path / "episodes"
    moments = sorted(_moments(episodes), key=lambda moment: (moment.iteration, moment.source))
    groups = {
        m.iteration: read_records(m.path, lambda data: decode(GroupRecord, data), problems)
        for m in moments
        if m.source == GROUPS
    }
    gate = [Moment(source=GATE, iteration=0, path=path / "fidelity.jsonl")]
    return Run(
        name=path.resolve().name,
        path=path,
        metrics=_merged(read_records(path / METRICS, _metrics_line, problems)),
        settings=_flat(read_object(path / CONFIG, _yaml, problems)),
        fidelity=fidelity_tables(read_object(path / "fidelity.json", json.loads, problems)),
        groups=groups,
        moments=[*(m for m in gate if m.path.is_file()), *(m for m in moments if m.source != GROUPS)],
        finished=(path / "summary.json").is_file(),
        problems=problems,
    )


def read_episodes(moment: Moment, problems: Problems) -> list[EpisodeRecord]:
    """The recorded episodes of ``moment``."""
    return read_records(moment.path, lambda data: decode(EpisodeRecord, data), problems)


def named_apart(runs: Sequence[Run]) -> list[Run]:
    """The runs, each with as much of its path for a name as tells it from the others."""
    parts = [run.path.resolve().parts[1:] or ("/",) for run in runs]
    depth = 1
    # A seed's bare number tells nobody what the run was.
    while depth < max(map(len, parts), default=1) and (
        len({p[-depth:] for p in parts}) < len(parts)
        or any(p[-depth].isdigit() for p in parts if len(p) >= depth)
    ):
        depth += 1
    return [replace(run, name="/".join(p[-depth:])) for run, p in zip(runs, parts, strict=True)]


def _check_is_run(path: Path) -> None:
    wanted = f"wanted a run's folder with {METRICS} and {CONFIG}, as `dreamgym train` writes it into "
    wanted += "training.output_dir"
    if not path.exists():
        raise DataError(f"{path}: there is no such folder; {wanted}")
    if not path.is_dir():
        raise DataError(f"{path} is a file; {wanted}")
    if (path / METRICS).is_file() or (path / CONFIG).is_file():
        return
    names = sorted(entry.name for entry in path.iterdir())
    found = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    below = [
        str(entry.parent) for pattern in ("*", "*/*") for entry in sorted(path.glob(f"{pattern}/{METRICS}"))
    ]
    hint = f"; runs lie below it: {' '.join(below[:6])}" if below else ""
    raise DataError(f"{path} is no run: found {found or 'nothing'}; {wanted}{hint}")


def _moments(folder: Path) -> Iterable[Moment]:
    for path in folder.glob("*.jsonl"):
        match = _MOMENT.fullmatch(path.name)
        if match and path.is_file():
            yield Moment(source=match[1], iteration=int(match[2]), path=path)


def _metrics_line(data: object) -> tuple[int, dict[str, float]]:
    if not isinstance(data, dict) or type(data.get("iteration")) is not int:
        raise DataError("no object with a whole number 'iteration'")
    iteration = data.pop("iteration")
    if not 0 <= iteration <= MAX_ITERATION:
        raise DataError(f"'iteration' is {iteration}")
    return iteration, {str(name): float(value) for name, value in data.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    """Whether it can be drawn: JSON of other writers may hold NaN, and whole numbers of any length."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST


def _merged(lines: Iterable[tuple[int, dict[str, float]]]) -> dict[int, dict[str, float]]:
    """One row per iteration; what several of its lines used of time and of language models is added up."""
    rows: dict[int, dict[str, float]] = {}
    for iteration, values in lines:
        row = rows.setdefault(iteration, {})
        for name, value in values.items():
            row[name] = value + (row.get(name, 0.0) if name.startswith(USED) else 0.0)
    return rows


def _yaml(text: str) -> Any:
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise ValueError("it has aliases, which a run's settings never have")
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _flat(values: Mapping[Any, Any], prefix: str = "") -> dict[str, str]:
    """Dotted names and their values as text."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: str(value)[:300]}
    return flat


def planned_iterations(run: Run) -> int | None:
    """How many iterations the run was asked for; None where its settings do not say."""
    numbers = re.findall(r"'iterations': (\d{1,9})", run.settings.get("training.phases", ""))
    return sum(map(int, numbers)) or None
