"""Ragged forwards of any ``transformers`` decoder: its own code, with our attention over per-context caches.

The tokens of all contexts stand in one row without padding; all but attention acts on each token alone.
Attention is registered with ``transformers`` under ``ATTENTION`` and is active only inside a forward of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from dreamgym.core.errors import ModelError

ATTENTION = "dreamgym_ragged"


class TorchCache:
    """Keys and values of the first ``length`` tokens of one context: a tensor [2, K, room, D] per layer."""

    def __init__(self) -> None:
        self.length = 0
        self.layers: dict[int, Tensor] = {}

    def truncate(self, length: int) -> None:
        """Forget what was computed after the first ``length`` tokens."""
        self.length = min(self.length, length)

    def copy(self) -> TorchCache:
        """The same context, to be continued apart."""
        twin = TorchCache()
        twin.length = self.length
        twin.layers = {layer: kv[:, :, : self.length].clone() for layer, kv in self.layers.items()}
        return twin

    def extended(self, layer: int, keys_KTD: Tensor, values_KTD: Tensor) -> tuple[Tensor, Tensor]:
        """Store what follows the first ``length`` tokens; return all keys and values of the layer."""
        end = self.length + keys_KTD.shape[1]
        kv = self.layers.get(layer)
        if kv is None or kv.shape[2] < end:
            room = end + end // 2
            grown = keys_KTD.new_zeros((2, keys_KTD.shape[0], room, keys_KTD.shape[2]))
            if kv is not None:
                grown[:, :, : self.length] = kv[:, :, : self.length]
            kv = self.layers[layer] = grown
        kv[0, :, self.length : end] = keys_KTD
        kv[1, :, self.length : end] = values_KTD
        return kv[0, :, :end], kv[1, :, :end]


class TorchForward:
    """Ragged forwards of one model. Dropout is off: a model in training mode is put into eval mode."""

    def __init__(self, model: PreTrainedModel, *, autocast: bool = False) -> None:
        if not getattr(model, "_supports_attention_backend", False):
            raise ModelError(
                f"{type(model).__name__} does not let its attention be replaced, so its contexts cannot be "
                "batched; use a decoder such as Llama, Qwen, Mistral, GPT-2 or GPT-NeoX"
            )
        self._model = model
        self._autocast = autocast

    def new_cache(self) -> TorchCache:
        """An empty context."""
        return TorchCache()

    def __call__(self, caches: Sequence[TorchCache], new_ids: Sequence[Sequence[int]]) -> Tensor:
        """Read ``new_ids[i]`` into ``caches[i]``; return the logits [rows, V] after each row's end."""
        counts = [len(ids) for ids in new_ids]
        device = self._model.device
        ids_1T = torch.tensor([[token for ids in new_ids for token in ids]], device=device)
        rows = zip(caches, counts, strict=True)
        positions_1T = torch.cat([torch.arange(c.length, c.length + n) for c, n in rows])[None].to(device)
        last_B = torch.tensor(counts, device=device).cumsum(0) - 1
        if self._model.training:
            self._model.eval()
        bfloat16 = torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._autocast)
        with torch.no_grad(), bfloat16, _ragged(self._model, caches, counts):
            output = self._model(
                input_ids=ids_1T, position_ids=positions_1T, use_cache=False, logits_to_keep=last_B
            )
        for cache, count in zip(caches, counts, strict=True):
            cache.length += count
        logits_BV: Tensor = output.logits[0]
        return logits_BV


_batches: list[tuple[Sequence[TorchCache], Sequence[int]]] = []


@contextmanager
def _ragged(model: PreTrainedModel, caches: Sequence[TorchCache], counts: Sequence[int]) -> Iterator[None]:
    """Let ``model`` attend with ``_attention`` over this batch."""
    usual = model.config._attn_implementation
    model.config._attn_implementation = ATTENTION
    _batches.append((caches, counts))
    try:
        yield
    finally:
        _batches.pop()
        model.config._attn_implementation = usual


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """The signature that ``transformers`` calls: [1, H, T, D] in, [1, T, H, D] out."""
    if softcap is not None or s_aux is not None:
        raise ModelError(f"{type(module).__name__} caps its scores or has sinks, which is not supported")
    caches, counts = _batches[-1]
    layer = int(cast(int, module.layer_idx))
    out_HTD, first = torch.empty_like(query[0]), 0
    for cache, count in zip(caches, counts, strict=True):
        rows = slice(first, first + count)
        keys_KSD, values_KSD = cache.extended(layer, key[0, :, rows], value[0, :, rows])
        queries_KGTD = query[0, :, rows].unflatten(0, (keys_KSD.shape[0], -1))
        group = queries_KGTD.shape[1]
        mask_TS = _mask(cache.length, count, sliding_window, query.device)
        attended = scaled_dot_product_attention(
            queries_KGTD.flatten(1, 2)[None],
            keys_KSD[None],
            values_KSD[None],
            attn_mask=None if mask_TS is None else mask_TS.repeat(group, 1),
            scale=scaling,
        )
        out_HTD[:, rows] = attended[0].unflatten(1, (group, count)).flatten(0, 1)
        first += count
    return out_HTD.transpose(0, 1)[None], None


def _mask(start: int, count: int, window: int | None, device: torch.device) -> Tensor | None:
    """True where a query may look; None where it may look everywhere."""
    if count == 1 and (window is None or start < window):
        return None
    asking_T1 = torch.arange(start, start + count, device=device)[:, None]
    positions_S = torch.arange(start + count, device=device)
    visible_TS = positions_S <= asking_T1
    return visible_TS if window is None else visible_TS & (positions_S > asking_T1 - window)


AttentionInterface.register(ATTENTION, _attention)
