"""One next token per context, from logits and one uniform number each."""

from __future__ import annotations

import torch
from torch import Tensor


def sample(logits_BV: Tensor, temperatures: list[float], uniforms: list[float]) -> tuple[Tensor, Tensor]:
    """Token ids [B] and their log-probabilities [B], in float32.

    Temperature τ > 0 samples from softmax(logits / τ) by inverting its cumulative distribution, and the
    log-probability is of that distribution. Temperature 0 takes the likeliest token; its log-probability is
    the model's own (τ = 1).
    """
    tau_B = torch.tensor(temperatures, device=logits_BV.device)
    greedy_B = tau_B == 0
    logits_BV = logits_BV.float() / torch.where(greedy_B, 1.0, tau_B)[:, None]
    logprobs_BV = logits_BV.log_softmax(dim=-1)
    if all(temperature == 0 for temperature in temperatures):
        ids_B = logprobs_BV.argmax(dim=-1)
    else:
        ids_B = torch.where(greedy_B, logprobs_BV.argmax(dim=-1), _drawn(logprobs_BV, uniforms))
    return ids_B, logprobs_BV.gather(1, ids_B[:, None])[:, 0]


def _drawn(logprobs_BV: Tensor, uniforms: list[float]) -> Tensor:
    cumulative_BV = logprobs_BV.exp().cumsum(dim=-1, dtype=torch.float64)
    # Scaled by the total, which is 1 only up to rounding, so that no number falls behind the last token.
    target_B = torch.tensor(uniforms, dtype=torch.float64, device=logprobs_BV.device) * cumulative_BV[:, -1]
    ids_B = torch.searchsorted(cumulative_BV, target_B[:, None], right=True)[:, 0]
    return ids_B.clamp_(max=logprobs_BV.shape[1] - 1)  # NaN falls behind; the caller sees it in the logprob
