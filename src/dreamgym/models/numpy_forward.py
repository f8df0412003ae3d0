"""The forward of small Llama- and Qwen3-type decoders in numpy: the engine's fast path on a CPU.

Same equations as ``transformers``' modules, logits equal within float noise (tested). At a million parameters
and a token per context, most of torch's time is spent between its operations; here it is in the products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM, PreTrainedModel, Qwen3ForCausalLM

from dreamgym.models.kv_cache import Floats, PagedCache, RaggedAttention

_STATIC_ROPE = ("default", "linear", "llama3", "yarn")
_WORTHWHILE_PARAMETERS = 20_000_000  # above, the products dominate and a second copy of the weights costs


def has_numpy_forward(model: nn.Module) -> bool:
    """Whether ``NumpyForward`` computes this very model: a small Llama or Qwen3, float32, on the CPU."""
    if not (type(model) is LlamaForCausalLM or type(model) is Qwen3ForCausalLM):
        return False
    config = model.config
    plain = all(name.endswith(".weight") for name, _ in model.named_parameters())
    on_cpu = all(p.dtype is torch.float32 and p.device.type == "cpu" for p in model.parameters())
    full = all(layer.self_attn.__dict__.get("sliding_window") is None for layer in model.model.layers)
    small = sum(p.numel() for p in model.parameters()) <= _WORTHWHILE_PARAMETERS
    static_rope = config.rope_parameters["rope_type"] in _STATIC_ROPE
    return plain and on_cpu and full and small and static_rope and config.hidden_act == "silu"


@dataclass(frozen=True, slots=True)
class _Layer:
    input_norm: Floats
    qkv: Floats  # [hidden, (heads + 2 kv_heads) * head_dim]
    qk_norm: Floats | None  # [heads + kv_heads, head_dim]
    output: Floats
    mlp_norm: Floats
    gate_up: Floats  # [hidden, 2 * intermediate]
    down: Floats


class NumpyForward:
    """Ragged forwards of one model over paged caches."""

    def __init__(self, model: PreTrainedModel, *, max_length: int) -> None:
        config = model.config
        self._model = model
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        first = model.model.layers[0].self_attn
        self._head_dim, self._scaling = int(first.head_dim), np.float32(first.scaling)
        self._eps = np.float32(config.rms_norm_eps)
        with torch.no_grad():
            cos, sin = model.model.rotary_emb(torch.zeros(1), torch.arange(max_length)[None])
        half = self._head_dim // 2
        self._cos, self._sin = cos[0, :, :half].numpy(), sin[0, :, :half].numpy()
        self.refresh()

    def new_cache(self) -> PagedCache:
        """An empty context."""
        return PagedCache(layers=len(self._layers), kv_heads=self._kv_heads, head_dim=self._head_dim)

    def refresh(self) -> None:
        """Take the model's weights anew; they are copied, fused and transposed."""
        model = self._model
        self._embedding = _array(model.get_input_embeddings().weight)
        self._layers = [self._fused(layer) for layer in model.model.layers]
        self._final_norm = _array(model.model.norm.weight)
        self._unembedding = _transposed(model.get_output_embeddings().weight)

    def __call__(self, caches: Sequence[PagedCache], new_ids: Sequence[Sequence[int]]) -> Tensor:
        """Read ``new_ids[i]`` into ``caches[i]``; return the logits [rows, vocabulary] after each last one."""
        counts = [len(ids) for ids in new_ids]
        attention = RaggedAttention(caches, counts)
        positions_T = np.concatenate(
            [np.arange(cache.length, cache.length + n) for cache, n in zip(caches, counts, strict=True)]
        )
        cos, sin = self._cos[positions_T][:, None], self._sin[positions_T][:, None]
        x_TE = self._embedding[np.concatenate([np.asarray(ids) for ids in new_ids])]
        with np.errstate(over="ignore"):  # exp overflows in silu for large negative gates, rightly to 0
            for index, layer in enumerate(self._layers):
                x_TE += self._attend(index, layer, x_TE, attention, cos, sin)
                x_TE += self._mlp(layer, x_TE)
        for cache, count in zip(caches, counts, strict=True):
            cache.length += count
        last_BE = x_TE[np.cumsum(counts) - 1]
        return torch.from_numpy(_rms_norm(last_BE, self._final_norm, self._eps) @ self._unembedding)

    def _attend(
        self, index: int, layer: _Layer, x_TE: Floats, attention: RaggedAttention, cos: Floats, sin: Floats
    ) -> Floats:
        tokens, queries, dim = len(x_TE), self._heads, self._head_dim
        qkv_THD = (_rms_norm(x_TE, layer.input_norm, self._eps) @ layer.qkv).reshape(tokens, -1, dim)
        qk_THD, v_TKD = qkv_THD[:, : queries + self._kv_heads], qkv_THD[:, queries + self._kv_heads :]
        if layer.qk_norm is not None:
            qk_THD = _rms_norm(qk_THD, layer.qk_norm, self._eps)
        qk_THD = _rotated(qk_THD, cos, sin)
        q_THD = qk_THD[:, :queries] * self._scaling
        q_TKGD = q_THD.reshape(tokens, self._kv_heads, -1, dim)
        out = attention(index, q_TKGD, qk_THD[:, queries:], v_TKD)
        product: Floats = out.reshape(tokens, -1) @ layer.output
        return product

    def _mlp(self, layer: _Layer, x_TE: Floats) -> Floats:
        gate_up = _rms_norm(x_TE, layer.mlp_norm, self._eps) @ layer.gate_up
        gate, up = np.split(gate_up, 2, axis=1)
        sigmoid = np.exp(-gate)
        sigmoid += 1
        product: Floats = (gate / sigmoid * up) @ layer.down
        return product

    def _fused(self, layer: nn.Module) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        qk_norm = None
        if isinstance(self._model, Qwen3ForCausalLM):
            repeated = [attention.q_norm.weight] * self._heads + [attention.k_norm.weight] * self._kv_heads
            qk_norm = _array(torch.stack(repeated))
        qkv = [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]
        return _Layer(
            input_norm=_array(layer.input_layernorm.weight),
            qkv=_transposed(torch.cat(qkv)),
            qk_norm=qk_norm,
            output=_transposed(attention.o_proj.weight),
            mlp_norm=_array(layer.post_attention_layernorm.weight),
            gate_up=_transposed(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])),
            down=_transposed(mlp.down_proj.weight),
        )


def _array(weight: Tensor) -> Floats:
    array: Floats = weight.detach().numpy().copy()
    return array


def _transposed(weight: Tensor) -> Floats:
    array: Floats = np.ascontiguousarray(weight.detach().numpy().T)
    return array


def _rms_norm(x: Floats, weight: Floats, eps: np.float32) -> Floats:
    mean_square = np.einsum("...d,...d->...", x, x)[..., None] / np.float32(x.shape[-1])
    return x * (1 / np.sqrt(mean_square + eps)) * weight


def _rotated(x_THD: Floats, cos: Floats, sin: Floats) -> Floats:
    """Rotary positions: the two halves of a head are the coordinates that turn."""
    half = cos.shape[-1]
    a, b = x_THD[..., :half], x_THD[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)
