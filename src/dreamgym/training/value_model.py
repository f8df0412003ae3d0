"""What the critic computes with: a trunk that reads a state, and a head that says its worth."""

from __future__ import annotations

import contextlib
import copy
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from dreamgym.models.adapter import Adapter
from dreamgym.training.policy import LocalPolicy

CRITIC = "critic"


class ValueModel(Protocol):
    """Values of every token; trains its own parameters and nothing else."""

    @property
    def module(self) -> nn.Module:
        """What is trained, saved and loaded."""
        ...

    def values(self, token_ids_BT: Tensor) -> Tensor:
        """B × T, in float32; 0 everywhere before training."""
        ...

    def at_work(self) -> AbstractContextManager[None]:
        """Within, values and their gradients may be taken."""
        ...


def make_value_model(policy: LocalPolicy) -> ValueModel:
    """A trunk of its own; where the policy is an adapter on a frozen base, another adapter on that base."""
    if policy.adapter is None:
        return OwnTrunk(policy.model, autocast=policy.autocast)
    return SharedTrunk(policy.adapter)


def _head(model: PreTrainedModel) -> nn.Linear:
    head = nn.Linear(model.config.hidden_size, 1, device=model.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


class OwnTrunk:
    """A copy of the policy without its lm_head."""

    def __init__(self, model: PreTrainedModel, *, autocast: bool = False) -> None:
        self.module = nn.ModuleDict({"trunk": copy.deepcopy(model.base_model), "head": _head(model)}).eval()
        self._autocast = autocast
        self._device = model.device

    def values(self, token_ids_BT: Tensor) -> Tensor:
        """B × T."""
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._autocast):
            hidden_BTD = self.module["trunk"](input_ids=token_ids_BT, use_cache=False).last_hidden_state
        values_BT: Tensor = self.module["head"](hidden_BTD.float())[..., 0]
        return values_BT

    def at_work(self) -> AbstractContextManager[None]:
        """Always."""
        return contextlib.nullcontext()


class SharedTrunk:
    """An adapter of the critic's own on the policy's frozen base."""

    def __init__(self, adapter: Adapter) -> None:
        adapter.copy(CRITIC)
        self._adapter = adapter
        # The adapter's weights lie in the policy's layers; here they are held a second time, by name.
        weights = {key.replace(".", "/"): p for key, p in adapter.parameters(CRITIC).items()}
        self.module = nn.ModuleDict({"adapter": nn.ParameterDict(weights), "head": _head(adapter.model)})

    def values(self, token_ids_BT: Tensor) -> Tensor:
        """B × T."""
        trunk = self._adapter.model.base_model
        hidden_BTD = trunk(input_ids=token_ids_BT, use_cache=False).last_hidden_state
        values_BT: Tensor = self.module["head"](hidden_BTD.float())[..., 0]
        return values_BT

    def at_work(self) -> AbstractContextManager[None]:
        """While the critic's adapter is the one that works."""
        return self._adapter.at_work(CRITIC)
