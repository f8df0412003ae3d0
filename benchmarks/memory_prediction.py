"""Is the memory of an update what was predicted? One optimizer step on random rows, in a process each.

python benchmarks/memory_prediction.py --model smollm2 --tokens 1024
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import load_config
from dreamgym.training.memory import GIB, policy_need, shape_of
from dreamgym.training.models import load_policy, model_name
from dreamgym.training.policy_optimizer import PolicyOptimizer
from dreamgym.training.token_batch import ENVIRONMENT, Row

AGENT_SHARE = 3  # every third token is the agent's
ARMS = {
    "whole": [],
    "whole, checkpointing": ["policy_model.gradient_checkpointing=true"],
    "LoRA of rank 16": ["policy_model.lora_rank=16"],
    "LoRA, checkpointing": ["policy_model.lora_rank=16", "policy_model.gradient_checkpointing=true"],
}
IN_AN_UPDATE = ("gradients and Adam", "activations")  # the first: there is nothing of Adam to fall back on


def peak() -> float:
    """The most that this process held so far, in GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB


def random_row(length: int, vocabulary: int, rng: random.Random) -> Row:
    agents = range(1, length, AGENT_SHARE)
    turn_at = {position: turn for turn, position in enumerate(agents)}
    row = Row(
        token_ids=tuple(rng.randrange(vocabulary) for _ in range(length)),
        turns=tuple(turn_at.get(i, ENVIRONMENT) for i in range(length)),
        old_logprobs=(-5.0,) * length,
        states=tuple(i - 1 for i in agents),
    )
    return row.with_advantages([rng.uniform(-1, 1) for _ in agents])


def measure(config: DreamGymConfig, tokens: int, answers: multiprocessing.Queue[tuple[float, float]]) -> None:
    """Peak growth of one update, and what was predicted for it, in GiB."""
    rng = random.Random(0)
    policy = load_policy(config.policy_model)
    optimizer = PolicyOptimizer(policy, config.rl)
    shape = shape_of(model_name(config.policy_model.name, "policy"))
    assert shape is not None, "a .gguf tells no shape"
    need = policy_need(shape, config, rank=config.policy_model.lora_rank, number=4, on_cpu=True)
    rows = [random_row(tokens // 2, shape.vocabulary, rng) for _ in range(2)]
    before = peak()  # loading held more for a moment, so what an update takes is rather underestimated
    optimizer.update(rows, rng)
    answers.put((peak() - before, sum(need.parts[part] for part in IN_AN_UPDATE) / GIB))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--tokens", type=int, default=1024, help="tokens of a micro-batch")
    args = parser.parse_args()
    print(f"| {args.model}, {args.tokens} tokens | predicted, GiB | measured, GiB |\n|---|---|---|")
    for name, arm in ARMS.items():
        settings = [
            f"policy_model.name={args.model}",
            f"rl.minibatch_tokens={args.tokens}",
            f"policy_model.context_length={args.tokens}",
            "rl.minibatches=1",
            "policy_model.precision=float32",
            "policy_model.device=cpu",
        ]
        context = multiprocessing.get_context("spawn")
        answers: multiprocessing.Queue[tuple[float, float]] = context.Queue()
        config = load_config(None, [*settings, *arm])
        process = context.Process(target=measure, args=(config, args.tokens, answers))
        process.start()
        measured, predicted = answers.get()
        process.join()
        print(f"| {name} | {predicted:.2f} | {measured:.2f} |", flush=True)


if __name__ == "__main__":
    main()
