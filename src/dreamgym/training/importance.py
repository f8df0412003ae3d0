"""Rows that another engine sampled, told in the learner's own probabilities.

A server, or this process in bfloat16, computes other log-probabilities than the learner does for the same
weights. Left alone, PPO's ratio starts off 1 and clips what nobody changed. So before the first step the old
log-probabilities become the learner's, and what is left of the difference weighs the token, truncated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dreamgym.training.losses import truncated_importance
from dreamgym.training.token_batch import ENVIRONMENT, Row, TokenBatch, collate, pack

Logprobs = Callable[[TokenBatch], Tensor]


@torch.no_grad()
def in_learners_terms(
    rows: Sequence[Row], logprobs: Logprobs, *, cap: float, max_tokens: int, device: torch.device
) -> tuple[list[Row], dict[str, float]]:
    """The rows with the learner's old log-probabilities and importances, and how far the sampler was off.

    Metrics: ``sampler_mismatch``, the mean of |log π_learner − log π_sampler|; ``importance_capped``, the
    share of tokens whose weight was truncated.
    """
    told = list(rows)
    mismatch, capped, tokens = 0.0, 0, 0
    for indices in pack([len(row.token_ids) for row in rows], max_tokens):
        batch = collate([rows[i] for i in indices], device)
        logprobs_N = logprobs(batch)
        weights_N = truncated_importance(logprobs_N, batch.old_logprobs_N, cap)
        mismatch += (logprobs_N - batch.old_logprobs_N).abs().sum().item()
        capped += int((weights_N >= cap).sum())
        tokens += len(logprobs_N)
        learners, weights = iter(logprobs_N.tolist()), iter(weights_N.tolist())
        for index in indices:
            told[index] = replace(
                rows[index],
                old_logprobs=_dealt(rows[index], learners, 0.0),
                importances=_dealt(rows[index], weights, 1.0),
            )
    share = 1.0 / max(tokens, 1)
    return told, {"sampler_mismatch": mismatch * share, "importance_capped": capped * share}


def _dealt(row: Row, of_agent: Iterator[float], elsewhere: float) -> tuple[float, ...]:
    """One number per token: the next of ``of_agent`` for each that the agent wrote."""
    return tuple(elsewhere if turn == ENVIRONMENT else next(of_agent) for turn in row.turns)
