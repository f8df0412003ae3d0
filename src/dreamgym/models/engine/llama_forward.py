"""The forward of Llama- and Qwen3-type decoders on a CPU: the engine's fast path.

The same weights and equations as ``transformers``' modules (logits equal within float noise, tested), without
what those do beside: for a few dozen tokens of a million-parameter model, it takes longer than the products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, rms_norm, silu
from transformers import LlamaForCausalLM, PreTrainedModel, Qwen3ForCausalLM

from dreamgym.models.engine.kv_cache import PagedCache, RaggedAttention

_STATIC_ROPE = ("default", "linear", "llama3", "yarn")


def has_llama_forward(model: nn.Module) -> bool:
    """Whether ``LlamaForward`` computes this very model: a plain Llama or Qwen3, float32, on the CPU."""
    if not (type(model) is LlamaForCausalLM or type(model) is Qwen3ForCausalLM):
        return False
    config: Any = model.config
    without_biases = all(name.endswith(".weight") for name, _ in model.named_parameters())
    on_cpu = all(p.dtype is torch.float32 and p.device.type == "cpu" for p in model.parameters())
    full = "sliding_attention" not in (getattr(config, "layer_types", None) or ())
    static_rope = config.rope_parameters["rope_type"] in _STATIC_ROPE
    return without_biases and on_cpu and full and static_rope and config.hidden_act == "silu"


class LlamaForward:
    """Ragged forwards of one model over paged caches; uses the model's own weights, whatever they are now."""

    def __init__(self, model: PreTrainedModel, *, max_length: int) -> None:
        self._model: Any = model
        config: Any = model.config
        self._kv_heads = int(config.num_key_value_heads)
        first = self._model.model.layers[0].self_attn
        self._head_dim, self._scaling = int(first.head_dim), float(first.scaling)
        self._normed_heads = isinstance(model, Qwen3ForCausalLM)
        self._eps = float(config.rms_norm_eps)
        with torch.no_grad():
            cos, sin = self._model.model.rotary_emb(torch.zeros(1), torch.arange(max_length)[None])
        self._cos_LD, self._sin_LD = cos[0], sin[0]

    def new_cache(self) -> PagedCache:
        """An empty context."""
        layers = len(self._model.model.layers)
        return PagedCache(layers=layers, kv_heads=self._kv_heads, head_dim=self._head_dim)

    @torch.inference_mode()
    def __call__(self, caches: Sequence[PagedCache], new_ids: Sequence[Sequence[int]]) -> Tensor:
        """Read ``new_ids[i]`` into ``caches[i]``; return the logits [rows, V] after each row's end."""
        counts = [len(ids) for ids in new_ids]
        attention = RaggedAttention(caches, counts)
        positions = [c.length + i for c, count in zip(caches, counts, strict=True) for i in range(count)]
        cos_T1D, sin_T1D = self._cos_LD[positions][:, None], self._sin_LD[positions][:, None]
        decoder = self._model.model
        ids_T = torch.tensor([token for ids in new_ids for token in ids])
        x_TE = embedding(ids_T, decoder.embed_tokens.weight)
        for index, layer in enumerate(decoder.layers):
            q, k, v = self._projected(layer.self_attn, self._norm(layer.input_layernorm, x_TE))
            q, k = _rotated(q, cos_T1D, sin_T1D) * self._scaling, _rotated(k, cos_T1D, sin_T1D)
            x_TE = x_TE + _projection(layer.self_attn.o_proj, attention(index, q, k, v).flatten(1))
            x_TE = x_TE + _mlp(layer.mlp, self._norm(layer.post_attention_layernorm, x_TE))
        for cache, count in zip(caches, counts, strict=True):
            cache.length += count
        last_BE = x_TE if len(x_TE) == len(counts) else x_TE[torch.tensor(counts).cumsum(0) - 1]
        return linear(self._norm(decoder.norm, last_BE), self._model.lm_head.weight)

    def _projected(self, attention: Any, x_TE: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [T, H, D], keys and values [T, K, D], before rotation."""
        heads = (-1, self._head_dim)
        q_THD = _projection(attention.q_proj, x_TE).unflatten(1, heads)
        k_TKD = _projection(attention.k_proj, x_TE).unflatten(1, heads)
        v_TKD = _projection(attention.v_proj, x_TE).unflatten(1, heads)
        if self._normed_heads:
            q_THD, k_TKD = self._norm(attention.q_norm, q_THD), self._norm(attention.k_norm, k_TKD)
        return q_THD, k_TKD, v_TKD

    def _norm(self, norm: Any, x: Tensor) -> Tensor:
        return rms_norm(x, norm.weight.shape, norm.weight, self._eps)


def _mlp(mlp: Any, x_TE: Tensor) -> Tensor:
    gated = silu(_projection(mlp.gate_proj, x_TE)).mul_(_projection(mlp.up_proj, x_TE))
    return _projection(mlp.down_proj, gated)


def _projection(layer: nn.Module, x_TE: Tensor) -> Tensor:
    """A linear layer; one with an adapter knows itself what that adds."""
    if type(layer) is nn.Linear:
        return linear(x_TE, layer.weight)
    adapted: Tensor = layer(x_TE)
    return adapted


def _rotated(x_THD: Tensor, cos_T1D: Tensor, sin_T1D: Tensor) -> Tensor:
    """Rotary positions: the two halves of a head are the coordinates that turn."""
    a, b = x_THD.chunk(2, dim=-1)
    return torch.addcmul(x_THD * cos_T1D, torch.cat((-b, a), dim=-1), sin_T1D)
