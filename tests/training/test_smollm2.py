"""The whole job on a real pretrained chat model, in small: get it, fit twice, train, load elsewhere."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from documents import ROOT
from dreamgym.cli.main import app
from dreamgym.core.errors import UnavailableError
from dreamgym.core.serialization import encode
from dreamgym.models import imagining
from dreamgym.models.clients.local_client import LocalClient
from dreamgym.models.model_store import get_model
from dreamgym.training.collect import player_of
from dreamgym.training.models import ASSETS
from dreamgym.training.offline_data import read_trajectories
from dreamgym.utils.progress import PlainReporter

pytestmark = pytest.mark.slow

SMALL = [
    "policy_model.context_length=2048",
    "policy_model.max_action_tokens=8",
    "reasoning_model.max_answer_tokens=16",
    "reasoning_model.retries=0",
    "curriculum.difficulty_increment=0.0",
    "rl.group_size=2",
    "rl.minibatches=1",
    "training.phases=[{world: dream, iterations: 1}, {world: real, iterations: 1}]",
    "training.tasks_per_iteration=2",
    "training.eval_episodes=2",
    "training.max_failed_share=1.0",  # after two steps the dream's answers are rarely in their form
    "training.fidelity.gate=false",
    "training.fidelity.episodes=1",
    "training.fidelity.audit_share=0.0",
    "environment.max_turns=2",
    "environment.dream_max_turns=2",
]


@pytest.fixture(scope="module")
def smollm2() -> Path:
    try:
        return get_model("smollm2", PlainReporter())
    except UnavailableError as error:
        pytest.skip(str(error))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_it_knows_what_a_chat_model_of_its_size_knows(smollm2: Path) -> None:
    client = LocalClient.from_name("smollm2")
    question = [{"role": "user", "content": "What is the capital of France? One word."}]
    assert "Paris" in client.complete(question, max_tokens=12).text


def test_the_whole_job(smollm2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagining, "IMAGINE_TOKENS", 4)  # after two steps no line comes to its end
    data, fitted, run_folder = tmp_path / "offline", tmp_path / "fitted", tmp_path / "run"
    for split in ("train", "heldout"):
        write_three_turns(data, split)
    for kind in ("policy", "experience"):
        output = str(fitted / kind)
        said = run(
            "fit", kind, "--base", "smollm2", "--lora-rank", "4", "--data", str(data), "--output", output
        )
        assert "loss" in said
    run(
        "train",
        "--config",
        str(ROOT / "configs/smollm2.yaml"),
        *SMALL,
        f"policy_model.name={fitted / 'policy'}",
        f"reasoning_model.name={fitted / 'experience'}",
        f"environment.offline_data={data}",
        f"training.output_dir={run_folder}",
        f"training.log_dir={tmp_path / 'logs'}",
    )
    assert json.loads((run_folder / "policy_iter_0002.json").read_text())["iteration"] == 2
    assert_peft_alone_loads(smollm2, fitted / "policy", run_folder / "policy_iter_0002" / "policy")


def write_three_turns(folder: Path, split: str) -> None:
    """Three turns of an explorer of the shipped data, which policies clone."""
    shipped = read_trajectories(ASSETS / "offline" / f"{split}.jsonl.gz")
    first = next(t for t in shipped if player_of(t) == "explorer" and len(t.transitions) > 3)
    short = replace(first, transitions=first.transitions[:3])
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / f"{split}.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(encode(short)) + "\n")


def assert_peft_alone_loads(base: Path, before: Path, after: Path) -> None:
    """Both adapters change what the base says, and learning changed the adapter."""
    tokenizer = AutoTokenizer.from_pretrained(after)
    ids = tokenizer("You are in a room.", return_tensors="pt").input_ids
    said = []
    for folder in (before, after):
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(folder))
        with torch.no_grad():
            said.append(model(ids).logits[0, -1].float())
            with model.disable_adapter():
                bare = model(ids).logits[0, -1].float()
    assert not torch.allclose(said[0], bare, atol=1e-3)
    assert not torch.allclose(said[1], bare, atol=1e-3)
