"""The step that PPO and GRPO share: the clipped surrogate, its gradient over micro-batches, Adam.

    loss = Σ_tokens w (clipped_loss + β KL(π ‖ π_ref) − c entropy)

With ``rl.loss_normalisation`` "token", w = 1 / (agent tokens of the optimizer step): every token weighs the
same (TRL's "bnpo"). With "sequence", w = 1 / (rows · agent tokens of the row): every row does (TRL's "grpo").
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import AdamW

from dreamgym.core.config import RLConfig
from dreamgym.core.errors import NonFiniteLossError
from dreamgym.training.importance import in_learners_terms
from dreamgym.training.logprobs import action_logprobs
from dreamgym.training.losses import clipped_loss, is_clipped, low_variance_kl
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.reference import make_reference
from dreamgym.training.state_files import load_optimizer, restored_on_error, save_optimizer
from dreamgym.training.token_batch import Row, TokenBatch, collate, pack, shuffled_parts


@dataclass(slots=True)
class TokenSums:
    """Sums over the agent tokens that had a gradient, from which an update's metrics are made."""

    tokens: int = 0
    loss: float = 0.0
    clipped: float = 0.0
    approx_kl: float = 0.0
    entropy: float = 0.0
    reference_kl: float = 0.0
    grad_norms: list[float] = field(default_factory=list)
    first_ratio_error: float = 0.0

    def metrics(self) -> dict[str, float]:
        """Means per token, per step where that is the unit; see docs/metrics_glossary.md."""
        tokens, steps = max(self.tokens, 1), max(len(self.grad_norms), 1)
        return {
            "policy_loss": self.loss / steps,
            "clip_fraction": self.clipped / tokens,
            "approx_kl": self.approx_kl / tokens,
            "entropy": self.entropy / tokens,
            "reference_kl": self.reference_kl / tokens,
            "grad_norm": sum(self.grad_norms) / steps,
            "first_ratio_error": self.first_ratio_error,
            "optimizer_steps": float(len(self.grad_norms)),
        }


