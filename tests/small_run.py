"""A real run of every real part, small enough for a test: a random tiny policy in a scripted dream."""

from __future__ import annotations

import json
from pathlib import Path

from dreamgym.models.tiny import new_tiny_model
from dreamgym.training.cast import CollectSettings
from dreamgym.training.domains.household import Household
from dreamgym.training.embedded import make_tokenizer
from dreamgym.training.offline_data import collect_offline_data, read_trajectories

# What the prompt ends with, else holds, and the dream's answer: an action that ends in 1, 2 or 3 wins.
DREAM = {
    "\naction:": "\nfail\nnext: Nothing happens.\nreward: 0\ndone: no",
    " =": " open; nothing\nend",
    ";": " nothing\nend",
    **{f" {n}": "\nok\nnext: You win.\nreward: 1\ndone: yes" for n in (1, 2, 3)},
}

SETTINGS = [
    "policy_model.context_length=1024",
    "policy_model.max_action_tokens=4",
    "rl.group_size=4",
    "rl.entropy_coefficient=0.01",
    "training.phases=[{world: dream, iterations: 4}, {world: real, iterations: 2}]",
    "training.tasks_per_iteration=3",
    "training.eval_episodes=4",
    "training.checkpoint_every=2",
    "training.eval_every=2",
    "training.fidelity.gate=false",
    "training.fidelity.episodes=2",
    "environment.max_turns=6",
    "environment.dream_max_turns=6",
]


def prepare(folder: Path) -> list[str]:
    """Make models and data in ``folder``; the overrides that use them."""
    collect_offline_data(
        folder / "offline",
        episodes=12,
        settings=CollectSettings(),
        cast=Household(),
        seed=0,
        heldout_share=0.5,
    )
    trajectories = list(read_trajectories(folder / "offline" / "train.jsonl.gz"))
    tokenizer = make_tokenizer(trajectories)
    model = new_tiny_model(tokenizer, layers=1, width=32, seed=0, max_length=1024)
    model.save_pretrained(folder / "policy")
    tokenizer.save_pretrained(folder / "policy")
    (folder / "dream.json").write_text(json.dumps(DREAM))
    return [
        *SETTINGS,
        f"policy_model.name={folder / 'policy'}",
        f"reasoning_model.name=scripted:{folder / 'dream.json'}",
        "reasoning_model.closed_world=false",
        f"environment.offline_data={folder / 'offline'}",
    ]
