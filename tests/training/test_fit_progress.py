"""A fit that was interrupted or killed goes on to the same weights, and never on another fit's."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from dreamgym.training import fit_progress
from dreamgym.training.fit import progress_lines
from dreamgym.training.fit_progress import FitProgress, fit_identity
from dreamgym.training.supervised import FitStep, Part, Row, SupervisedConfig, fit

CONFIG = SupervisedConfig(epochs=3.0, batch_tokens=64)
rng = random.Random(0)
ROWS = [
    Row(
        token_ids=np.asarray([rng.randrange(20) for _ in range(8)], np.int32),
        parts=(np.arange(8) > 3).astype(np.uint8),
    )
    for _ in range(40)
]


def tiny() -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen3Config(vocab_size=20, num_key_value_heads=1, head_dim=8, tie_word_embeddings=True, **shape)
    return Qwen3ForCausalLM(config)


def run(
    folder: Path, report: Callable[[FitStep], None] = lambda step: None, config: SupervisedConfig = CONFIG
) -> tuple[Qwen3ForCausalLM, list[float]]:
    model = tiny()
    keeper = FitProgress(folder=folder, identity=fit_identity(model, ROWS, config))
    fit(model, ROWS, config, report=report, keeper=keeper)
    return model, keeper.curve


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_an_interrupt_waits_for_the_step_and_the_same_command_ends_bit_equal(tmp_path: Path) -> None:
    whole, curve = run(tmp_path / "whole")
    steps: list[int] = []

    def interrupt(step: FitStep) -> None:
        steps.append(step.step)
        if step.step == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", interrupt)
    assert steps == [0, 1, 2, 3, 4, 5]
    continued, again = run(tmp_path / "cut", lambda step: steps.append(step.step))
    assert steps == list(range(len(curve)))
    assert same(continued, whole)
    assert again == curve


def test_a_killed_fit_goes_on_from_what_was_last_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_progress, "SAVE_EVERY", -1.0)
    whole, _ = run(tmp_path / "whole")

    def die(step: FitStep) -> None:
        if step.step == 5:
            raise SystemExit

    with pytest.raises(SystemExit):
        run(tmp_path / "cut", die)
    steps: list[int] = []
    continued, _ = run(tmp_path / "cut", lambda step: steps.append(step.step))
    assert steps[0] == 5
    assert same(continued, whole)


def test_what_another_fit_left_is_not_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(step: FitStep) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", interrupt)
    other = SupervisedConfig(epochs=2.0, batch_tokens=64)
    steps: list[int] = []
    run(tmp_path / "cut", lambda step: steps.append(step.step), other)
    assert steps[0] == 0
    assert "is of another fit: starting anew" in capsys.readouterr().out


def test_a_fit_is_heard_of_at_once_and_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    say = progress_lines()
    for step, seconds in enumerate([4, 10, 20, 36, 40, 50]):
        say(
            FitStep(
                step=step,
                steps=6,
                loss=float(step),
                parts={Part.ACTION: (2.0 * step, 2)},
                learning_rate=1e-3,
                tokens_per_second=100.0,
                minutes=seconds / 60,
            )
        )
    said = [line.partition(", ")[0] for line in capsys.readouterr().out.splitlines()]
    # Each line is the mean of the steps since the one before.
    assert said == [
        "step 1 of 6: loss 0.0000 (action 0.0000)",
        "step 4 of 6: loss 2.0000 (action 2.0000)",
        "step 6 of 6: loss 4.5000 (action 4.5000)",
    ]
