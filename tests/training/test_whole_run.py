"""The command line trains, evaluates, resumes with the real parts; killed at any moment it ends bit-equal."""

import asyncio
import contextlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from dreamgym.cli.main import app
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.panels import game_of
from dreamgym.reports.run_files import read_episodes, read_run
from dreamgym.training import average, rollout
from dreamgym.training.build import open_evaluation
from dreamgym.training.checkpoints import read_checkpoint
from dreamgym.utils.metrics import MetricsLog, read_metrics
from dreamgym.utils.progress import PlainReporter
from small_run import prepare

ITERATIONS = 6


@pytest.fixture(autouse=True)
def listening():
    """Runs hear Ctrl-C, also where these tests are a shell's background job, which does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> list[str]:
    return prepare(tmp_path_factory.mktemp("models"))


def places(folder: Path) -> list[str]:
    return [f"training.output_dir={folder}", f"training.log_dir={folder / 'logs'}"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory) -> tuple[Path, Result]:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    result = run("train", *settings, *places(folder))
    assert result.exit_code == 0, result.output
    return folder, result


def test_it_ends_with_a_table_and_where_things_lie(whole):
    folder, result = whole
    for text in (
        "real success, 4 games",
        "dreamed success",
        "gap, on the same tasks",
        "real turns used to train",
    ):
        assert text in result.stdout
    assert f"checkpoint {folder / 'policy_iter_0006.json'}" in result.stdout
    summary = json.loads((folder / "summary.json").read_text())
    lines = read_metrics(folder / "metrics.jsonl")
    assert summary["real_turns_in_training"] == sum(line.get("rollout/real_turns", 0) for line in lines) > 0
    assert summary["dreamed_turns"] == sum(line.get("rollout/dreamed_turns", 0) for line in lines) > 0
    assert list((folder / "logs").glob("*/events.out.tfevents.*"))


def test_it_leaves_what_a_report_is_made_of(whole, tmp_path):
    folder, result = whole
    assert f"report     dreamgym report {folder}" in result.stdout
    read = read_run(folder)
    assert read.problems.found == []
    assert [len(groups) for groups in read.groups.values()] == [3] * ITERATIONS
    sources = {moment.source for moment in read.moments}
    assert {"fidelity", "dreamed", "real", "rollouts"} <= sources
    (gate,) = (moment for moment in read.moments if moment.source == "fidelity")
    assert all(record.real_success is not None for record in read_episodes(gate, read.problems))
    assert "shown" not in json.loads((folder / "fidelity.json").read_text())
    output = tmp_path / "report.html"
    assert run("report", str(folder), "--output", str(output)).exit_code == 0
    assert "Solved in training" in output.read_text()


def test_every_iteration_changes_the_policy_and_fills_the_buffer(whole):
    folder, _ = whole
    weights = [(folder / f"policy_iter_{n:04d}/policy/model.safetensors").read_bytes() for n in (0, 2, 4, 6)]
    assert len(set(weights)) == 4
    sizes = [line["replay/size"] for line in read_metrics(folder / "metrics.jsonl") if "replay/size" in line]
    assert len(sizes) == ITERATIONS
    assert sizes == sorted(sizes)


def test_ratios_are_one_at_the_first_step(whole):
    errors = [
        line["rl/first_ratio_error"]
        for line in read_metrics(whole[0] / "metrics.jsonl")
        if "rl/first_ratio_error" in line
    ]
    assert len(errors) == ITERATIONS
    assert max(errors) < 1e-4


def test_a_checkpoint_is_evaluated_with_intervals_and_readable_episodes(whole, tmp_path):
    manifest, output = whole[0] / "policy_iter_0006.json", tmp_path / "results" / "eval.json"
    arguments = [
        "--checkpoint",
        str(manifest),
        "--env",
        "alfworld",
        "--num-episodes",
        "5",
        "--output",
        str(output),
    ]
    result = run("evaluate", *arguments)
    assert result.exit_code == 0
    results = json.loads(output.read_text())
    assert (results["episodes"], results["panel"], results["environment"]) == (5, "valid", "alfworld")
    assert 0 <= results["interval_95"][0] <= results["success"] <= results["interval_95"][1] <= 1
    assert sum(kind["episodes"] for kind in results["by_type"].values()) == 5
    episodes = output.with_suffix(".episodes.txt").read_text()
    assert all(task["episode"] in episodes for task in results["tasks"])
    assert run("evaluate", *arguments, "--seed", "0").exit_code == 0
    assert json.loads(output.read_text())["tasks"] == results["tasks"]
    assert run("evaluate", *arguments, "--dream").exit_code == 0
    assert json.loads(output.read_text())["world"] == "dreamed"
    assert "pass^2" in run("evaluate", *arguments, "--trials", "2").stdout
    results = json.loads(output.read_text())
    assert (results["episodes"], results["trials"], len(results["tasks"])) == (10, 2, 10)
    assert [(p["k"], p["tasks"]) for p in results["pass_hat_k"]] == [(1, 5), (2, 5)]
    assert results["pass_hat_k"][0]["estimate"] == pytest.approx(results["success"])


def test_a_dreamed_evaluation_starts_like_the_runs_own(whole):
    """From the tasks' true sheets, so that both say the same."""
    manifest = whole[0] / "policy_iter_0006.json"
    with open_evaluation(
        manifest, [], panel="valid", num_episodes=3, dream=True, reporter=PlainReporter()
    ) as (bout, _, _):
        assert (bout.name, len(bout.tasks)) == ("dreamed", 3)
        assert [task.sheet for task in bout.tasks] == [sheet_of_game(game_of(task)) for task in bout.tasks]


