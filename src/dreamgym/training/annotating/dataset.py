"""The offline data that is annotated, and its copy with the reasoning in it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import DataError
from dreamgym.core.serialization import encode
from dreamgym.models.dream_format import render_reasoning
from dreamgym.training.annotating.journal import Identity, Journal
from dreamgym.training.offline_data import MANIFEST, SPLITS, read_manifest, read_trajectories
from dreamgym.utils.atomic import new_file, write_json
from dreamgym.utils.progress import Advance


@dataclass(frozen=True, kw_only=True, slots=True)
class OfflineData:
    """A folder of offline data."""

    folder: Path

    def path(self, split: str) -> Path:
        """The file of a split."""
        return self.folder / f"{split}.jsonl.gz"

    def digest(self) -> str:
        """Of the content of all splits."""
        read_manifest(self.folder)
        whole = hashlib.sha256()
        for split in SPLITS:
            if not self.path(split).is_file():
                raise DataError(f"{self.path(split)} does not exist: make it with `dreamgym collect`")
            with self.path(split).open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()

    def episodes(self) -> Iterator[Trajectory]:
        """Those of all splits, one at a time.

        Raises:
            DataError: a line is no trajectory, or two trajectories have one id.
        """
        seen: set[str] = set()
        for split in SPLITS:
            for trajectory in read_trajectories(self.path(split)):
                if trajectory.id in seen:
                    raise DataError(f"{self.path(split)}: two trajectories are called {trajectory.id}")
                seen.add(trajectory.id)
                yield trajectory


def write_annotated(data: OfflineData, journal: Journal, about: Identity, advance: Advance) -> Counter[str]:
    """Copy ``data`` beside the journal, with the reasoning of what is annotated; the counts of all splits.

    Nothing is left out: an episode that was set aside stays as it was. The manifest comes last.
    """
    manifest, total = read_manifest(data.folder), Counter[str]()
    splits = {}
    for split in SPLITS:
        counts = _copy(data.path(split), journal.folder / f"{split}.jsonl.gz", journal, advance)
        with (journal.folder / f"{split}.jsonl.gz").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        known = manifest.get("splits", {}).get(split, {})
        splits[split] = {**known, "file": f"{split}.jsonl.gz", "sha256": digest, **counts}
        total.update(counts)
    write_json(journal.folder / MANIFEST, {**manifest, "annotation": dict(about), "splits": splits})
    return total


def _copy(source: Path, target: Path, journal: Journal, advance: Advance) -> Counter[str]:
    counts: Counter[str] = Counter(trajectories=0, annotated=0, rejected=0)
    # No name and no time in the header: the same trajectories are the same file.
    with new_file(target) as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        for trajectory in read_trajectories(source):
            told = with_reasoning(trajectory, journal)
            counts.update(["trajectories", "rejected" if told is None else "annotated"])
            # Escaped, since half characters, which others' data may hold, have no encoding of their own.
            file.write((json.dumps(encode(told or trajectory)) + "\n").encode())
            advance()
    return counts


def with_reasoning(trajectory: Trajectory, journal: Journal) -> Trajectory | None:
    """The trajectory with what the teacher wrote of each turn; None where it was set aside."""
    annotation = journal.annotation_of(trajectory.id)
    if annotation is None:
        return None
    turns = zip(trajectory.transitions, annotation.transition_plans, strict=True)
    return replace(
        trajectory,
        transitions=tuple(
            replace(turn, reasoning=render_reasoning(plan.explanation, valid=plan.action_succeeds))
            for turn, plan in turns
        ),
    )
