"""Supervised fine-tuning of causal LMs: masked next-token loss over rows of similar length.

Used for the experience model (Eq. 5) and for behaviour cloning of the starting policy.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from dreamgym.training.token_batch import pack
from dreamgym.utils.interrupts import interrupts_held

# oneDNN keeps a primitive for every shape it has met, by default a thousand; batches of rows of all lengths
# made gigabytes of them. Read when the first is made.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")


class Part(IntEnum):
    """What a token is of; all but what is given carries loss, which is reported part by part (Eq. 5)."""

    GIVEN = 0
    REASONING = 1
    NEXT_STATE = 2
    REWARD = 3
    SHEET = 4
    ACTION = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One training sequence of T tokens: ``token_ids`` (int32) and the ``Part`` each is of (uint8)."""

    token_ids: np.ndarray
    parts: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """Which tokens carry loss (bool)."""
        return self.parts > Part.GIVEN


@dataclass(frozen=True, kw_only=True, slots=True)
class SupervisedConfig:
    """Settings of one fit; ``micro_tokens`` bounds the padded tokens of a forward, and with it memory."""

    epochs: float = 2.0
    learning_rate: float = 3e-3
    batch_tokens: int = 12_288
    micro_tokens: int = 12_288
    optimizer: Literal["muon", "adamw"] = "muon"
    warmup_share: float = 0.03
    weight_decay: float = 0.01
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FitStep:
    """What one optimizer step reports; ``parts`` are its summed losses and its tokens by part."""

    step: int
    steps: int
    loss: float
    parts: Mapping[Part, tuple[float, int]]
    learning_rate: float
    tokens_per_second: float
    minutes: float


def length_batches(lengths: Sequence[int], batch_tokens: int, rng: random.Random) -> list[list[int]]:
    """Rows of similar length in batches of at most ``batch_tokens`` padded tokens, in random order."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), 4096):
        chunk = sorted(order[start : start + 4096], key=lambda i: lengths[i])
        batch: list[int] = []
        for index in chunk:
            if batch and (len(batch) + 1) * lengths[index] > batch_tokens:
                batches.append(batch)
                batch = []
            batch.append(index)
        batches.append(batch)
    rng.shuffle(batches)
    return batches


def pad_rows(rows: Sequence[Row], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids (0 pads) and parts, both of shape (B, T); a row never sees another."""
    length = max(len(row.token_ids) for row in rows)
    ids_BT = np.zeros((len(rows), length), dtype=np.int64)
    parts_BT = np.zeros((len(rows), length), dtype=np.uint8)
    for b, row in enumerate(rows):
        ids_BT[b, : len(row.token_ids)] = row.token_ids
        parts_BT[b, : len(row.token_ids)] = row.parts
    return torch.from_numpy(ids_BT).to(device), torch.from_numpy(parts_BT).to(device)


