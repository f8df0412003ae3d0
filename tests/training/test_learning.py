"""Both algorithms solve a task that needs the observation; with shuffled rewards neither does."""

from __future__ import annotations

import random

import pytest

from dreamgym.core.config import RLConfig
from dreamgym.training.grpo import GRPO
from dreamgym.training.ppo import PPO
from signs import COLOURS, mean_return, play, toy_policy, with_shuffled_rewards

# The entropy bonus keeps a policy from settling on two of the three colours; seeds 0 to 3 all learn with it.
SETTINGS = RLConfig(learning_rate=5e-3, critic_learning_rate=3e-3, minibatches=4, entropy_coefficient=0.03)
ITERATIONS = 32


def mean_return_after_training(algorithm: type[GRPO] | type[PPO], *, shuffled: bool) -> float:
    policy = toy_policy()
    learner = algorithm(SETTINGS, policy)
    for iteration in range(ITERATIONS):
        groups = play(policy, seed=iteration)
        if shuffled:
            groups = with_shuffled_rewards(groups, random.Random(iteration))
        learner.update(policy, groups)
    return mean_return(play(policy, seed=1000))


@pytest.mark.parametrize("algorithm", [GRPO, PPO])
def test_solves_the_signs(algorithm: type[GRPO] | type[PPO]) -> None:
    assert mean_return(play(toy_policy(), seed=1000)) < 0.15  # it must be learned
    assert mean_return_after_training(algorithm, shuffled=False) > 0.9


@pytest.mark.parametrize("algorithm", [GRPO, PPO])
def test_learns_nothing_from_shuffled_rewards(algorithm: type[GRPO] | type[PPO]) -> None:
    # Saying one colour always, whatever the sign, is worth a third.
    assert mean_return_after_training(algorithm, shuffled=True) < 1 / len(COLOURS) + 0.1
