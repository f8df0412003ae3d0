"""PPO (paper §2, Eq. 2): a turn is as good as it turned out better than the critic expected.

    Â_t = Σ_l (γλ)^l [ r_{t+l} + γ V(s_{t+l+1}) − V(s_{t+l}) ]      over turns t of one episode
    V target: Â_t + V(s_t)

A turn, not a token, is the unit: V is read once per turn, at the last token before the agent speaks, rewards
belong to turns, and every token that the agent writes in a turn shares its advantage. So observation tokens
enter nowhere and the final reward cannot fall on a masked token. Advantages are standardised over all turns
of the update. Failed trajectories are left out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

from dreamgym.core.config import RLConfig
from dreamgym.core.data_structures import Group, Trajectory
from dreamgym.training.critic import Critic
from dreamgym.training.losses import explained_variance, gae, penalised, standardised
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.policy_optimizer import PolicyOptimizer
from dreamgym.training.token_batch import batch_metrics, dealt, rows_of
from dreamgym.utils.seeds import derive_seed


class PPO:
    """Proximal policy optimization of one policy with an LLM critic."""

    def __init__(self, config: RLConfig, policy: LocalPolicy, *, seed: int = 0) -> None:
        self._config = config
        self._seed = seed
        self._policy_optimizer = PolicyOptimizer(policy, config)
        self._critic = Critic(policy, config)

    def update(self, policy: LocalPolicy, groups: Sequence[Group]) -> dict[str, float]:
        """Learn from ``groups``. Raises ``NonFiniteLossError`` with nothing changed."""
        trajectories = [trajectory for group in groups for trajectory in group.scored]
        rows = [row for trajectory in trajectories for row in rows_of(trajectory)]
        values = list(chain.from_iterable(self._critic.values(rows)))  # per turn, episode after episode
        advantages = self._advantages(trajectories, values)
        targets = [advantage + value for advantage, value in zip(advantages, values, strict=True)]
        learned_rows = [
            row.with_advantages(of_turns)
            for row, of_turns in zip(rows, dealt(standardised(advantages), rows), strict=True)
        ]
        rng = random.Random(derive_seed(self._seed, "ppo", policy.version))
        with self._critic.restored_on_error():
            critic_metrics = self._critic.fit(rows, dealt(targets, rows), rng)
            policy_metrics = self._policy_optimizer.update(learned_rows, rng)
        policy.updated()
        critic_metrics["explained_variance"] = explained_variance(values, targets)
        return policy_metrics | critic_metrics | batch_metrics(groups, rows)

    def _advantages(self, trajectories: Sequence[Trajectory], values: Sequence[float]) -> list[float]:
        """GAE of each episode, per turn, episode after episode."""
        remaining = iter(values)
        advantages: list[float] = []
        for trajectory in trajectories:
            paid = [transition.reward for transition in trajectory.transitions]
            rewards = penalised(paid, trajectory, self._config.invalid_action_penalty)
            turn_values = list(islice(remaining, len(rewards)))
            advantages += gae(rewards, turn_values, gamma=self._config.gamma, lam=self._config.gae_lambda)
        return advantages

    def save(self, folder: Path) -> None:
        """Everything but the policy itself."""
        self._policy_optimizer.save(folder)
        self._critic.save(folder)

    def load(self, folder: Path) -> None:
        """Continue from ``save``."""
        self._policy_optimizer.load(folder)
        self._critic.load(folder)