class PolicyOptimizer:
    """Adam on a policy's weights; with ``rl.kl_coefficient`` a frozen copy of the first policy besides."""

    def __init__(self, policy: LocalPolicy, config: RLConfig) -> None:
        self.config = config
        self.policy = policy
        self.model = policy.model
        self.temperature = policy.config.temperature
        self.trained = policy.trained()
        self.optimizer = AdamW(self.trained.values(), lr=config.learning_rate, weight_decay=0.0)
        self.reference = make_reference(policy) if config.kl_coefficient else None

    def update(self, rows: Sequence[Row], rng: random.Random) -> dict[str, float]:
        """``rl.epochs`` passes over ``rows``, each in ``rl.minibatches`` optimizer steps; all or none.

        Raises ``NonFiniteLossError`` with weights and optimizer as they were.
        """
        sums = TokenSums()
        rows, mismatch = self._corrected(rows)
        with restored_on_error(self.trained, self.optimizer), self._learning():
            for _ in range(self.config.epochs):
                for part in shuffled_parts(rows, self.config.minibatches, rng):
                    self._step(part, sums)
        return sums.metrics() | mismatch

    def _corrected(self, rows: Sequence[Row]) -> tuple[Sequence[Row], dict[str, float]]:
        """Rows of a sampler that computes otherwise than the learner, weighed for it; see ``importance``."""
        if not self.config.importance_cap:
            return rows, {}
        return in_learners_terms(
            rows,
            lambda batch: self.logprobs(batch)[0],
            cap=self.config.importance_cap,
            max_tokens=self.config.minibatch_tokens,
            device=self.model.device,
        )

    @contextmanager
    def _learning(self) -> Iterator[None]:
        """Within, activations may be computed twice, not kept, which a model in eval mode never does."""
        self.model.train(self.policy.config.gradient_checkpointing)
        try:
            yield
        finally:
            self.model.eval()

    def _step(self, rows: Sequence[Row], sums: TokenSums) -> None:
        """One optimizer step on ``rows``; none where no row has a gradient."""
        if not self.accumulate_gradient(rows, sums):
            return
        norm = torch.nn.utils.clip_grad_norm_(self.trained.values(), self.config.max_grad_norm).item()
        if not math.isfinite(norm):
            raise NonFiniteLossError(
                f"the policy's gradient has the norm {norm}: lower rl.learning_rate; nothing was updated"
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        sums.grad_norms.append(norm)

    def accumulate_gradient(self, rows: Sequence[Row], sums: TokenSums) -> bool:
        """Add the gradient of the loss over ``rows``; False where it is zero by definition."""
        weights = row_weights(rows, self.config.loss_normalisation)
        needed = [i for i, row in enumerate(rows) if row.agent_tokens and self._has_gradient(row)]
        for batch_indices in pack([len(rows[i].token_ids) for i in needed], self.config.minibatch_tokens):
            chosen = [needed[i] for i in batch_indices]
            self._accumulate([rows[i] for i in chosen], [weights[i] for i in chosen], sums)
        return bool(needed)

    def _has_gradient(self, row: Row) -> bool:
        return bool(self.config.kl_coefficient or self.config.entropy_coefficient or any(row.advantages))

    def _accumulate(self, rows: Sequence[Row], weights: Sequence[float], sums: TokenSums) -> None:
        """Add the gradient of one micro-batch."""
        batch = collate(rows, self.model.device)
        counts = torch.tensor([row.agent_tokens for row in rows], device=self.model.device)
        weights_N = torch.tensor(weights, device=self.model.device).repeat_interleave(counts)
        reference = None if self.reference is None else self.reference.logprobs(batch, self.temperature)
        logprobs_N, entropy_N = self.logprobs(batch)
        reference_kl_N = (
            torch.zeros_like(logprobs_N) if reference is None else low_variance_kl(logprobs_N, reference)
        )
        token_loss_N = (
            batch.importances_N
            * clipped_loss(logprobs_N, batch.old_logprobs_N, batch.advantages_N, self.config.clip)
            + self.config.kl_coefficient * reference_kl_N
            - self.config.entropy_coefficient * entropy_N
        )
        loss = (weights_N * token_loss_N).sum()
        if not torch.isfinite(loss):
            raise NonFiniteLossError(
                f"the policy's loss is {loss.item()}: lower rl.learning_rate, or go back to a good "
                "checkpoint; nothing was updated"
            )
        loss.backward()
        self._record(sums, batch, logprobs_N, entropy_N, reference_kl_N, loss)

    def logprobs(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """The policy's log-probabilities of the agents' tokens and its entropies there, both N."""
        return action_logprobs(self.model, batch, self.temperature, autocast=self.policy.autocast)

    @torch.no_grad()
    def _record(
        self,
        sums: TokenSums,
        batch: TokenBatch,
        logprobs_N: Tensor,
        entropy_N: Tensor,
        reference_kl_N: Tensor,
        loss: Tensor,
    ) -> None:
        old_N, clip = batch.old_logprobs_N, self.config.clip
        sums.tokens += len(logprobs_N)
        sums.loss += loss.item()
        sums.clipped += is_clipped(logprobs_N, old_N, batch.advantages_N, clip).sum().item()
        sums.approx_kl += low_variance_kl(old_N, logprobs_N).sum().item()
        sums.entropy += entropy_N.sum().item()
        sums.reference_kl += reference_kl_N.sum().item()
        if not sums.grad_norms:  # before any step the learner is the sampler, so a ratio off 1 is a defect
            error = (torch.exp(logprobs_N - old_N) - 1.0).abs().max().item()
            sums.first_ratio_error = max(sums.first_ratio_error, error)

    def save(self, folder: Path) -> None:
        """Adam's state and the reference; the policy saves itself."""
        save_optimizer(self.optimizer, self.model, folder / "policy_optimizer.safetensors")
        if self.reference is not None:
            self.reference.save(folder)

    def load(self, folder: Path) -> None:
        """Continue from ``save``, bit-equal."""
        load_optimizer(self.optimizer, self.model, folder / "policy_optimizer.safetensors")
        if self.reference is not None:
            self.reference.load(folder)


def row_weights(rows: Sequence[Row], normalisation: str) -> list[float]:
    """The weight of each token of a row in the loss of one optimizer step; over all tokens they sum to 1."""
    counts = [row.agent_tokens for row in rows]
    if normalisation == "token":
        return [1.0 / max(sum(counts), 1)] * len(rows)
    return [1.0 / (len(rows) * max(count, 1)) for count in counts]
