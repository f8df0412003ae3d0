"""The models of a run, from their names in the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

import dreamgym
from dreamgym.core.config import LLMConfig, PolicyModelConfig, ReasoningModelConfig
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.models.llm_client import Account, LLMClient, make_client
from dreamgym.models.local_client import UNREADABLE
from dreamgym.training.policy import LocalPolicy

disable_progress_bar()  # small models load in no time, and its bar would tear ours
ASSETS = Path(dreamgym.__file__).parent / "assets"
EMBEDDED = "embedded"
FIT_RECORD = "fit.json"


def load_policy(config: PolicyModelConfig) -> LocalPolicy:
    """The agent π with its starting weights, in float32: updates of 1e-4 are lost in a shorter mantissa."""
    folder = model_folder(config.name, "policy")
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    except UNREADABLE as error:
        raise ConfigError(f"policy_model.name: {folder} cannot be loaded: {error}") from error
    return LocalPolicy(model, tokenizer, config)


def experience_client(
    config: ReasoningModelConfig, llm: LLMConfig | None = None, account: Account | None = None
) -> LLMClient:
    """The language model behind the experience model; ``account`` pays where it is a hosted one."""
    if ":" in config.name:
        return make_client(config.name, llm, account=account)
    folder = model_folder(config.name, "experience")
    _check_form(folder, config)
    return make_client(f"local:{folder}")


def _check_form(folder: Path, config: ReasoningModelConfig) -> None:
    """Refuse to read a model of ours in another context than it was fitted for: it would write nonsense."""
    path = folder / FIT_RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ConfigError(f"{path} is damaged ({error}): fit the model again, or remove the file") from None
    for key, wanted in (("context", config.context), ("reasoning", config.reasoning)):
        if record.get(key, wanted) != wanted:
            asked, fitted = (str(value).lower() for value in (wanted, record[key]))
            raise ConfigError(
                f"reasoning_model.{key} is {asked}, but {folder} was fitted for {fitted}: "
                f"set reasoning_model.{key}={fitted}, or fit another model"
            )


def model_folder(name: str, asset: str) -> Path:
    """The Hugging Face folder that ``name`` means; ``asset`` is ``policy`` or ``experience``."""
    folder = ASSETS / asset if name == EMBEDDED else Path(name)
    if (folder / "config.json").is_file():
        return folder
    if name == EMBEDDED:
        raise UnavailableError(f"the embedded {folder} is not installed: make it with `dreamgym fit {asset}`")
    raise ConfigError(
        f"the {asset} model {folder} holds no config.json: name a Hugging Face causal LM's folder"
    )
