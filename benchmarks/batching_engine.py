"""Turns per second of the batching engine against plain ``transformers.generate`` that re-reads its history.

Both play the same episodes with the same model, greedily: each turn appends the environment's tokens and
generates an action. Plain ``generate`` takes all episodes as one left-padded batch per turn. Each side runs
in a process of its own, in turn, and the best of its repeats counts.

    python benchmarks/batching_engine.py [--episodes 64] [--turns 20] [--threads 1] [--repeats 2]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import resource
import time
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from dreamgym.models.engine.batching_engine import BatchingEngine

VOCABULARY, OPENING, APPENDED, GENERATED = 1800, 60, (20, 30), 6
Tokens = list[list[int]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    seconds: float
    cpu_seconds: float
    peak_mib: float
    contexts: Tokens


def embedded_size_model() -> Qwen3ForCausalLM:
    """Random weights in the shape of the embedded models."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=None,
        bos_token_id=None,
        pad_token_id=0,
    )
    return Qwen3ForCausalLM(config).eval()


def observations(episode: int, turns: int) -> Tokens:
    """What the environment says before each action: an opening, then short answers."""
    rng = random.Random(episode)
    lengths = [OPENING + rng.randint(*APPENDED), *(rng.randint(*APPENDED) for _ in range(turns - 1))]
    return [[rng.randrange(1, VOCABULARY) for _ in range(length)] for length in lengths]


def play_batched(episodes: int, turns: int) -> Tokens:
    """Sessions on the engine."""
    engine = BatchingEngine(embedded_size_model())

    async def episode(index: int) -> list[int]:
        session = engine.session(seed=index)
        for observation in observations(index, turns):
            session.append(observation)
            await session.generate(stop_ids=(), max_tokens=GENERATED, temperature=0.0)
        return session.token_ids

    async def every_episode() -> Tokens:
        return list(await asyncio.gather(*(episode(index) for index in range(episodes))))

    return asyncio.run(every_episode())


def play_plain(episodes: int, turns: int) -> Tokens:
    """``generate`` on left-padded histories."""
    model: Any = embedded_size_model()
    contexts: Tokens = [[] for _ in range(episodes)]
    said = [observations(index, turns) for index in range(episodes)]
    for turn in range(turns):
        for context, observation in zip(contexts, said, strict=True):
            context.extend(observation[turn])
        longest = max(map(len, contexts))
        ids = torch.tensor([[0] * (longest - len(context)) + context for context in contexts])
        mask = torch.tensor([[0] * (longest - len(c)) + [1] * len(c) for c in contexts])
        with torch.no_grad():
            output = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=GENERATED)
        for context, generated in zip(contexts, output[:, longest:].tolist(), strict=True):
            context.extend(generated)
    return contexts


PLAYERS = {"engine": play_batched, "plain generate": play_plain}


def measured(player: str, episodes: int, turns: int, threads: int) -> Outcome:
    """Play once, after one short warm-up."""
    torch.set_num_threads(threads)
    PLAYERS[player](2, 2)
    start, cpu_start = time.perf_counter(), time.process_time()
    contexts = PLAYERS[player](episodes, turns)
    return Outcome(
        seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu_start,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        contexts=contexts,
    )


def main() -> None:
    """Print a table, and the same as one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=64)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    best: dict[str, Outcome] = {}
    for _ in range(options.repeats):
        for player in PLAYERS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                outcome = pool.apply(measured, (player, options.episodes, options.turns, options.threads))
            if player not in best or outcome.seconds < best[player].seconds:
                best[player] = outcome
    report(best["engine"], best["plain generate"], options)


def report(engine: Outcome, plain: Outcome, options: argparse.Namespace) -> None:
    """The table and the line."""
    turns = options.episodes * options.turns
    print(f"{'':16}{'turns/s':>10}{'seconds':>10}{'CPU s':>10}{'peak MiB':>10}")
    for player, outcome in (("engine", engine), ("plain generate", plain)):
        rate, cpu, peak = turns / outcome.seconds, outcome.cpu_seconds, outcome.peak_mib
        print(f"{player:16}{rate:10.1f}{outcome.seconds:10.2f}{cpu:10.2f}{peak:10.0f}")
    result = {
        "episodes": options.episodes,
        "turns": options.turns,
        "threads": options.threads,
        "engine_turns_per_s": round(turns / engine.seconds, 1),
        "plain_turns_per_s": round(turns / plain.seconds, 1),
        "ratio": round(plain.seconds / engine.seconds, 2),
        "cpu_ratio": round(plain.cpu_seconds / engine.cpu_seconds, 2),
        "engine_peak_mib": round(engine.peak_mib),
        "plain_peak_mib": round(plain.peak_mib),
        "identical_episodes": sum(a == b for a, b in zip(engine.contexts, plain.contexts, strict=True)),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
