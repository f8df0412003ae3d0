"""The tutorial's commands, as they stand, in a small setting."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from documents import ROOT, code_blocks

SMALL = {
    "make_tool_traces.py": ["--traces", "120"],
    "ingest": [],
    "train": [
        *("--fit-steps", "6", "rl.group_size=2", "training.tasks_per_iteration=2", "rl.minibatches=1"),
        *("training.eval_episodes=4", "training.fidelity.episodes=4", "training.max_failed_share=1.0"),
        "training.log_dir=logs",
    ],
    "play_order_desk.py": ["--tickets", "5"],
}


def commands() -> list[list[str]]:
    return [
        shlex.split(line)
        for block in code_blocks("docs/your_own_traces.md", "bash")
        for line in block.splitlines()
    ]


def run(words: list[str], folder: Path) -> str:
    """A command of the page with the small setting's flags behind it."""
    program = ["-m", "dreamgym.cli.main", *words[1:]] if words[0] == "dreamgym" else words[1:]
    small = SMALL[Path(words[1]).name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    finished = subprocess.run(
        [sys.executable, *program, *small],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.slow
def test_the_walk_can_be_walked(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    said = [run(words, tmp_path) for words in commands()]
    assert len(said) == 5
    assert "120 traces written" in said[0]
    assert "openai-tools, 120 kept" in said[1]
    assert "Real success was not measured" in " ".join(said[2].split())
    assert "at the real desk:" in said[4]


def test_the_same_seed_writes_the_same_traces_and_each_reward_is_right(tmp_path: Path) -> None:
    """A ticket is won where its last deed fits the status that the desk showed or told by its refusals."""
    script = [sys.executable, str(ROOT / "examples" / "make_tool_traces.py"), "--traces", "300"]
    for name in ("a", "b"):
        subprocess.run([*script, "--output", str(tmp_path / name)], check=True, capture_output=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    records = [json.loads(line) for line in (tmp_path / "a").read_text().splitlines()]
    assert 0.3 < sum(record["reward"] for record in records) / 300 < 0.7
    for record in records:
        answers = [message["content"] for message in record["messages"] if message["role"] == "tool"]
        changed = any(answer.startswith("Order ") for answer in answers)
        closed = record["messages"][-2]["tool_calls"][0]["function"]["arguments"]
        if record["reward"]:
            assert json.loads(closed) == {"result": "done" if changed else "refused"}
