"""The folder of a run: who may write in it, what lies where, and how an earlier run is kept.

config.yaml  metrics.jsonl  policy_iter_0000.json …  evaluations/  episodes/  experiences.sqlite …
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from pathlib import Path
from typing import Self

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import dump_config
from dreamgym.core.errors import CheckpointError
from dreamgym.training.manifest import latest_checkpoint
from dreamgym.utils import atomic

_OURS = re.compile(
    r"config\.yaml|metrics\.jsonl|loggers\.json|summary\.json|fidelity\.jsonl?|evaluations|episodes|experiences\..*|policy_iter_\d{4,}(\.json)?|policy_average(\.json)?"
)
_ITERATION = re.compile(r".*_(\d{4,})\.(json|jsonl|txt)")


class RunFolder:
    """One process at a time; closed, or the process gone, the next may have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._lock = (path / ".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise CheckpointError(
                f"another run is writing in {path}: wait for it, or choose another training.output_dir"
            ) from None
        atomic.remove_partial(path)

    def start(self, config: DreamGymConfig) -> Path | None:
        """Begin a new run; an earlier one is moved aside, and its new place returned."""
        earlier = self._move_aside()
        atomic.write_text(self.path / "config.yaml", dump_config(config))
        return earlier

    def put_back(self, earlier: Path | None) -> None:
        """Undo ``start``, where the new run could not begin."""
        for path in self._ours():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if earlier is not None:
            for path in earlier.iterdir():
                os.replace(path, self.path / path.name)
            earlier.rmdir()

    def resume(self) -> Path | None:
        """The checkpoint to continue from; None, and a clean folder, where a kill left none."""
        checkpoint = latest_checkpoint(self.path)
        if checkpoint is not None:
            return checkpoint
        if not (self.path / "config.yaml").exists():
            raise CheckpointError(
                f"nothing to resume: {self.path} holds no run; start one without --resume, "
                "or name its folder with training.output_dir=…"
            )
        for path in self._ours():
            if path.name != "config.yaml":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return None

    def forget_after(self, iteration: int) -> None:
        """Remove what a resumed run will write again."""
        for folder in (self.evaluations, self.episodes):
            for path in folder.glob("*"):
                match = _ITERATION.fullmatch(path.name)
                if match and int(match[1]) > iteration:
                    path.unlink()

    @property
    def metrics(self) -> Path:
        """One line per log."""
        return self.path / "metrics.jsonl"

    @property
    def evaluations(self) -> Path:
        """Results, as JSON."""
        return self.path / "evaluations"

    @property
    def episodes(self) -> Path:
        """Episodes, as text."""
        return self.path / "episodes"

    def _move_aside(self) -> Path | None:
        ours = self._ours()
        if not ours:
            return None
        number = 1
        while (place := self.path / "earlier" / str(number)).exists():
            number += 1
        place.mkdir(parents=True)
        for path in ours:
            os.replace(path, place / path.name)
        return place

    def _ours(self) -> list[Path]:
        return [path for path in self.path.iterdir() if _OURS.fullmatch(path.name)]

    def close(self) -> None:
        """Let the next run in."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
