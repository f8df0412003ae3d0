"""Metrics of a run: always a ``metrics.jsonl``, TensorBoard beside it, Weights & Biases where asked for."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.utils import atomic

logger = logging.getLogger(__name__)


class Sink(Protocol):
    """Somewhere that metrics go to."""

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Take the metrics of a finished iteration."""
        ...

    def close(self) -> None:
        """Write what is pending."""
        ...


class MetricsLog:
    """``metrics.jsonl``, one line per log, handed on to further sinks.

    A line counts finished iterations: 0 is the evaluation before training.
    """

    def __init__(self, path: Path, sinks: Sequence[Sink] = ()) -> None:
        self.path = path
        self._sinks = tuple(sinks)
        path.parent.mkdir(parents=True, exist_ok=True)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Append one line; JSON has no NaN, so a number that is none is left out."""
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"iteration": iteration, **finite}) + "\n")
        for sink in self._sinks:
            sink.log(iteration, finite)

    def rewind(self, iteration: int) -> None:
        """Forget what was logged after ``iteration``, where a resumed run continues."""
        kept = [json.dumps(line) for line in read_metrics(self.path) if line["iteration"] <= iteration]
        atomic.write_text(self.path, "".join(line + "\n" for line in kept))

    def has(self, iteration: int, prefix: str) -> bool:
        """Whether a metric that starts with ``prefix`` was logged for ``iteration``."""
        lines = (line for line in read_metrics(self.path) if line["iteration"] == iteration)
        return any(name.startswith(prefix) for line in lines for name in line)

    def close(self) -> None:
        """Close the sinks."""
        for sink in self._sinks:
            sink.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``; a last line cut off by a kill is dropped."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    records = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {number}: not JSON ({error}); remove the line") from None
    return records


class TensorBoardSink:
    """Event files for ``tensorboard --logdir``."""

    def __init__(self, folder: Path, *, finished: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes a second to import

        # Events after the ``finished`` iterations of a resumed run are hidden: it plays them again.
        purge_step = None if finished is None else finished + 1
        self._writer = SummaryWriter(str(folder), purge_step=purge_step)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """One scalar per metric."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, iteration)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


class WandbSink:
    """Weights & Biases; offline, in ``folder``, where no key is set."""

    def __init__(self, folder: Path, *, run_id: str, config: Mapping[str, Any]) -> None:
        try:
            import wandb
        except ImportError:
            raise UnavailableError(
                "--use-wandb needs Weights & Biases, which is not installed: pip install 'dreamgym[wandb]'"
            ) from None
        mode = os.environ.get("WANDB_MODE") or ("online" if os.environ.get("WANDB_API_KEY") else "offline")
        if mode == "offline":
            logger.info(
                "no WANDB_API_KEY: logging offline, `wandb sync %s` uploads it later", folder / "wandb"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project="dreamgym",
            dir=str(folder),
            id=run_id,
            resume="allow",
            mode=mode,
            config=dict(config),
            settings=wandb.Settings(silent=True),
        )

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """One step of the run."""
        self._run.log({"iteration": iteration, **metrics})

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()