def test_an_interrupted_evaluation_keeps_what_was_played_and_says_that_it_is_not_all(
    whole, tmp_path, monkeypatch
):
    arguments = ["--checkpoint", str(whole[0] / "policy_iter_0006.json"), "--num-episodes", "5"]
    complete, stopped = tmp_path / "complete.json", tmp_path / "stopped.json"
    assert run("evaluate", *arguments, "--output", str(complete)).exit_code == 0
    played, play = [], rollout.play_episode

    async def play_three(*positional, **named):
        episode = await play(*positional, **named)
        played.append(episode.id)
        if len(played) == 4:  # typed while the fourth ends
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(60)
        return episode

    monkeypatch.setattr(rollout, "play_episode", play_three)
    result = run("evaluate", *arguments, "--output", str(stopped), "training.concurrency=1")
    assert result.exit_code == 130
    assert "interrupted after 3 of 5 episodes" in result.stderr
    kept, all_of_them = (json.loads(path.read_text()) for path in (stopped, complete))
    assert (kept["complete"], all_of_them["complete"]) == (False, True)
    assert kept["tasks"] == all_of_them["tasks"][:3]


def test_the_mean_policy_is_the_mean_of_the_latter_half(whole, settings, tmp_path):
    """Of the checkpoints 0, 2, 4 and 6. It is evaluated; a run goes on from its last policy, as before."""
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    result = run("average", str(folder))
    assert result.exit_code == 0, result.output
    assert "after 4, 6 iterations" in result.stdout
    weights = [
        load_file(folder / name / "policy" / "model.safetensors")
        for name in ("policy_iter_0004", "policy_iter_0006", "policy_average")
    ]
    for name, mean in weights[2].items():
        torch.testing.assert_close(mean, (weights[0][name] + weights[1][name]) / 2)
    assert any(not weights[2][name].equal(weights[1][name]) for name in weights[2])
    manifest = str(folder / "policy_average.json")
    for world in ([], ["--dream"]):
        output = ["--output", str(tmp_path / "eval.json"), "--num-episodes", "2", *world]
        assert run("evaluate", "--checkpoint", manifest, *output).exit_code == 0
    assert run("train", *settings, *places(folder), "--resume").exit_code == 0
    assert run("average", str(folder)).exit_code == 0  # written anew


