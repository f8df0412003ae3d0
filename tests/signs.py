"""A task that a tiny random policy must learn: in each of three turns, say the colour on the sign."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import torch
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from dreamgym.core.config import PolicyModelConfig
from dreamgym.core.data_structures import Group, Origin, Sheet, Task
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.models.tokenizer import build_tokenizer
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.rollout import EnvironmentMaker, collect

COLOURS = ("red", "green", "blue")
TURNS = 3


class Signs:
    """Pays 1/3 per turn in which the first word said is the colour shown; always ends at its turn limit."""

    name = "signs"
    origin = Origin.REAL
    sheet: Sheet | None = None

    async def reset(self, task: Task, seed: int) -> Observation:
        rng = random.Random(seed)
        self.turn, self.signs = 0, [rng.choice(COLOURS) for _ in range(TURNS + 1)]
        return self._seen()

    async def step(self, action: str) -> StepResult:
        right = action.split()[:1] == [self.signs[self.turn]]
        self.turn += 1
        return StepResult(
            observation=self._seen(), reward=right / TURNS, terminated=False, truncated=self.turn == TURNS
        )

    def _seen(self) -> Observation:
        return Observation(text=f"sign {self.signs[self.turn]}")

    def snapshot(self) -> object:
        return self.turn, tuple(self.signs)

    def restore(self, snapshot: object) -> None:
        self.turn, self.signs = snapshot

    async def close(self) -> None:
        pass


def toy_tokenizer() -> PreTrainedTokenizerFast:
    texts = [f"\ntask: play\nsees: sign {colour}\naction: {colour}" for colour in COLOURS]
    return build_tokenizer([], texts, [])


def toy_model(
    tokenizer: PreTrainedTokenizerFast, seed: int = 0, width: int = 32, max_length: int = 256
) -> Qwen3ForCausalLM:
    torch.manual_seed(seed)
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=width // 2,
            max_position_embeddings=max_length,
            initializer_range=width**-0.5,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def toy_policy(seed: int = 0, **config: object) -> LocalPolicy:
    tokenizer = toy_tokenizer()
    settings = {"max_action_tokens": 2, "context_length": 128, **config}
    return LocalPolicy(toy_model(tokenizer, seed), tokenizer, PolicyModelConfig(**settings))


def toy_tasks(count: int = 1) -> list[Task]:
    return [Task(id=f"signs-{i}", environment="signs", instruction="play") for i in range(count)]


async def _environments(task: Task, seed: int) -> EnvironmentMaker:
    return Signs


def play(policy: LocalPolicy, *, seed: int, groups: int = 8, group_size: int = 8) -> list[Group]:
    """Fresh episodes; a group shares its signs."""
    return asyncio.run(
        collect(
            toy_tasks(groups),
            policy,
            _environments,
            origin=Origin.REAL,
            seed=seed,
            label=str(seed),
            group_size=group_size,
        )
    )


def mean_return(groups: Sequence[Group]) -> float:
    returns = [value for group in groups for value in group.returns]
    return sum(returns) / len(returns)


def with_shuffled_rewards(groups: Sequence[Group], rng: random.Random) -> list[Group]:
    """The same episodes paid with each other's rewards, so that what was done does not matter."""
    rewards = [[t.reward for t in episode.transitions] for group in groups for episode in group.trajectories]
    rng.shuffle(rewards)
    paid = iter(rewards)
    return [
        replace(
            group,
            trajectories=tuple(
                replace(
                    episode,
                    transitions=tuple(
                        replace(t, reward=r) for t, r in zip(episode.transitions, next(paid), strict=True)
                    ),
                )
                for episode in group.trajectories
            ),
        )
        for group in groups
    ]
