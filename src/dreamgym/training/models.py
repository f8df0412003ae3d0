"""The models of a run, from their names in the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import torch

import dreamgym
from dreamgym.core.config import DreamGymConfig, LLMConfig, PolicyModelConfig, ReasoningModelConfig
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.models.adapter import ADAPTER_CONFIG, Adapter, new_adapter
from dreamgym.models.causal_lm import load_causal_lm, model_place, pick_device, pick_dtype
from dreamgym.models.clients.local_client import LocalClient
from dreamgym.models.clients.token_server import TokenServer
from dreamgym.models.llm_client import Account, LLMClient, make_client
from dreamgym.training.policy import LocalPolicy

ASSETS = Path(dreamgym.__file__).parent / "assets"
EMBEDDED = "embedded"
FIT_RECORD = "fit.json"


def load_policy(config: PolicyModelConfig, *, seed: int = 0) -> LocalPolicy:
    """The agent π with its starting weights; what is trained of them is in float32.

    Updates of 1e-4 would be lost in a shorter mantissa. So in bfloat16 a model that is trained whole keeps
    its float32 weights and computes in bfloat16; one with an adapter keeps its frozen base in bfloat16.
    """
    name, device = model_name(config.name, "policy"), pick_device(config.device)
    precision = pick_dtype(config.precision, device)
    frozen = config.lora_rank > 0 or (Path(name) / ADAPTER_CONFIG).is_file()
    loaded = load_causal_lm(name, dtype=precision if frozen else torch.float32, device=device)
    adapter = loaded.adapter
    if adapter is None and config.lora_rank:
        adapter = new_adapter(loaded.model, rank=config.lora_rank, seed=seed)
    if config.gradient_checkpointing:
        loaded.model.activation_checkpointing_enable({"use_reentrant": False})
    return LocalPolicy(
        loaded.model,
        loaded.tokenizer,
        config,
        adapter=adapter,
        autocast=adapter is None and precision is torch.bfloat16,
        server=_server(config, adapter),
    )


def _server(config: PolicyModelConfig, adapter: Adapter | None) -> TokenServer | None:
    """The server that samples the policy's tokens, where one is named."""
    if not config.server:
        return None
    if adapter is None:
        raise ConfigError(
            "policy_model.server samples with adapters, which alone can be sent after every update: "
            "set policy_model.lora_rank, such as 16"
        )
    return TokenServer(config.server, adapter, config.server_adapters, max_length=config.context_length)


def experience_client(
    config: ReasoningModelConfig, llm: LLMConfig | None = None, account: Account | None = None
) -> LLMClient:
    """The language model behind the experience model; ``account`` pays where it is a hosted one."""
    if ":" in config.name:
        return make_client(config.name, llm, account=account)
    name = model_name(config.name, "experience")
    _check_form(Path(name), config)
    return LocalClient.from_name(name, config.device)


def environment_client(config: DreamGymConfig, account: Account | None = None) -> LLMClient | None:
    """The language model that the environment asks, tau-bench's user or WebArena's judge; None for none."""
    name = config.environment.client
    return make_client(name, config.llm, account=account) if name else None


def _check_form(folder: Path, config: ReasoningModelConfig) -> None:
    """Refuse to read a model of ours in another context than it was fitted for: it would write nonsense."""
    path = folder / FIT_RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ConfigError(f"{path} is damaged ({error}): fit the model again, or remove the file") from None
    wants = config.model_dump(include={"context", "reasoning", "history"})
    if record.get("top_k") == 0:  # fewer than it was fitted to read are well, any where it knows none are not
        wants["top_k"] = config.top_k
    for key, wanted in wants.items():
        if record.get(key, wanted) != wanted:
            asked, fitted = (str(value).lower() for value in (wanted, record[key]))
            raise ConfigError(
                f"reasoning_model.{key} is {asked}, but {folder} was fitted for {fitted}: "
                f"set reasoning_model.{key}={fitted}, or fit another model"
            )


def model_name(name: str, asset: str) -> str:
    """What ``load_causal_lm`` takes for a setting's ``name``; ``asset`` is ``policy`` or ``experience``.

    Raises:
        ConfigError: it can mean no model.
    """
    if name != EMBEDDED:
        model_place(name)
        return name
    folder = ASSETS / asset
    if not (folder / "config.json").is_file():
        raise UnavailableError(f"the embedded {folder} is not installed: make it with `dreamgym fit {asset}`")
    return str(folder)