def test_adapters_have_no_mean(whole, monkeypatch):
    monkeypatch.setattr(average, "load_policy", lambda config: SimpleNamespace(adapter=object()))
    result = run("average", str(whole[0]))
    assert result.exit_code == 2
    assert "trains an adapter: only policies that are trained whole have a mean" in result.stderr


def test_a_mean_takes_two_checkpoints(whole, tmp_path):
    shutil.copy(whole[0] / "policy_iter_0006.json", tmp_path)
    for folder, found in ((tmp_path, "policy_iter_0006.json"), (tmp_path / "none", "no policy_iter_….json")):
        result = run("average", str(folder))
        assert result.exit_code == 2
        assert f"holds {found}: a mean takes two checkpoints of the latter half" in result.stderr


def test_a_finished_run_resumed_says_the_same_again(whole, settings):
    folder, first = whole
    before = (folder / "metrics.jsonl").read_text()
    result = run("train", *settings, *places(folder), "--resume")
    assert (folder / "metrics.jsonl").read_text() == before
    assert result.stdout.split("iterations")[-1] == first.stdout.split("iterations")[-1]


def test_another_config_is_refused_with_the_key_that_differs(whole, settings):
    result = run("train", *settings, *places(whole[0]), "--resume", "rl.clip=0.1")
    assert result.exit_code == 2
    assert "policy_iter_0006.json is of another config: rl.clip was 0.2, now 0.1." in result.stderr


def stopped(result: Result, message: str) -> Path:
    """The last checkpoint that a run names which ended with an error."""
    assert result.exit_code == 2
    *before, last = result.stderr.strip().splitlines()
    assert last.startswith("error: ")
    assert message in last
    return Path(before[-1].split("the last checkpoint is ")[1])


def test_a_full_disk_names_the_checkpoint_that_is_whole(settings, tmp_path, monkeypatch):
    log = MetricsLog.log

    def full(self, iteration, metrics):
        if iteration == 3:
            raise OSError(28, "No space left on device", str(self.path))
        log(self, iteration, metrics)

    monkeypatch.setattr(MetricsLog, "log", full)
    checkpoint = stopped(run("train", *settings, *places(tmp_path)), "No space left on device")
    assert read_checkpoint(checkpoint).iteration == 2


def test_an_update_that_explodes_names_the_setting_and_the_weights_before(settings, tmp_path):
    result = run("train", *settings, *places(tmp_path), "rl.learning_rate=1e30")
    checkpoint = stopped(result, "norm nan: lower rl.learning_rate; nothing was updated")
    assert read_checkpoint(checkpoint).iteration == 0


