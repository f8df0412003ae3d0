"""The commands of the README with small numbers, in an empty folder, one after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
FEW = ["training.fidelity.gate=false", "training.fidelity.episodes=2", "training.eval_episodes=2"]
SMALL = ["training.tasks_per_iteration=2", "rl.group_size=2", "environment.dream_max_turns=4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("user")


def dreamgym(folder: Path, *arguments: str, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dreamgym.cli.main", *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_collect_fit_and_measure(folder: Path) -> None:
    assert "written to" in dreamgym(folder, "collect", "--episodes", "30", "--output", "data/offline")
    assert json.loads((folder / "data/offline/manifest.json").read_text())["shares"]["policy"] > 0
    for model in ("policy", "experience"):
        output = f"data/checkpoints/fitted/{model}"
        said = dreamgym(folder, "fit", model, "--data", "data/offline", "--epochs", "0.1", "--output", output)
        assert f"written to {output}" in said
        assert (folder / output / "model.safetensors").exists()
    said = dreamgym(folder, "fidelity", "--episodes", "4")
    assert "whole episodes right" in said
    assert "by type of action" in said


def test_train_evaluate_resume_and_play(folder: Path) -> None:
    phases = "training.phases=[{world: dream, iterations: 1}, {world: real, iterations: 1}]"
    said = dreamgym(folder, "train", *FEW, *SMALL, phases)
    assert "real turns used to train" in said
    manifest = "data/checkpoints/policy_iter_0002.json"
    assert f"checkpoint {manifest}" in said
    assert "continuing from" in dreamgym(folder, "train", "--resume", *FEW, *SMALL, phases)
    arguments = ["--env", "alfworld", "--num-episodes", "3", "--output", "results/eval_results.json"]
    assert "all" in dreamgym(folder, "evaluate", "--checkpoint", manifest, *arguments)
    assert json.loads((folder / "results/eval_results.json").read_text())["episodes"] == 3
    for flags in ((), ("--dream",)):
        said = dreamgym(folder, "play", "--env", "alfworld", "--seed", "1", *flags, text="look\n\n")
        assert "Your task is to:" in said
