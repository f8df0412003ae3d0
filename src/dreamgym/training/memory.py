"""How much memory a run will need, told before it starts: what cannot fit is refused with what would help.

An estimate from the models' shapes, made without loading them; its constants were fitted to measured updates
(``benchmarks/memory_prediction.py``). The sampler's caches are counted at half of what the longest contexts
would take, since few episodes last to the end.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.errors import ConfigError
from dreamgym.models.adapter import ADAPTER_CONFIG
from dreamgym.models.causal_lm import load_config, pick_device, pick_dtype
from dreamgym.training.models import model_name

GIB = 1024**3
FLOAT, ADAM = 4, 8  # bytes of a float32; of Adam's two moments
HIDDEN_KEPT, INNER_KEPT = 8, 4  # activations of a layer, in widths of the stream and of the MLP
ADAPTER_FACTOR = 1.6  # an adapter keeps its own inputs besides
LOGITS_KEPT = 9  # logits, their log-softmax, entropies, and the gradients of them
AGENT_SHARE = 1 / 3  # of the tokens of a row, at most, in practice
CACHE_SHARE = 1 / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a causal LM is made of."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    vocabulary: int
    cached_per_token: int  # numbers in keys and values, all layers

    @property
    def linear_sizes(self) -> int:
        """Inputs and outputs of all linear layers: what one rank of an adapter adds."""
        kv = self.cached_per_token // (2 * max(self.layers, 1))
        return self.layers * (
            2 * self.hidden + 2 * (self.hidden + kv) + 2 * self.hidden + 3 * (self.hidden + self.inner)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Bytes by what they are for, where the policy runs."""

    parts: dict[str, float]

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self.parts.values())


def shape_of(name: str) -> Shape | None:
    """The shape of a named model; None where it is not told without loading (a .gguf)."""
    config: Any = load_config(name)
    if config is None:
        return None
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    heads = config.num_attention_heads
    head_dim = config.to_dict().get("head_dim") or config.hidden_size // heads
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        inner=config.to_dict().get("intermediate_size") or 4 * config.hidden_size,
        vocabulary=config.vocab_size,
        cached_per_token=2
        * config.num_hidden_layers
        * (config.to_dict().get("num_key_value_heads") or heads)
        * head_dim,
    )


def policy_need(shape: Shape, config: DreamGymConfig, *, rank: int, number: int, on_cpu: bool) -> Need:
    """What training the policy takes; ``number`` bytes compute, ``rank`` is its adapter's, 0 without one.

    ``on_cpu``: what a failed update falls back on lies in main memory, and so does the policy.
    """
    rl, trained = config.rl, shape.parameters if rank == 0 else rank * shape.linear_sizes
    whole = rank == 0
    weights = shape.parameters * (FLOAT if whole else number)
    tokens = max(rl.minibatch_tokens, config.policy_model.context_length // 2)
    kept = (HIDDEN_KEPT * shape.hidden + INNER_KEPT * shape.inner) * (1.0 if whole else ADAPTER_FACTOR)
    layers = (
        shape.layers * shape.hidden + kept
        if config.policy_model.gradient_checkpointing
        else shape.layers * kept
    )
    contexts = config.training.concurrency * config.policy_model.context_length * CACHE_SHARE
    critic = trained * (FLOAT + FLOAT + ADAM) if rl.algorithm == "ppo" else 0
    return Need(
        parts={
            "weights": weights,
            "gradients and Adam": trained * (FLOAT + ADAM),
            "what an update falls back on": trained * (FLOAT + ADAM) if on_cpu else 0,
            "reference": (weights if whole else trained * FLOAT) if rl.kl_coefficient else 0,
            "critic": critic,
            "activations": tokens * (layers * number + AGENT_SHARE * shape.vocabulary * LOGITS_KEPT * FLOAT),
            "caches of the rollouts": contexts * shape.cached_per_token * number,
        }
    )


def check_memory(config: DreamGymConfig) -> None:
    """Raise ``ConfigError`` where the policy's training cannot fit into the memory of its device."""
    name = model_name(config.policy_model.name, "policy")
    shape = shape_of(name)
    if shape is None:
        return
    device = pick_device(config.policy_model.device)
    number = pick_dtype(config.policy_model.precision, device).itemsize
    need = policy_need(shape, config, rank=rank_of(name, config), number=number, on_cpu=device.type == "cpu")
    free = free_memory(device)
    if need.total > free:
        parts = ", ".join(
            f"{part} {size / GIB:.1f}" for part, size in need.parts.items() if size >= 0.05 * GIB
        )
        raise ConfigError(
            f"training {config.policy_model.name} would take about {need.total / GIB:.1f} GiB ({parts}), "
            f"and {device.type} has {free / GIB:.1f} GiB free: {_advice(config, rank_of(name, config))}"
        )


def rank_of(name: str, config: DreamGymConfig) -> int:
    """The adapter's rank, also where the policy starts from an adapter that was fitted."""
    folder = Path(name)
    if (folder / ADAPTER_CONFIG).is_file():
        return int(json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))["r"])
    return config.policy_model.lora_rank


def _advice(config: DreamGymConfig, rank: int) -> str:
    """What would make it smaller, the most helpful first."""
    choices = [
        "policy_model.lora_rank=16" if rank == 0 else "",
        "" if config.policy_model.gradient_checkpointing else "policy_model.gradient_checkpointing=true",
        f"rl.minibatch_tokens={max(256, config.rl.minibatch_tokens // 4)}",
        f"training.concurrency={max(1, config.training.concurrency // 4)}",
    ]
    return f"set {', '.join(filter(None, choices))}, or take a smaller model"


def free_memory(device: torch.device) -> float:
    """Bytes that can still be had; infinity where the system does not tell."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return min(_meminfo_available(Path("/proc/meminfo")), _cgroup_limit(Path("/sys/fs/cgroup/memory.max")))


def _meminfo_available(path: Path) -> float:
    if sys.platform != "linux" or not path.exists():
        return float("inf")
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
    return float(lines["MemAvailable"].split()[0]) * 1024


def _cgroup_limit(path: Path) -> float:
    """The container's limit; what it holds already is not told apart from what it could give back."""
    text = path.read_text().strip() if path.exists() else "max"
    return float("inf") if text == "max" else float(text)