def test_a_locked_store_is_told_before_anything_is_played(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("dreamgym.models.experience_store.LOCK_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "shared.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = run("train", *settings, *places(tmp_path), f"buffer.path={tmp_path / 'shared.sqlite'}")
    assert result.exit_code == 2
    assert "locked" in result.stderr
    assert not (tmp_path / "metrics.jsonl").exists()


def test_a_run_that_cannot_begin_leaves_the_earlier_one(whole, settings, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    before = sorted(path.name for path in folder.iterdir() if path.name != "earlier")
    result = run("train", *settings, *places(folder), "reasoning_model.name=openai:gpt-x")
    assert result.exit_code == 2
    assert sorted(path.name for path in folder.iterdir() if path.name != "earlier") == before


def test_a_buffer_of_another_run_is_not_dreamed_from(settings, tmp_path):
    shared = f"buffer.path={tmp_path / 'shared.sqlite'}"
    assert run("train", *settings, *places(tmp_path / "one"), shared).exit_code == 0
    result = run("train", *settings, *places(tmp_path / "two"), shared)
    assert result.exit_code == 2
    assert "experiences of an earlier run" in result.stderr


def test_stopped_in_the_gate_it_is_continued_with_its_own_buffer(settings, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    here = [*settings, *places(tmp_path / "run"), f"buffer.path={tmp_path / 'shared.sqlite'}"]
    with monkeypatch.context() as patched:
        patched.setattr("dreamgym.training.gate.measure_fidelity", stop)
        stopped = run("train", *here)
        assert stopped.exit_code == 130
        assert "interrupted before the first iteration" in stopped.stderr
    result = run("train", *here, "--resume")
    assert result.exit_code == 0, result.output
    assert "no checkpoint yet: from the start" in result.output


def test_without_a_model_nothing_is_begun(settings, tmp_path):
    result = run("train", *settings, f"policy_model.name={tmp_path}", *places(tmp_path / "run"))
    assert result.exit_code == 2
    assert "holds no config.json" in result.stderr
    assert not (tmp_path / "run").exists()


def start(settings: list[str], folder: Path, *flags: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "dreamgym.training.train", *settings, *places(folder), *flags]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def essence(folder: Path, last: str = "policy_iter_0006") -> tuple[dict, list[dict], dict]:
    """All that a run leaves, except how long it took."""
    metrics = [
        {name: value for name, value in line.items() if not name.startswith("time/")}
        for line in read_metrics(folder / "metrics.jsonl")
    ]
    state = {
        str(path.relative_to(folder / last)): path.read_bytes()
        for path in sorted((folder / last).rglob("*"))
        if path.is_file()
    }
    texts = {
        str(path.relative_to(folder)): path.read_text()
        for name in ("episodes", "evaluations")
        for path in (folder / name).iterdir()
    }
    return state, metrics, texts


def begun(folder: Path) -> list[str]:
    return ["--resume"] if (folder / "config.yaml").exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])  # ten moments each, so that two processes can share them
def test_killed_at_twenty_random_moments_it_ends_bit_equal(seed, whole, settings, tmp_path):
    started = time.monotonic()
    assert start(settings, tmp_path / "timed").wait() == 0
    seconds, rng, kills, folders = time.monotonic() - started, random.Random(seed), 0, [tmp_path / "killed0"]
    while kills < 10:
        flags, started = begun(folders[-1]), time.monotonic()
        process = start(settings, folders[-1], *flags)
        try:
            process.communicate(timeout=rng.uniform(0.3, 0.9) * seconds)
            assert process.returncode == 0
            seconds = seconds if flags else min(seconds, time.monotonic() - started)
            folders.append(tmp_path / f"killed{len(folders)}")  # it came to its end: kill another
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
    assert start(settings, folders[-1], *begun(folders[-1])).wait() == 0
    for folder in folders:
        assert essence(folder) == essence(whole[0])


@pytest.mark.slow
def test_an_interrupt_saves_says_where_and_ends_bit_equal(whole, settings, tmp_path):
    process = start(settings, tmp_path)
    while not (tmp_path / "episodes" / "rollouts_0001.txt").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "is saved, the same command with --resume continues" in errors
    assert Path(errors.split("interrupted: ")[1].split(" is saved")[0]).exists()
    assert start(settings, tmp_path, "--resume").wait() == 0
    assert essence(tmp_path) == essence(whole[0])


SHIPPED = [  # the shipped models, their caches and their dreams; PPO, whose critic has state of its own
    "rl.algorithm=ppo",
    "rl.group_size=4",
    "training.phases=[{world: dream, iterations: 3}]",
    "training.tasks_per_iteration=2",
    "training.eval_episodes=4",
    "training.checkpoint_every=1",
    "training.fidelity.gate=false",
    "training.fidelity.episodes=2",
    "environment.max_turns=8",
    "environment.dream_max_turns=8",
]


@pytest.mark.slow
def test_the_shipped_models_under_ppo_go_on_bit_equal_after_every_iteration(tmp_path):
    assert start(SHIPPED, tmp_path / "whole").wait() == 0
    for iteration, how in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)):
        process = start(SHIPPED, tmp_path / "cut", *begun(tmp_path / "cut"))
        while not (tmp_path / "cut" / f"policy_iter_{iteration:04d}.json").exists():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(how)
        errors = process.communicate()[1]
        assert process.returncode == (130 if how == signal.SIGTERM else -how), errors
    assert start(SHIPPED, tmp_path / "cut", "--resume").wait() == 0
    whole, cut = (essence(tmp_path / name, last="policy_iter_0003") for name in ("whole", "cut"))
    assert cut == whole
