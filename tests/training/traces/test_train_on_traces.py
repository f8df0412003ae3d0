"""`dreamgym train --traces`: fits, dreams, and never speaks of a real success that nobody measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from transformers import AutoTokenizer
from typer.testing import CliRunner

from dreamgym.cli.main import app
from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import load_config
from dreamgym.core.errors import DataError
from dreamgym.training.settings import PRESETS
from dreamgym.training.traces.prepare import prepare
from dreamgym.utils.progress import PlainReporter
from trace_files import openai_tools, write_lines

TINY = [
    "rl.group_size=2",
    "training.tasks_per_iteration=2",
    "training.phases=[{world: dream, iterations: 1}]",
    "training.eval_episodes=3",
    "training.fidelity.episodes=3",
    "training.max_failed_share=1.0",
]


def config_in(folder: Path, *overrides: str) -> DreamGymConfig:
    return load_config(PRESETS / "traces.yaml", [f"training.output_dir={folder / 'run'}", *TINY, *overrides])


def forty(folder: Path, reward: float | None = 1.0) -> Path:
    records = [openai_tools(order, reward=reward if order % 3 else 0.0) for order in range(40)]
    return write_lines(folder / "traces.jsonl", records)


def test_traces_that_never_win_are_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    path = forty(tmp_path, reward=None)
    with pytest.raises(DataError, match=r"none of the \d+ traces .* is won \(\d+ tell how they ended\)"):
        prepare(config_in(tmp_path), [path], PlainReporter(lambda _: None), steps=1)
    assert not (tmp_path / "run" / "fitted").exists()


def test_a_folder_of_other_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"splits": {}}')
    with pytest.raises(DataError, match="other data than traces"):
        prepare(config_in(tmp_path), [tmp_path], PlainReporter(lambda _: None), steps=1)


@pytest.mark.slow
def test_models_are_fitted_once_and_what_is_named_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = forty(tmp_path)
    quiet = PlainReporter(lambda _: None)
    named = config_in(tmp_path, "policy_model.max_action_tokens=77")
    first = prepare(named, [path], quiet, steps=2)
    assert "fitting the experience model" in capsys.readouterr().out
    assert prepare(named, [path], quiet, steps=2) == first
    assert "fitting" not in capsys.readouterr().out
    assert first.policy_model.max_action_tokens == 77
    assert first.environment.dream_max_turns == 3  # the longest trace
    tokenizer = AutoTokenizer.from_pretrained(first.reasoning_model.name, local_files_only=True)
    longest = '\nok\nnext: {"status": "open"}\nreward: 0\ndone: no'
    assert first.reasoning_model.max_answer_tokens == 2 * len(tokenizer(longest).input_ids)
    prepare(named, [path], quiet, steps=3)
    assert "fitting the policy model" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_says_that_real_success_was_not_measured(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    places = [f"training.output_dir={folder}", f"training.log_dir={tmp_path / 'logs'}"]
    path = str(forty(tmp_path))
    command = ["train", "--traces", path, "--fit-steps", "6", *TINY, *places]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert "Real success was not measured" in " ".join(answer.output.split())
    assert re.search(r"real success\s*│\s*not measured\s*│\s*not measured", answer.output)
    names = {
        name for line in (folder / "metrics.jsonl").read_text().splitlines() for name in json.loads(line)
    }
    assert not [name for name in names if name.startswith("eval/real")]
    assert {"eval/dreamed/failed", "fidelity/heldout_next_state_word_for_word"} <= names
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary["evaluations"]) == {"dreamed"}
    assert summary["gap"] == {"before": None, "after": None}
    assert summary["real_turns_in_training"] == 0
    report = json.loads((folder / "fidelity.json").read_text())
    assert "real success" in report["not_measured"]
    checkpoint = str(folder / "policy_iter_0001.json")
    output = ["--output", str(tmp_path / "results.json")]
    real = CliRunner().invoke(app, ["evaluate", "--checkpoint", checkpoint, *output])
    assert real.exit_code == 2
    dreamed = CliRunner().invoke(app, ["evaluate", "--checkpoint", checkpoint, "--dream", *output])
    assert dreamed.exit_code == 0, dreamed.output
    again = CliRunner().invoke(app, [*command, "--resume"])
    assert again.exit_code == 0, again.output


def test_another_environment_beside_traces_is_refused(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["train", "--traces", str(forty(tmp_path)), "--env", "alfworld"])
    assert answer.exit_code == 2
    assert CliRunner().invoke(app, ["train", "--fit-steps", "3"]).exit_code == 2
