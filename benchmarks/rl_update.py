"""How long an RL update takes: GRPO and PPO against the plain way to write the same loss.

    python benchmarks/rl_update.py [--groups 12] [--turns 20] [--threads 2] [--repeats 3]

A model of the embedded policy's size, 8 episodes a group of up to 650 tokens. "plain" is GRPO's gradient
with logits for every token, batches in the order played, and an attention mask for the padding. One line of
JSON ends it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from dreamgym.core.config import PolicyModelConfig, RLConfig
from dreamgym.core.data_structures import Action, Group, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.models.tiny import new_tiny_model
from dreamgym.models.tokenizer import build_tokenizer
from dreamgym.training.grpo import GRPO, group_rows
from dreamgym.training.losses import clipped_loss
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.ppo import PPO
from dreamgym.training.token_batch import Row, collate, padded

VOCABULARY, LAYERS, GROUP_SIZE = 1500, 4, 8
PROMPT_TOKENS, ACTION_TOKENS = (18, 36), (2, 5)
PLAIN_BATCH = 16


class Seconds(NamedTuple):
    """Of the clock, and of the processor, which a busy machine disturbs less."""

    wall: float
    cpu: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=12)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rng = random.Random(0)
    groups = [group(rng, options.turns, number) for number in range(options.groups)]
    rows = [row for each in groups for row in group_rows(each)]
    tokens = sum(len(row.token_ids) for row in rows)
    result: dict[str, float] = {"episodes": len(rows), "tokens": tokens, "threads": options.threads}
    for name, update in updates(groups, rows).items():
        best = min(timed(update) for _ in range(options.repeats))
        result[f"{name}_seconds"], result[f"{name}_cpu_seconds"] = round(best.wall, 2), round(best.cpu, 2)
        print(
            f"{name:6}{best.wall:8.2f} s{best.cpu:8.2f} CPU s{tokens / best.wall:10.0f} tokens/s", flush=True
        )
    print(json.dumps(result))


def updates(groups: Sequence[Group], rows: Sequence[Row]) -> dict[str, Callable[[], object]]:
    """What is measured, each on a policy of its own."""
    grpo, ppo, plain = policy(), policy(), policy().model
    grpo_learner, ppo_learner = GRPO(RLConfig(), grpo), PPO(RLConfig(), ppo)
    return {
        "grpo": lambda: grpo_learner.update(grpo, groups),
        "ppo": lambda: ppo_learner.update(ppo, groups),
        "plain": lambda: plain_gradient(plain, rows),
    }


def policy() -> LocalPolicy:
    """As large as the embedded one, untrained."""
    tokenizer: PreTrainedTokenizerFast = build_tokenizer([f"thing {i}" for i in range(VOCABULARY)], [], [])
    return LocalPolicy(new_tiny_model(tokenizer, layers=LAYERS, seed=0), tokenizer, PolicyModelConfig())


def group(rng: random.Random, turns: int, number: int) -> Group:
    """Random tokens; half of the episodes end early, and half are won."""
    task = Task(id=str(number), environment="benchmark", instruction="")
    return Group(task=task, trajectories=tuple(trajectory(rng, task, turns, i) for i in range(GROUP_SIZE)))


def trajectory(rng: random.Random, task: Task, turns: int, number: int) -> Trajectory:
    played = turns if number % 2 else rng.randint(turns // 2, turns)
    won = float(number % 4 < 2)
    transitions = [
        Transition(state="", action=action(rng), reward=won * (turn == played - 1), next_state="")
        for turn in range(played)
    ]
    return Trajectory(
        id=f"{task.id}-{number}",
        task=task,
        origin=Origin.DREAMED,
        transitions=tuple(transitions),
        stop_reason=StopReason.TERMINATED,
    )


def action(rng: random.Random) -> Action:
    prompt = [rng.randrange(VOCABULARY) for _ in range(rng.randint(*PROMPT_TOKENS))]
    said = [rng.randrange(VOCABULARY) for _ in range(rng.randint(*ACTION_TOKENS))]
    logprobs = tuple(-7.0 for _ in said)
    return Action(text="", prompt_ids=tuple(prompt), token_ids=tuple(said), logprobs=logprobs)


def plain_gradient(model: Qwen3ForCausalLM, rows: Sequence[Row]) -> None:
    """GRPO's gradient as one would write it first."""
    model.zero_grad()
    agent_tokens = sum(row.agent_tokens for row in rows)
    for start in range(0, len(rows), PLAIN_BATCH):
        part = rows[start : start + PLAIN_BATCH]
        batch = collate(part)
        present_BT = padded([[1] * len(row.token_ids) for row in part])
        logits_BTV = model(input_ids=batch.token_ids_BT, attention_mask=present_BT).logits
        logprobs_BTV = logits_BTV[:, :-1].log_softmax(-1)
        logprobs_BT = logprobs_BTV.gather(2, batch.token_ids_BT[:, 1:, None])[..., 0]
        logprobs_N = logprobs_BT[batch.agent_BT[:, 1:]]
        loss_N = clipped_loss(logprobs_N, batch.old_logprobs_N, batch.advantages_N, 0.2)
        (loss_N.sum() / agent_tokens).backward()


def timed(update: Callable[[], object]) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    update()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
