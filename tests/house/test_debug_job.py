"""The debug configuration takes the whole path, and logs only what the glossary explains."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from documents import ROOT

METRIC = re.compile(r"`([a-z]+/[\w/<>]+)`")


def explained() -> list[re.Pattern[str]]:
    """The glossary's names; ``<reason>`` stands for anything."""
    rows = [
        row for row in (ROOT / "docs/metrics_glossary.md").read_text("utf-8").splitlines() if row[:2] == "| "
    ]
    names = [name for row in rows for name in METRIC.findall(row.split("|")[1])]
    return [re.compile(re.sub(r"<\w+>", ".+", name)) for name in names]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("debug")
    command = ["train", "--config", "configs/debug.yaml", f"training.output_dir={folder}/checkpoints"]
    finished = subprocess.run(
        [sys.executable, "-m", "dreamgym.cli.main", *command, f"training.log_dir={folder}/logs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (folder / "output.txt").write_text(finished.stdout)
    return folder


@pytest.mark.slow
def test_every_logged_metric_is_explained(run_folder: Path) -> None:
    lines = (run_folder / "checkpoints" / "metrics.jsonl").read_text().splitlines()
    logged = {name for line in lines for name in json.loads(line)} - {"iteration"}
    patterns = explained()
    assert logged
    assert [name for name in sorted(logged) if not any(p.fullmatch(name) for p in patterns)] == []


@pytest.mark.slow
def test_it_leaves_what_it_promises(run_folder: Path) -> None:
    manifest = json.loads((run_folder / "checkpoints" / "policy_iter_0002.json").read_text())
    assert manifest["counters"]["real_turns"] == 0
    assert list((run_folder / "checkpoints" / "policy_iter_0002").rglob("*.safetensors"))
    assert list((run_folder / "logs").rglob("events.out.tfevents.*"))
    assert "real success" in (run_folder / "output.txt").read_text()
