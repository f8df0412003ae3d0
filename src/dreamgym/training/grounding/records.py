"""What the grid has measured so far, as a file that is written after every cell."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dreamgym.core.errors import ConfigError
from dreamgym.core.serialization import decode, encode
from dreamgym.training.grounding.grid import Cell
from dreamgym.training.grounding.measuring import Counts
from dreamgym.utils import atomic


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One cell with one seed."""

    cell: Cell
    seed: int
    counts: Counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """Cells by seeds; ``steps`` of the fits."""

    steps: int
    measured: tuple[Measured, ...] = ()

    def has(self, cell: Cell, seed: int) -> bool:
        """Whether it was measured."""
        return any(m.cell == cell and m.seed == seed for m in self.measured)

    def plus(self, measured: Measured) -> Results:
        """With one more."""
        return replace(self, measured=(*self.measured, measured))

    def by_cell(self) -> Mapping[Cell, Sequence[Counts]]:
        """The counts of each cell, seed by seed."""
        cells: dict[Cell, list[Counts]] = defaultdict(list)
        for m in self.measured:
            cells[m.cell].append(m.counts)
        return cells

    def write(self, path: Path) -> None:
        """The file, whole or not at all."""
        atomic.write_json(path, encode(self))

    @classmethod
    def read(cls, path: Path, steps: int) -> Results:
        """What ``path`` holds, nothing where it is not there.

        Raises:
            ConfigError: it is of fits of other ``steps``, or it cannot be read.
        """
        if not path.exists():
            return cls(steps=steps)
        try:
            found = decode(cls, json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ConfigError(
                f"{path} holds no results of the grid ({error}): name another --output"
            ) from None
        if found.steps != steps:
            raise ConfigError(
                f"{path} holds models of {found.steps} steps, not {steps}: name another --output and --models"
            )
        return found
