"""LoRA adapters (extra ``lora``): few trained weights on a frozen base, several of them side by side.

One base serves the policy, the policy as it was at the start (the KL's reference) and the critic; each has an
adapter, and exactly one of them is at work at a time.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from dreamgym.core.errors import ModelError, UnavailableError

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
POLICY = "default"  # peft's own name for the first adapter


class Adapter:
    """peft's model around a frozen ``model``, which stays a plain causal LM with adapted layers."""

    def __init__(self, peft_model: Any) -> None:
        self._peft_model = peft_model
        self.model: PreTrainedModel = peft_model.get_base_model()

    def parameters(self, name: str = POLICY) -> dict[str, nn.Parameter]:
        """The weights of one adapter by their names in the model."""
        inside = f".{name}."
        return {key: p for key, p in self.model.named_parameters() if inside in key and ".lora_" in key}

    def copy(self, name: str) -> None:
        """Put another adapter beside the policy's, equal to it for now."""
        with _quiet():
            self._peft_model.add_adapter(name, self._peft_model.peft_config[POLICY])
        with torch.no_grad():
            for key, parameter in self.parameters(name).items():
                parameter.copy_(self.parameters()[key.replace(f".{name}.", f".{POLICY}.")])
        self._peft_model.set_adapter(POLICY)

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        """Within, the model computes with the adapter ``name``; gradients are to be taken within, too."""
        self._peft_model.set_adapter(name)
        try:
            yield
        finally:
            self._peft_model.set_adapter(POLICY)

    def merged(self) -> PreTrainedModel:
        """The model with the adapter's weights added to its own, for good."""
        return cast(PreTrainedModel, self._peft_model.merge_and_unload())

    def write(self, folder: Path) -> None:
        """The policy's adapter as peft, and servers that take adapters, know it."""
        from peft import get_peft_model_state_dict

        self._peft_model.peft_config[POLICY].save_pretrained(folder)
        tensors = get_peft_model_state_dict(self._peft_model, adapter_name=POLICY)
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(plain, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill in what ``tensors`` gave."""
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(self._peft_model, dict(tensors), adapter_name=POLICY)


def new_adapter(model: PreTrainedModel, *, rank: int, seed: int) -> Adapter:
    """A fresh adapter on every linear layer, of scale 2; it changes nothing until it is trained."""
    peft = _peft()
    settings = peft.LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    with _quiet(), torch.random.fork_rng():  # peft draws the starting weights from the global generator
        torch.manual_seed(seed)
        return Adapter(peft.get_peft_model(model, settings))


def load_adapter(model: PreTrainedModel, folder: Path) -> Adapter:
    """The adapter in ``folder`` on its base ``model``.

    Raises:
        ModelError: it is damaged, or belongs to another base.
    """
    peft = _peft()
    try:
        with _quiet():
            return Adapter(peft.PeftModel.from_pretrained(model, str(folder), is_trainable=True))
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        said = str(error).strip().splitlines()
        raise ModelError(
            f"the adapter {folder} does not fit its base {type(model).__name__} of width "
            f"{model.config.hidden_size}: {said[-1].strip() if said else error!r}"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Within, peft's use of old names in transformers is no news to a user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise UnavailableError("LoRA needs peft: pip install 'dreamgym[lora]'") from error
    return peft