def token_losses(model: PreTrainedModel, ids_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of every masked token, flat; logits are computed where there is loss only."""
    hidden_BTD = model.base_model(input_ids=ids_BT, use_cache=False).last_hidden_state
    target_BT = mask_BT[:, 1:]
    logits_NV = model.get_output_embeddings()(hidden_BTD[:, :-1][target_BT])
    return functional.cross_entropy(logits_NV.float(), ids_BT[:, 1:][target_BT], reduction="none")


def learning_rate_at(step: int, steps: int, config: SupervisedConfig) -> float:
    """Linear warm-up, then a cosine to zero: most of a look-up is learned while the rate decays."""
    warmup = max(1, round(steps * config.warmup_share))
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def plan_batches(rows: Sequence[Row], config: SupervisedConfig) -> Iterator[list[int]]:
    """The batches of all epochs; a fraction of an epoch takes that share of its batches."""
    rng = random.Random(config.seed)
    lengths = [len(row.token_ids) for row in rows]
    left = config.epochs
    while left > 0:
        batches = length_batches(lengths, config.batch_tokens, rng)
        yield from batches[: math.ceil(len(batches) * min(1.0, left))]
        left -= 1.0


def make_optimizers(model: PreTrainedModel, config: SupervisedConfig) -> list[torch.optim.Optimizer]:
    """AdamW for what was pretrained with it; from scratch Muon for the hidden matrices, AdamW for the rest:
    look-ups are learned in about half the steps.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adamw":
        return [torch.optim.AdamW(trained, lr=rate, betas=(0.9, 0.98), weight_decay=decay)]
    embedding = model.get_input_embeddings().weight
    hidden = [p for p in trained if p.ndim == 2 and p is not embedding]
    others = [p for p in trained if p.ndim != 2 or p is embedding]
    return [
        torch.optim.Muon(hidden, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


class Keeper(Protocol):
    """Keeps what an interrupted fit continues from."""

    def load(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> int:
        """Fill in what was kept; the number of steps that are done."""
        ...

    def step_done(
        self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], loss: float, *, is_last: bool
    ) -> None:
        """Take note of a step, for good where it ``is_last`` for now."""
        ...


def fit(
    model: PreTrainedModel,
    rows: Sequence[Row],
    config: SupervisedConfig,
    *,
    report: Callable[[FitStep], None],
    keeper: Keeper | None = None,
) -> None:
    """Minimise −log P(masked tokens); the same rows, config and threads give the same weights.

    Ctrl-C waits for the step at hand and is raised when ``keeper`` has kept it.
    """
    batches = list(plan_batches(rows, config))
    optimizers = make_optimizers(model, config)
    first = keeper.load(model, optimizers) if keeper else 0
    model.train()
    started, tokens = time.monotonic(), 0
    with interrupts_held() as interrupted:
        for step in range(first, len(batches)):
            rate = learning_rate_at(step, len(batches), config)
            batch = [rows[i] for i in batches[step]]
            parts, read = _step(model, optimizers, batch, rate, config.micro_tokens)
            loss = sum(total for total, _ in parts.values()) / sum(count for _, count in parts.values())
            tokens += read
            seconds = time.monotonic() - started
            report(
                FitStep(
                    step=step,
                    steps=len(batches),
                    loss=loss,
                    parts=parts,
                    learning_rate=rate,
                    tokens_per_second=tokens / seconds,
                    minutes=seconds / 60,
                )
            )
            stopped = interrupted()
            if keeper:
                keeper.step_done(model, optimizers, loss, is_last=stopped)
            if stopped:
                raise KeyboardInterrupt
    model.eval()


def _step(
    model: PreTrainedModel,
    optimizers: Sequence[torch.optim.Optimizer],
    rows: Sequence[Row],
    rate: float,
    micro_tokens: int,
) -> tuple[dict[Part, tuple[float, int]], int]:
    """One optimizer step on the mean loss of ``rows``: summed losses and tokens by part, and tokens read."""
    for group in [group for optimizer in optimizers for group in optimizer.param_groups]:
        group["lr"] = rate
    device = next(model.parameters()).device
    with_loss = sum(int(row.mask[1:].sum()) for row in rows)
    parts: dict[Part, tuple[float, int]] = {}
    read = 0
    for indices in pack([len(row.token_ids) for row in rows], micro_tokens):
        ids_BT, parts_BT = pad_rows([rows[i] for i in indices], device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            losses_N = token_losses(model, ids_BT, parts_BT > Part.GIVEN)
        (losses_N.sum() / with_loss).backward()
        _add_losses(parts, losses_N.detach(), parts_BT[:, 1:])
        read += ids_BT.numel()
    trained = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return parts, read


def _add_losses(parts: dict[Part, tuple[float, int]], losses_N: torch.Tensor, parts_BT: torch.Tensor) -> None:
    """Add a micro-batch's losses to those of their parts."""
    part_N = parts_BT[parts_BT > Part.GIVEN]
    for part in Part:
        of_part = losses_N[part_N == part]
        if of_part.numel():
            total, count = parts.get(part, (0.0, 0))
            parts[part] = (total + of_part.sum().item(), count + of_part.numel())
