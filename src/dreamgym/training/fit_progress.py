"""How far a fit is, on disk: stopped or killed, the same command goes on to the same weights."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from dreamgym.training.state_files import (
    load_module,
    load_optimizer,
    read_json,
    save_module,
    save_optimizer,
)
from dreamgym.training.supervised import Row, SupervisedConfig
from dreamgym.utils import atomic

SAVE_EVERY = 60.0  # seconds
WEIGHTS, STATE = "model.safetensors", "fit.json"


@dataclass(kw_only=True)
class FitProgress:
    """The folder of an unfinished fit; ``identity`` tells one fit from another in the same place."""

    folder: Path
    identity: str
    curve: list[float] = field(default_factory=list)
    _saved_at: float = field(default_factory=time.monotonic)

    def load(self, model: nn.Module, optimizers: Sequence[Optimizer]) -> int:
        """Fill ``model`` and ``optimizers`` as they were; the steps that are done, 0 where none was kept."""
        if not (self.folder / STATE).is_file():
            return 0
        state = read_json(self.folder / STATE)
        if state["identity"] != self.identity:
            print(f"{self.folder} is of another fit: starting anew", flush=True)
            return 0
        load_module(model, self.folder / WEIGHTS)
        for number, optimizer in enumerate(optimizers):
            load_optimizer(optimizer, model, self.folder / f"optimizer_{number}.safetensors")
        self.curve[:] = state["curve"]
        print(f"continuing {self.folder} after step {len(self.curve)}", flush=True)
        return len(self.curve)

    def step_done(
        self, model: nn.Module, optimizers: Sequence[Optimizer], loss: float, *, is_last: bool
    ) -> None:
        """Note a step; now and then, and where it ``is_last`` for now, write everything down."""
        self.curve.append(loss)
        if is_last or time.monotonic() - self._saved_at > SAVE_EVERY:
            self._save(model, optimizers)

    def _save(self, model: nn.Module, optimizers: Sequence[Optimizer]) -> None:
        with atomic.new_folder(self.folder) as made:
            save_module(model, made / WEIGHTS)
            for number, optimizer in enumerate(optimizers):
                save_optimizer(optimizer, model, made / f"optimizer_{number}.safetensors")
            atomic.write_json(made / STATE, {"identity": self.identity, "curve": self.curve})
        self._saved_at = time.monotonic()

    def remove(self) -> None:
        """The fit is over."""
        shutil.rmtree(self.folder, ignore_errors=True)


def fit_identity(model: nn.Module, rows: Sequence[Row], config: SupervisedConfig) -> str:
    """A digest of all that a fit is made of: first weights, rows, settings."""
    digest = hashlib.sha256(repr(sorted(asdict(config).items())).encode())
    for row in rows:
        digest.update(row.token_ids.tobytes() + row.parts.tobytes())
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()
