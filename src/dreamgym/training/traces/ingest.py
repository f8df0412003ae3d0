"""``dreamgym ingest``: files of traces become a folder of offline data, streamed, with a report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DataError
from dreamgym.training.offline_data import MANIFEST, SPLITS
from dreamgym.training.settings import TRACES
from dreamgym.training.split_writer import TrajectoryFile
from dreamgym.training.traces.convert import Origins, to_trajectory
from dreamgym.training.traces.formats import AUTO, TAU2, check_format, format_of, read_traces
from dreamgym.training.traces.records import Shape, read_records, shape_of
from dreamgym.training.traces.report import FileReport
from dreamgym.training.traces.secrets import Mask
from dreamgym.training.traces.source import check_source, mebibytes, open_source
from dreamgym.training.traces.tau2 import read_tickets
from dreamgym.training.traces.trace import Found, Record, Skipped
from dreamgym.utils.atomic import new_folder, refuse_foreign, write_json
from dreamgym.utils.progress import Reporter

REPORT = "ingest_report.json"
LOOKED_AT = 20  # records, to tell a file's format


@dataclass(slots=True)
class Ingest:
    """One run over all files; ``reports`` are in their order."""

    folder: Path
    reporter: Reporter
    format: str = AUTO
    heldout_share: float = 0.1
    keep_secrets: bool = False
    reports: list[FileReport] = field(default_factory=list)

    def run(self, files: Sequence[Path]) -> dict[str, Any]:
        """Read ``files`` into the folder and return its manifest; a crash leaves what was there before.

        Raises:
            DataError: a file cannot be read at all, or nothing of all of them could be kept.
            ConfigError: there is no such format.
            FileExistsError: the folder holds something else than a data set.
        """
        check_format(self.format)
        for path in files:
            check_source(path)
        names = {MANIFEST, REPORT, *(f"{name}.jsonl.gz" for name in SPLITS)}
        refuse_foreign(self.folder, names)
        with new_folder(self.folder) as partial:
            splits = {name: TrajectoryFile(partial / f"{name}.jsonl.gz") for name in SPLITS}
            try:
                for path in files:
                    self._read(path, splits)
            finally:
                for split in splits.values():
                    split.close()
            if not any(report.kept["traces"] for report in self.reports):
                raise DataError(self._nothing())
            manifest = {
                "environment": TRACES,
                "heldout_share": self.heldout_share,
                "secrets": "kept" if self.keep_secrets else "masked",
                "splits": {name: split.summary() for name, split in splits.items()},
            }
            write_json(partial / MANIFEST, manifest)
            write_json(partial / REPORT, {"files": [report.to_json() for report in self.reports]})
        return manifest

    def _read(self, path: Path, splits: dict[str, TrajectoryFile]) -> None:
        shape, format = look_at(path, self.format)
        report = FileReport(file=str(path), format=format, unit=shape.unit)
        self.reports.append(report)
        tickets = tickets_of(path, shape) if format == TAU2 else None
        stage = self.reporter.stage(f"reading {path.name}, MiB", mebibytes(path))
        with stage as advance, open_source(path, advance) as source:
            for found in read_traces(source, shape, format, tickets):
                if isinstance(found, Skipped):
                    report.skip(found.place, found.reason)
                else:
                    self._keep(found, path, report, splits)

    def _keep(self, found: Found, path: Path, report: FileReport, splits: dict[str, TrajectoryFile]) -> None:
        number = 1 + sum(report.kept["traces"] for report in self.reports)
        mask = Mask()
        trajectory = to_trajectory(
            found.trace,
            Origins(
                id=f"trace-{number:07d}",
                file=path.name,
                place=found.place,
                unit=report.unit,
                format=report.format,
            ),
            str if self.keep_secrets else mask,
        )
        split = "heldout" if is_heldout(trajectory.task, self.heldout_share) else "train"
        splits[split].add(trajectory)
        report.keep(trajectory, outcome_told=found.trace.reward is not None)
        report.notes.update(found.trace.notes)
        report.masked.update(mask.found)

    def _nothing(self) -> str:
        """Why there is no data."""
        reasons = [f"{line.strip()}" for report in self.reports for line in report.lines()]
        return "no trace could be kept, so nothing is written. " + "; ".join(reasons)


def look_at(path: Path, format: str) -> tuple[Shape, str]:
    """The shape of a file, and its format where ``format`` is auto.

    Raises:
        DataError: its first records are of no known format.
    """
    with open_source(path) as source:
        shape = shape_of(source.head)
        if format != AUTO:
            return shape, format
        first: Any = None
        problem = "its list is empty"
        for record in islice(read_records(source, shape), LOOKED_AT):
            if isinstance(record, Record):
                first = first or record
                if (name := format_of(record.value)) is not None:
                    return shape, name
            elif first is None:
                problem = f"{shape.unit} {record.place}: {record.reason}"
    if first is None:
        raise DataError(f"{path} holds no JSON that can be read ({problem})")
    fields = f"fields {', '.join(map(repr, list(first.value)[:6]))}" if isinstance(first.value, dict) else ""
    kind = type(first.value).__name__
    raise DataError(
        f"{path} is of no format that is known: its first {shape.unit} is a {kind} {fields}".rstrip()
        + "; name the format with --format, or look at docs/your_own_traces.md for what is read"
    )


def tickets_of(path: Path, shape: Shape) -> dict[str, str]:
    """The tickets of tau2's tasks in a file that holds more than simulations."""
    if not shape.prefix:
        return {}
    with open_source(path) as source:
        return read_tickets(source)


def is_heldout(task: Task, share: float) -> bool:
    """Whether a task, with all its trajectories, is kept out of training."""
    number = int.from_bytes(hashlib.sha256(task.id.encode()).digest()[:4], "big")
    return number < share * 2**32
