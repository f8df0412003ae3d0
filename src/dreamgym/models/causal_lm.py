"""Causal LMs by name: a folder, also an adapter's, a ``.gguf``, a published model, a Hugging Face name.

Whatever the name, what comes of it is a ``transformers`` model with its tokenizer; where the name is an
adapter's, peft's model around its base besides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from dreamgym.core.config import Device, Precision
from dreamgym.core.errors import ConfigError, ModelError
from dreamgym.models.adapter import ADAPTER_CONFIG, Adapter, load_adapter
from dreamgym.models.model_store import PUBLISHED, published_folder

disable_progress_bar()  # its bars would tear ours

# What transformers raises for a folder that it cannot load.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class CausalLM:
    """A model in eval mode with its tokenizer; ``adapter`` where it is a frozen base with an adapter."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    adapter: Adapter | None = None


def pick_device(device: Device) -> torch.device:
    """The device that a setting means; ``auto`` is the GPU where there is one.

    Raises:
        ConfigError: a GPU is asked for and there is none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is cuda, but torch sees no GPU here: use device=auto or device=cpu")
    return torch.device(device)


def pick_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The precision that a setting means; ``auto`` is bfloat16 on a GPU and float32 elsewhere."""
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def load_causal_lm(name: str, *, dtype: torch.dtype, device: torch.device) -> CausalLM:
    """The model that ``name`` means; code of its own that it brings along is never run.

    Raises:
        ConfigError: no such model.
        ModelError: it is there and cannot be loaded.
    """
    place = model_place(name)
    if (Path(place) / ADAPTER_CONFIG).is_file():
        return _load_with_adapter(Path(place), dtype, device)
    with _explained(name, place):
        return _load_whole(place, dtype, device)


def load_config(name: str) -> PretrainedConfig | None:
    """The shape of the model that ``name`` means, or of an adapter's base; None where a .gguf holds it.

    Raises:
        ConfigError: no such model.
        ModelError: it is there and cannot be read.
    """
    place = model_place(name)
    if (Path(place) / ADAPTER_CONFIG).is_file():
        return load_config(base_of(Path(place)))
    if place.endswith(".gguf"):
        return None
    with _explained(name, place):
        return cast(PretrainedConfig, AutoConfig.from_pretrained(place))


@contextmanager
def _explained(name: str, place: str) -> Iterator[None]:
    """What transformers raises for a model that it cannot load, in one line."""
    try:
        yield
    except UNREADABLE as error:
        here = Path(place).exists()
        tried = "cannot be loaded" if here else "is no folder here, and not to be had from Hugging Face"
        raise ModelError(f"{name} {tried}: {_first_line(error)}") from error


def _load_whole(place: str, dtype: torch.dtype, device: torch.device) -> CausalLM:
    file = Path(place)
    folder, gguf = (str(file.parent), file.name) if file.suffix == ".gguf" else (place, None)
    local = file.exists()
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf, local_files_only=local, dtype=dtype)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf, local_files_only=local)
    cast(nn.Module, model).to(device)  # transformers' wrapper of it hides its type
    return CausalLM(model=model.eval(), tokenizer=tokenizer)


def _load_with_adapter(folder: Path, dtype: torch.dtype, device: torch.device) -> CausalLM:
    """The adapter's base, then the adapter; its folder may hold a tokenizer of its own."""
    base = load_causal_lm(base_of(folder), dtype=dtype, device=device)
    adapter = load_adapter(base.model, folder)
    has_tokenizer = (folder / "tokenizer_config.json").is_file()
    tokenizer = AutoTokenizer.from_pretrained(folder) if has_tokenizer else base.tokenizer
    return CausalLM(model=adapter.model, tokenizer=tokenizer, adapter=adapter)


def base_of(folder: Path) -> str:
    """The name of the model that an adapter belongs to; a published one is found wherever the cache lies."""
    try:
        base = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
        moved = not Path(base).exists() and Path(base).name in PUBLISHED
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder / ADAPTER_CONFIG} does not name its base model: {error!r}") from error
    return Path(base).name if moved else str(base)


def model_place(name: str) -> str:
    """The folder, file or Hugging Face name that ``name`` means.

    Raises:
        ConfigError: it can mean no model.
    """
    path = Path(name)
    if (path / "config.json").is_file() or (path / ADAPTER_CONFIG).is_file():
        return name
    if path.suffix == ".gguf" and path.is_file():
        return name
    if name in PUBLISHED:
        return str(published_folder(name))
    if path.exists() or not _HUB_NAME.fullmatch(name):
        raise ConfigError(
            f"{name} holds no config.json and no {ADAPTER_CONFIG}: name the folder of a Hugging Face causal "
            f"LM or of its adapter, a .gguf file, {' or '.join(PUBLISHED)}, or a model of Hugging Face"
        )
    return name


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
