"""What a run will need is told before it starts, and refused where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamgym.core.config_io import load_config
from dreamgym.core.errors import ConfigError
from dreamgym.training import memory
from dreamgym.training.grounds import check_available
from dreamgym.training.memory import GIB, Shape, policy_need, shape_of
from dreamgym.training.models import load_policy, model_name

EMBEDDED = model_name("embedded", "policy")
EIGHT_B = Shape(
    parameters=8_030_000_000,
    layers=32,
    hidden=4096,
    inner=14_336,
    vocabulary=128_256,
    cached_per_token=65_536,
)


def test_the_shape_is_the_models_own() -> None:
    shape = shape_of(EMBEDDED)
    assert shape is not None
    model = load_policy(load_config(None, []).policy_model).model
    assert shape.parameters == model.num_parameters()
    assert shape.cached_per_token == 2 * model.config.num_hidden_layers * 2 * 32
    linears = [m for m in model.model.modules() if type(m).__name__ == "Linear"]
    assert shape.linear_sizes == sum(linear.in_features + linear.out_features for linear in linears)


def test_by_hand_for_eight_billion_parameters() -> None:
    whole = policy_need(EIGHT_B, load_config(None, []), rank=0, number=2, on_cpu=False)
    assert whole.parts["weights"] == 8.03e9 * 4
    assert whole.parts["gradients and Adam"] == 8.03e9 * 12
    adapter = policy_need(
        EIGHT_B,
        load_config(None, ["policy_model.gradient_checkpointing=true"]),
        rank=16,
        number=2,
        on_cpu=False,
    )
    assert adapter.parts["weights"] == 8.03e9 * 2
    # 41.9M parameters, as peft counts them on all linear layers of Llama-3.1-8B at rank 16
    assert adapter.parts["gradients and Adam"] == pytest.approx(41.94e6 * 12, rel=0.01)
    assert whole.total > 3 * adapter.total


def test_what_cannot_fit_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 0.2 * GIB)
    with pytest.raises(
        ConfigError, match=r"would take about .* GiB .* has 0\.2 GiB free: set policy_model\.lora_rank=16"
    ):
        check_available(load_config(None, []))
    small = ["training.concurrency=4", "rl.minibatch_tokens=512", "policy_model.context_length=512"]
    check_available(load_config(None, small))


def test_the_system_is_asked(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:   2048 kB\n")
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "limit").write_text("1000\n")
    assert memory._meminfo_available(tmp_path / "meminfo") == 2 * 1024**2
    assert memory._cgroup_limit(tmp_path / "max") == memory._cgroup_limit(tmp_path / "none") == float("inf")
    assert memory._cgroup_limit(tmp_path / "limit") == 1000
