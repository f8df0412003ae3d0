"""Supervised fitting: the loss against plain transformers, every row once, a copy task and its control."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from dreamgym.training.supervised import (
    FitStep,
    Row,
    SupervisedConfig,
    fit,
    learning_rate_at,
    length_batches,
    pad_rows,
    plan_batches,
    token_losses,
)


def tiny(seed: int = 0) -> Qwen3ForCausalLM:
    torch.manual_seed(seed)
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=24,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            tie_word_embeddings=True,
        )
    )


def row(ids: list[int], loss_from: int) -> Row:
    return Row(token_ids=np.asarray(ids, np.int32), parts=(np.arange(len(ids)) >= loss_from).astype(np.uint8))


def test_the_loss_is_that_of_plain_transformers_row_by_row() -> None:
    model = tiny()
    rows = [row([5, 6, 7, 8, 9], 2), row([3, 4, 11], 1)]
    ids_BT, parts_BT = pad_rows(rows, torch.device("cpu"))
    expected = []
    for one in rows:
        ids = torch.from_numpy(one.token_ids.astype(np.int64))[None]
        logprobs = model(ids).logits[0].log_softmax(-1)
        expected += [-logprobs[t - 1, ids[0, t]].item() for t in range(1, ids.shape[1]) if one.mask[t]]
    assert token_losses(model, ids_BT, parts_BT > 0).tolist() == pytest.approx(expected, abs=1e-5)


def test_each_row_is_in_exactly_one_batch_and_batches_fit() -> None:
    lengths = [random.Random(1).randint(3, 90) for _ in range(500)]
    batches = length_batches(lengths, 400, random.Random(0))
    assert sorted(i for batch in batches for i in batch) == list(range(500))
    assert all(len(b) * max(lengths[i] for i in b) <= 400 for b in batches)


def test_a_fraction_of_an_epoch_takes_that_share() -> None:
    rows = [row([1] * 10, 1)] * 100
    whole = len(list(plan_batches(rows, SupervisedConfig(epochs=1.0, batch_tokens=50))))
    assert whole == 20
    assert len(list(plan_batches(rows, SupervisedConfig(epochs=2.5, batch_tokens=50)))) == 50


def test_the_rate_warms_up_and_decays_to_nothing() -> None:
    config = SupervisedConfig(learning_rate=1.0, warmup_share=0.1)
    rates = [learning_rate_at(step, 100, config) for step in range(100)]
    assert rates[:2] == pytest.approx([0.1, 0.2])
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.01


def last_loss(rows: list[Row]) -> float:
    steps: list[FitStep] = []
    fit(tiny(), rows, SupervisedConfig(epochs=10, learning_rate=1e-2, batch_tokens=256), report=steps.append)
    return sum(step.loss for step in steps[-5:]) / 5


def test_copying_is_learned_and_noise_is_not() -> None:
    rng = random.Random(0)
    words = [[rng.randrange(3, 23) for _ in range(2)] for _ in range(600)]
    copies = [row([*pair, 1, *pair], 3) for pair in words]
    noise = [row([*pair, 1, *rng.choice(words)], 3) for pair in words]
    assert last_loss(copies) < 0.5
    assert last_loss(noise) > 2.0


def test_the_same_rows_and_seed_give_the_same_weights() -> None:
    rows = [row([1, 2, 3, i % 20], 1) for i in range(40)]
    first, second = tiny(), tiny()
    for model in (first, second):
        fit(model, rows, SupervisedConfig(epochs=1, batch_tokens=32), report=lambda step: None)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
