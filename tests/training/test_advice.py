"""What is doubtful in a configuration is said, and nothing else."""

from __future__ import annotations

import pytest

from dreamgym.core.config_io import load_config
from dreamgym.training import advice as module
from dreamgym.training.advice import advice
from dreamgym.training.memory import Shape

PRETRAINED = Shape(
    parameters=135_000_000, layers=30, hidden=576, inner=1536, vocabulary=49_152, cached_per_token=11_520
)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "every weight of a pretrained model of 135M"),
        (["rl.learning_rate=1e-5"], ""),
        (["policy_model.lora_rank=8"], "an adapter of a pretrained model of 135M"),
        (["policy_model.lora_rank=8", "rl.learning_rate=1e-4"], ""),
    ],
)
def test_a_rate_that_ruins_a_pretrained_model_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: list[str], said: str
) -> None:
    monkeypatch.setattr(module, "shape_of", lambda name: PRETRAINED)
    lines = list(advice(load_config(None, settings)))
    assert (said in lines[0]) if said else not lines


def test_the_default_run_is_not_doubted() -> None:
    assert list(advice(load_config(None, []))) == []
