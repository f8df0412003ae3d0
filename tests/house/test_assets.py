"""What ships is what it is said to be: plain models, data apart from evaluation, a weak start."""

from __future__ import annotations

import asyncio

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dreamgym.core.config import DreamGymConfig, EnvironmentConfig
from dreamgym.core.data_structures import Origin
from dreamgym.environments.alfworld.panels import panel, scene_of
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.evaluation import play_panel
from dreamgym.training.models import ASSETS, load_policy
from dreamgym.training.offline_data import SPLITS, read_manifest, read_trajectories


@pytest.mark.parametrize("name", ["policy", "experience"])
def test_a_shipped_model_loads_with_plain_transformers(name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(ASSETS / name, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(ASSETS / name, local_files_only=True)
    ids = tokenizer("\ntask: put a mug in shelf.", return_tensors="pt").input_ids
    assert torch.isfinite(model(ids).logits).all()
    assert 500_000 < model.num_parameters() < 1_500_000


def test_the_shipped_data_holds_no_scene_of_an_evaluation() -> None:
    evaluated = {scene_of(task) for task in panel("valid").tasks}
    scenes = {split: set[str]() for split in SPLITS}
    for split, found in scenes.items():
        for trajectory in read_trajectories(ASSETS / "offline" / f"{split}.jsonl.gz"):
            assert trajectory.task.id.startswith("gen/train/")
            assert trajectory.task.split == "train"
            assert trajectory.origin is Origin.REAL
            found.add(scene_of(trajectory.task))
        assert len(found) == read_manifest(ASSETS / "offline")["splits"][split]["scenes"]
    assert not scenes["train"] & scenes["heldout"]
    assert not evaluated & (scenes["train"] | scenes["heldout"])


@pytest.mark.slow
def test_the_starting_policy_is_weak_and_not_hopeless() -> None:
    domain = open_domain(EnvironmentConfig())
    played = play_panel(
        load_policy(DreamGymConfig().policy_model),
        domain.panels("valid", None),
        domain.make_real,
        origin=Origin.REAL,
        seed=0,
        label="start",
    )
    assert 0.15 < asyncio.run(played).success.estimate < 0.35
