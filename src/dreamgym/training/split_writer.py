"""One file of an offline data set while it is written, and what is counted of it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from dreamgym.core.data_structures import Trajectory
from dreamgym.core.serialization import encode
from dreamgym.training.collect import mistakes_of, player_of
from dreamgym.training.scenes import scene_of

COUNTED = ("trajectories", "turns", "refused_turns", "successes")


@dataclass(slots=True)
class TrajectoryFile:
    """A ``.jsonl.gz`` file of trajectories while it is written; the same ones are the same bytes."""

    path: Path
    trajectories: int = 0
    turns: int = 0
    successes: int = 0
    raw: BinaryIO = field(init=False)
    file: gzip.GzipFile = field(init=False)

    def __post_init__(self) -> None:
        self.raw = self.path.open("wb")
        # No name and no time in the header: the same trajectories are the same file.
        self.file = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=self.raw, mtime=0)

    def add(self, trajectory: Trajectory) -> None:
        """Write and count."""
        bare = replace(trajectory, task=replace(trajectory.task, sheet=None))  # an agent sees no sheet
        self.file.write((json.dumps(encode(bare), ensure_ascii=False) + "\n").encode())
        self.trajectories += 1
        self.turns += len(trajectory.transitions)
        self.successes += trajectory.success

    def close(self) -> None:
        """End the file."""
        self.file.close()
        self.raw.close()

    def summary(self) -> dict[str, Any]:
        """What the manifest says of this file."""
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "file": self.path.name,
            "sha256": digest,
            "trajectories": self.trajectories,
            "turns": self.turns,
            "successes": self.successes,
        }


@dataclass(slots=True)
class SplitWriter:
    """Writes and counts; ``summary`` is for the manifest."""

    path: Path
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(COUNTED, 0)))
    players: dict[str, Counter[str]] = field(default_factory=dict)
    mistakes: Counter[str] = field(default_factory=Counter)
    scenes: set[str] = field(default_factory=set)
    file: TrajectoryFile = field(init=False)

    def __post_init__(self) -> None:
        self.file = TrajectoryFile(self.path)

    def add(self, trajectory: Trajectory) -> None:
        """Write and count."""
        self.file.add(trajectory)
        counts = Counter(
            trajectories=1,
            turns=len(trajectory.transitions),
            refused_turns=sum(not turn.valid for turn in trajectory.transitions),
            successes=int(trajectory.success),
        )
        self.counts.update(counts)
        self.players.setdefault(player_of(trajectory), Counter()).update(counts)
        self.mistakes.update(mistakes_of(trajectory).values())
        self.scenes.add(scene_of(trajectory.task))

    def close(self) -> None:
        """End the file."""
        self.file.close()

    def summary(self) -> dict[str, Any]:
        """What the manifest says of this file."""
        return {
            **self.file.summary(),
            **self.counts,
            "scenes": len(self.scenes),
            "players": {name: dict(counts) for name, counts in sorted(self.players.items())},
            "mistakes": dict(sorted(self.mistakes.items())),
        }
