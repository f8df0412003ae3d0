"""Small causal LMs from scratch (Qwen3 architecture, about 1M parameters) that learn look-ups.

What made them learn is in docs/implementation_details.md: weights at 1/sqrt(width), query-key norm, a name
with its number as one token whose embedding starts as the sum of its kind's and its number's.
"""

from __future__ import annotations

import math

import torch
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM


def tiny_config(
    tokenizer: PreTrainedTokenizerFast, *, layers: int, width: int = 128, max_length: int = 4096
) -> Qwen3Config:
    """Four query heads, two key-value heads, SwiGLU of three widths, tied embeddings."""
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=width // 4,
        max_position_embeddings=max_length,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        attention_dropout=0.0,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )


def new_tiny_model(
    tokenizer: PreTrainedTokenizerFast, *, layers: int, seed: int, width: int = 128, max_length: int = 4096
) -> Qwen3ForCausalLM:
    """A freshly initialised model; the same seed gives the same weights."""
    model = Qwen3ForCausalLM(tiny_config(tokenizer, layers=layers, width=width, max_length=max_length))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                scale = 1.0 / math.sqrt(parameter.shape[1])
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    scale /= math.sqrt(2 * layers)
                parameter.normal_(0.0, scale, generator=generator)
        _compose_name_embeddings(model.model.embed_tokens.weight, tokenizer, generator)
    return model


def _compose_name_embeddings(
    weight_VD: torch.Tensor, tokenizer: PreTrainedTokenizerFast, generator: torch.Generator
) -> None:
    """Start `` mug 2`` as mug + 2, so that what is learned of one mug holds for all."""
    parts: dict[str, torch.Tensor] = {}
    for token, index in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        kind, _, number = token.strip().rpartition(" ")
        if token.startswith(" ") and kind.isalpha() and number.isdigit():
            for part in (kind, number):
                if part not in parts:
                    parts[part] = torch.empty(weight_VD.shape[1]).normal_(
                        0.0, 1.0 / math.sqrt(weight_VD.shape[1]), generator=generator
                    )
            weight_VD[index] = (parts[kind] + parts[number] + 0.5 * weight_VD[index]) / 1.5
            word = tokenizer.get_vocab().get(f" {kind}")
            if word is not None:
                weight_VD[word] = (2 * parts[kind] + weight_VD[word]) / math.sqrt(5)
