"""Where a run's metrics go besides ``metrics.jsonl``; a resumed run goes on in the same places."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.errors import CheckpointError
from dreamgym.utils import atomic
from dreamgym.utils.metrics import Sink, TensorBoardSink, WandbSink


def open_loggers(config: DreamGymConfig, run: Path, *, finished: int | None = None) -> list[Sink]:
    """TensorBoard, and Weights & Biases where asked for; ``finished`` is set where a run is resumed."""
    place = run / "loggers.json"
    if finished is not None and place.exists():
        try:
            names = json.loads(place.read_text())
        except ValueError as error:
            raise CheckpointError(f"{place} is damaged ({error}): remove it, the curves begin anew") from None
    else:
        names = {"tensorboard": str(_new_folder(config)), "wandb": secrets.token_hex(4)}
        atomic.write_json(place, names)
    sinks: list[Sink] = [TensorBoardSink(Path(names["tensorboard"]), finished=finished)]
    if config.training.use_wandb:
        settings = config.model_dump(mode="json")
        sinks.append(WandbSink(config.training.log_dir, run_id=names["wandb"], config=settings))
    return sinks


def _new_folder(config: DreamGymConfig) -> Path:
    """A folder of its own for every run, so that no two share a curve."""
    name = f"{config.environment.name}-{config.rl.algorithm}-seed{config.training.seed}"
    folder, number = config.training.log_dir / name, 1
    while folder.exists():
        number += 1
        folder = config.training.log_dir / f"{name}-{number}"
    return folder
