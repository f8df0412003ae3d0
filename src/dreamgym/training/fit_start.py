"""What a fit starts from: a fresh tiny model, or any causal LM, whole or with an adapter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import ConfigError
from dreamgym.models.adapter import Adapter, new_adapter
from dreamgym.models.causal_lm import load_causal_lm, pick_device, pick_dtype
from dreamgym.models.tiny import new_tiny_model
from dreamgym.training.embedded import make_tokenizer
from dreamgym.training.supervised import SupervisedConfig

TINY_PARAMETERS = 10_000_000
PRETRAINED = SupervisedConfig(
    epochs=1.0, learning_rate=5e-5, batch_tokens=16_384, micro_tokens=4_096, optimizer="adamw"
)
LORA_RATE = 5e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class FitChoices:
    """What a person may say of a fit; None and 0 leave it to the kind of model."""

    base: str | None = None
    lora_rank: int = 0
    seed: int = 0
    epochs: float | None = None
    learning_rate: float | None = None
    batch_tokens: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """The model to train, on its device, and its tokenizer; with an ``adapter``, that alone is trained."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    adapter: Adapter | None = None


def starting_model(
    trajectories: Sequence[Trajectory], choices: FitChoices, *, layers: int, max_length: int
) -> Start:
    """A fresh tiny model with a tokenizer made from the data, or the base that is asked for."""
    device = pick_device("auto")
    if choices.base is None:
        if choices.lora_rank:
            raise ConfigError("--lora-rank puts an adapter on a pretrained model: name it with --base")
        tokenizer = make_tokenizer(trajectories)
        model = new_tiny_model(tokenizer, layers=layers, seed=choices.seed, max_length=max_length)
        cast(nn.Module, model).to(device)
        return Start(model=model, tokenizer=tokenizer)
    frozen = pick_dtype("auto", device) if choices.lora_rank else torch.float32
    loaded = load_causal_lm(choices.base, dtype=frozen, device=device)
    adapter = loaded.adapter
    if adapter is None and choices.lora_rank:
        adapter = new_adapter(loaded.model, rank=choices.lora_rank, seed=choices.seed)
    return Start(model=loaded.model, tokenizer=loaded.tokenizer, adapter=adapter)


def fit_settings(shipped: SupervisedConfig, start: Start, choices: FitChoices) -> SupervisedConfig:
    """The shipped settings for a tiny model, half their rate where it is trained on; usual ones for what was
    pretrained; and whatever was chosen.

    Raises:
        ConfigError: a number that cannot be used.
    """
    if start.model.num_parameters() <= TINY_PARAMETERS:
        settings = shipped
        if choices.base is not None:
            settings = replace(shipped, learning_rate=shipped.learning_rate / 2)
    else:
        rate = PRETRAINED.learning_rate if start.adapter is None else LORA_RATE
        settings = replace(PRETRAINED, learning_rate=rate)
    chosen = replace(
        settings,
        seed=choices.seed,
        epochs=settings.epochs if choices.epochs is None else choices.epochs,
        learning_rate=settings.learning_rate if choices.learning_rate is None else choices.learning_rate,
        batch_tokens=choices.batch_tokens or settings.batch_tokens,
    )
    for flag, value in (("--epochs", chosen.epochs), ("--learning-rate", chosen.learning_rate)):
        if not 0.0 < value < math.inf:
            raise ConfigError(
                f"{flag} is {value}, wanted a number above 0, such as {0.5 if flag == '--epochs' else 1e-4}"
            )
    return chosen
