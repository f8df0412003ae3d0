"""The frozen policy π_ref that the KL term pulls to: the policy as it was when training began."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from dreamgym.models.adapter import Adapter
from dreamgym.training.checkpoints import Stateful
from dreamgym.training.logprobs import action_logprobs
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.state_files import load_tensors, read_tensors, save_tensors
from dreamgym.training.token_batch import TokenBatch

REFERENCE = "reference"
FILE = "reference.safetensors"


class Reference(Stateful, Protocol):
    """Tells what the first policy thinks of the agents' tokens."""

    def logprobs(self, batch: TokenBatch, temperature: float) -> Tensor:
        """Log-probabilities N, without a gradient."""
        ...


def make_reference(policy: LocalPolicy) -> Reference:
    """``policy`` as it is now; where only an adapter is trained, that alone is kept twice."""
    if policy.adapter is None:
        return FrozenCopy(policy)
    return FrozenAdapter(policy.adapter)


class FrozenCopy:
    """A whole second model."""

    def __init__(self, policy: LocalPolicy) -> None:
        self.model = copy.deepcopy(policy.model).requires_grad_(False)
        self._autocast = policy.autocast

    @torch.no_grad()
    def logprobs(self, batch: TokenBatch, temperature: float) -> Tensor:
        """Log-probabilities N."""
        return action_logprobs(self.model, batch, temperature, autocast=self._autocast)[0]

    def save(self, folder: Path) -> None:
        """Its weights."""
        save_tensors(dict(self.model.named_parameters()), folder / FILE)

    def load(self, folder: Path) -> None:
        """Continue from ``save``."""
        load_tensors(dict(self.model.named_parameters()), read_tensors(folder / FILE), folder / FILE)


class FrozenAdapter:
    """A second adapter on the policy's own base; a fresh one is the base with its adapter switched off."""

    def __init__(self, adapter: Adapter) -> None:
        adapter.copy(REFERENCE)
        self._adapter = adapter

    @torch.no_grad()
    def logprobs(self, batch: TokenBatch, temperature: float) -> Tensor:
        """Log-probabilities N."""
        with self._adapter.at_work(REFERENCE):
            return action_logprobs(self._adapter.model, batch, temperature)[0]

    def save(self, folder: Path) -> None:
        """The adapter's weights."""
        save_tensors(self._adapter.parameters(REFERENCE), folder / FILE)

    def load(self, folder: Path) -> None:
        """Continue from ``save``."""
        load_tensors(self._adapter.parameters(REFERENCE), read_tensors(folder / FILE), folder / FILE)
