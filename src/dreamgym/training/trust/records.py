"""What the trust bench writes down of each dream, as records and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamgym.core.errors import DataError
from dreamgym.utils import atomic

VERSION = 1
GATE, MONITORS = "gate", ("replay audit", "consistency audit")


@dataclass(frozen=True, kw_only=True, slots=True)
class DreamRecord:
    """One dream: what was planted in it, if anything, and all that was measured of it.

    ``verdicts``, ``values`` and ``update`` hold the fields of their records; ``iterations`` counts wins,
    dreamed and replayed in full, and turns that were lies. That is the bench's own knowledge: no detector is
    told.
    """

    hack: str
    seed: int
    verdicts: Sequence[dict[str, Any]]
    iterations: Sequence[dict[str, float]]
    values: Sequence[dict[str, Any]]
    update: dict[str, Any] | None
    seconds: float

    @property
    def flags(self) -> dict[str, int]:
        """The first iteration that each detector flagged; 0 is before RL."""
        first: dict[str, int] = {}
        for verdict in self.verdicts:
            if verdict["reason"]:
                first.setdefault(verdict["detector"], verdict["iteration"])
        return first

    @property
    def detectors(self) -> list[str]:
        """Those that were asked."""
        return list(dict.fromkeys(verdict["detector"] for verdict in self.verdicts))

    def seconds_of(self, detector: str) -> float:
        """What the detector took from the second iteration on."""
        return sum(v["seconds"] for v in self.verdicts if v["detector"] == detector and v["iteration"] > 1)

    @property
    def seconds_of_the_run(self) -> float:
        """Rollouts and updates from the second iteration on: the first one's time is not its own alone."""
        return sum(iteration["run_seconds"] for iteration in self.iterations[1:])

    def to_json(self) -> dict[str, Any]:
        """With null for what could not be measured."""
        names = ("hack", "seed", "verdicts", "iterations", "values", "update", "seconds")
        plain: dict[str, Any] = finite({name: getattr(self, name) for name in names})
        return {**plain, "flags": self.flags}


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """The bench's results file: its settings, and the dreams that are done."""

    settings: dict[str, Any]
    dreams: tuple[DreamRecord, ...] = ()

    def write(self, path: Path) -> None:
        """All of it, at once."""
        dreams = [dream.to_json() for dream in self.dreams]
        atomic.write_json(path, {"version": VERSION, "settings": self.settings, "dreams": dreams})

    @classmethod
    def read(cls, path: Path) -> Results:
        """What ``write`` wrote.

        Raises:
            DataError: the file is something else.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["version"] != VERSION:
                raise ValueError(f"version {value['version']}")
            dreams = [{k: v for k, v in dream.items() if k != "flags"} for dream in value["dreams"]]
            return cls(settings=value["settings"], dreams=tuple(DreamRecord(**dream) for dream in dreams))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} holds no results of this version of the trust bench ({error}): "
                "name another --output, or leave --resume away"
            ) from None


def finite(value: Any) -> Any:
    """``value`` with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
