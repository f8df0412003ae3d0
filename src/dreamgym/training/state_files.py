"""Weights and optimizers as safetensors: what a resumed run needs to continue bit-equal, nothing pickled."""

from __future__ import annotations

import copy
import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from dreamgym.core.errors import CheckpointError


def save_module(module: nn.Module, path: Path) -> None:
    """The trainable parameters and the buffers of ``module``, each once also where two names share one."""
    save_tensors(_unique_tensors(module), path)


def load_module(module: nn.Module, path: Path) -> None:
    """Fill ``module`` from ``save_module``'s file, in place."""
    load_tensors(_unique_tensors(module), read_tensors(path), path)


def load_tensors(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    """Fill ``wanted``, in place, with what was ``found`` in the file ``path``."""
    _check_same_layout(wanted, found, path)
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(found[name])


def save_optimizer(optimizer: Optimizer, module: nn.Module, path: Path) -> None:
    """The optimizer's running state as ``parameter/key`` tensors; its settings come from the config."""
    tensors = {
        f"{name}/{key}": value
        for name, parameter in module.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    save_tensors(tensors, path)


def load_optimizer(optimizer: Optimizer, module: nn.Module, path: Path) -> None:
    """Fill ``optimizer`` (over ``module``'s parameters) from ``save_optimizer``'s file."""
    parameters = dict(module.named_parameters())
    optimizer.state.clear()
    for name_and_key, tensor in read_tensors(path).items():
        name, _, key = name_and_key.rpartition("/")
        if name not in parameters:
            raise CheckpointError(f"{path} belongs to another model: this one has no parameter {name!r}")
        # Adam counts its steps on the CPU; its moments lie where the parameter does.
        place = parameters[name].device if tensor.ndim else "cpu"
        optimizer.state[parameters[name]][key] = tensor.to(place)


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """One safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with disk_errors(path):
        save_file(contiguous, path, metadata={"format": "pt"})  # which transformers insists on


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """A disk that takes no more as the ``OSError`` that it is: safetensors raises an error of its own."""
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code), str(path)) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of one safetensors file."""
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path} is missing: the checkpoint is not whole, take an earlier one"
        ) from error
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is truncated or no safetensors file ({error}): take an earlier one"
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object of a checkpoint."""
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path} is missing or truncated ({error}): take an earlier checkpoint"
        ) from error
    if not isinstance(found, dict):
        raise CheckpointError(
            f"{path} holds a {type(found).__name__}, not an object: take an earlier checkpoint"
        )
    return found


@contextmanager
def restored_on_error(weights: Mapping[str, Tensor], optimizer: Optimizer) -> Iterator[None]:
    """Put ``weights`` and optimizer back as they were if the block raises, Ctrl-C included.

    What they were is kept in main memory: that of a GPU has no room for it.
    """
    before = {name: _set_aside(tensor) for name, tensor in weights.items()}
    state = _set_aside(optimizer.state_dict())
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for name, tensor in weights.items():
                tensor.copy_(before[name])
        optimizer.load_state_dict(state)
        optimizer.zero_grad(set_to_none=True)
        raise


def _set_aside(value: Any) -> Any:
    """A copy on the CPU of a tensor, or of everything in an optimizer's state."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _set_aside(inner) for key, inner in value.items()}
    return copy.copy(value)


def _unique_tensors(module: nn.Module) -> dict[str, Tensor]:
    # named_parameters leaves out the second name of a tied weight; state_dict would not.
    persistent = module.state_dict().keys()
    buffers = {name: tensor for name, tensor in module.named_buffers() if name in persistent}
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    return {**trained, **buffers}


def _check_same_layout(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    found_shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    if shapes != found_shapes:
        differing = sorted(set(shapes.items()) ^ set(found_shapes.items()))
        raise CheckpointError(
            f"{path} belongs to another model: {len(differing)} tensors differ in name or shape, first "
            f"{differing[0]}; resume with the config that the checkpoint was made with"
        )
