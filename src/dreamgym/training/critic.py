"""The LLM critic V of PPO (paper §2): least squares of a value model on the returns to come."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor
from torch.optim import AdamW

from dreamgym.core.config import RLConfig
from dreamgym.core.errors import NonFiniteLossError
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.state_files import (
    load_optimizer,
    load_tensors,
    read_tensors,
    restored_on_error,
    save_optimizer,
    save_tensors,
)
from dreamgym.training.token_batch import Row, pack, padded, shuffled_parts
from dreamgym.training.value_model import make_value_model

CRITIC_FILE = "critic.safetensors"


class Critic:
    """The value model and its optimizer. One value per turn, at the last token before the agent speaks."""

    def __init__(self, policy: LocalPolicy, config: RLConfig) -> None:
        self._config = config
        self._model = make_value_model(policy)
        self._weights = dict(self._model.module.named_parameters())
        self._optimizer = AdamW(self._weights.values(), lr=config.critic_learning_rate, weight_decay=0.0)
        self._device = policy.model.device

    @torch.no_grad()
    def values(self, rows: Sequence[Row]) -> list[list[float]]:
        """For each row the values of its ``states``, in order."""
        values: list[list[float]] = [[] for _ in rows]
        for indices in pack([len(row.token_ids) for row in rows], self._config.minibatch_tokens):
            with self._model.at_work():
                of_states = self._state_values([rows[i] for i in indices])
            for index, row_values in zip(indices, of_states, strict=True):
                values[index] = row_values.tolist()
        return values

    def _state_values(self, rows: Sequence[Row]) -> list[Tensor]:
        values_BT = self._model.values(padded([row.token_ids for row in rows], self._device))
        return [values_T[list(row.states)] for values_T, row in zip(values_BT, rows, strict=True)]

    def fit(
        self, rows: Sequence[Row], targets: Sequence[Sequence[float]], rng: random.Random
    ) -> dict[str, float]:
        """Least squares on the ``targets`` of each row's states, in as many passes and steps as the policy.

        Raises ``NonFiniteLossError`` with nothing changed.
        """
        steps: list[tuple[float, float]] = []
        with self.restored_on_error():
            for _ in range(self._config.epochs):
                for part in shuffled_parts(
                    list(zip(rows, targets, strict=True)), self._config.minibatches, rng
                ):
                    steps.append(self._step(part))
        losses, norms = zip(*steps, strict=True) if steps else ((0.0,), (0.0,))
        return {"value_loss": fmean(losses), "critic_grad_norm": fmean(norms)}

    def _step(self, part: Sequence[tuple[Row, Sequence[float]]]) -> tuple[float, float]:
        """One optimizer step; its loss ``½ mean (V − target)²`` over turns, and its gradient's norm."""
        turns = sum(len(row_targets) for _, row_targets in part)
        total = 0.0
        for indices in pack([len(row.token_ids) for row, _ in part], self._config.minibatch_tokens):
            targets = torch.tensor([t for i in indices for t in part[i][1]], device=self._device)
            with self._model.at_work():
                values = torch.cat(self._state_values([part[i][0] for i in indices]))
                loss = 0.5 * (values - targets).square().sum() / turns
                loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(self._weights.values(), self._config.max_grad_norm).item()
        if not math.isfinite(norm + total):
            raise NonFiniteLossError(
                f"the critic's loss is {total}, its gradient's norm {norm}: lower rl.critic_learning_rate; "
                "nothing was updated"
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return total, norm

    def restored_on_error(self) -> AbstractContextManager[None]:
        """Puts the critic back as it was if the block raises."""
        return restored_on_error(self._weights, self._optimizer)

    def save(self, folder: Path) -> None:
        """Weights and Adam's state."""
        save_tensors(self._weights, folder / CRITIC_FILE)
        save_optimizer(self._optimizer, self._model.module, folder / "critic_optimizer.safetensors")

    def load(self, folder: Path) -> None:
        """Continue from ``save``, bit-equal."""
        load_tensors(self._weights, read_tensors(folder / CRITIC_FILE), folder / CRITIC_FILE)
        load_optimizer(self._optimizer, self._model.module, folder / "critic_optimizer.safetensors")
