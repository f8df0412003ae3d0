"""What a causal LM thinks of the tokens that agents wrote, computed for those tokens alone."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel

from dreamgym.core.errors import ModelError
from dreamgym.training.token_batch import TokenBatch


def action_logprobs(
    model: PreTrainedModel, batch: TokenBatch, temperature: float, *, autocast: bool = False
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the agents' tokens and entropies of their distributions, both N.

    They are those of the sampler: logits divided by ``temperature``. The vocabulary's logits, the largest
    tensor by far, are made only where an agent's token was predicted. With ``autocast`` in bfloat16.
    """
    with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=autocast):
        hidden_ND = hidden_states(model, batch.token_ids_BT)[:, :-1][batch.agent_BT[:, 1:]]
        logits_NV = model.get_output_embeddings()(hidden_ND)
    logits_NV = logits_NV.float() / temperature
    all_logprobs_NV = torch.log_softmax(logits_NV, dim=-1)
    entropy_N = -(all_logprobs_NV.exp() * all_logprobs_NV).sum(-1)
    return all_logprobs_NV.gather(1, batch.targets_N[:, None])[:, 0], entropy_N


def hidden_states(model: PreTrainedModel, token_ids_BT: Tensor) -> Tensor:
    """The trunk's last hidden states, B × T × D; causal attention needs no mask for padding on the right."""
    hidden_BTD: Tensor = model.base_model(input_ids=token_ids_BT, use_cache=False).last_hidden_state
    return hidden_BTD


@torch.no_grad()
def check_plain_head(model: PreTrainedModel) -> None:
    """Refuse a model whose logits are not ``lm_head(hidden)``: some architectures scale or cap them then."""
    head = model.get_output_embeddings()
    if head is None:
        raise ModelError(f"{type(model).__name__} has no output embeddings: the policy must be a causal LM")
    ids_BT = torch.zeros(1, 2, dtype=torch.long, device=model.device)
    logits_BTV = model(input_ids=ids_BT, use_cache=False).logits
    if not torch.allclose(logits_BTV, head(hidden_states(model, ids_BT)), rtol=1e-3, atol=1e-3):
        raise ModelError(
            f"{type(model).__name__} changes its logits after lm_head, which the learner does not do: "
            "take a model without logit scaling or soft-capping"
        )
