"""A killed run continued equals one never killed; what is wrong with a checkpoint is said in one sentence."""

import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dreamgym.core.errors import CheckpointError
from dreamgym.training.checkpoints import check_same_run, read_checkpoint, save_checkpoint
from dreamgym.training.manifest import checkpoint_path, latest_checkpoint
from dreamgym.training.run_folder import RunFolder
from dreamgym.utils.metrics import read_metrics
from toy_run import JsonState, toy_config, toy_trainer

TOY_RUN = Path(__file__).parents[1] / "toy_run.py"


def settings(*overrides: str) -> dict:
    return toy_config(4, *overrides).model_dump(mode="json")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two checkpoints; the path of the later one."""
    for iteration in (2, 4):
        parts = {"policy": JsonState(version=iteration), "buffer": JsonState(turns=9)}
        path = save_checkpoint(
            checkpoint_path(tmp_path, iteration),
            iteration,
            parts,
            config=settings(),
            counters={"episodes": 5},
        )
    return path


def test_a_checkpoint_brings_its_parts_back(saved):
    assert latest_checkpoint(saved.parent) == saved
    checkpoint = read_checkpoint(saved)
    assert (checkpoint.iteration, checkpoint.counters) == (4, {"episodes": 5})
    policy = JsonState()
    checkpoint.restore({"policy": policy})
    assert policy.kept == {"version": 4}


def test_an_unknown_part_is_named(saved):
    with pytest.raises(CheckpointError, match=r"has no part 'critic', only policy, buffer"):
        read_checkpoint(saved).restore({"critic": JsonState()})


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(path)
    return str(error.value).replace(f"{path.parent}/", "")


def test_a_missing_checkpoint_names_the_newest(saved):
    assert refusal(saved.with_name("policy_iter_0100.json")) == (
        "no checkpoint policy_iter_0100.json: the newest there is policy_iter_0004.json"
    )


def test_a_truncated_manifest_names_the_one_before(saved):
    saved.write_text(saved.read_text()[:200])
    assert refusal(saved).startswith("policy_iter_0004.json cannot be read (")
    assert refusal(saved).endswith("remove policy_iter_0004.json to continue from policy_iter_0002.json")


def test_a_truncated_file_is_found_by_its_size_and_a_changed_one_by_its_checksum(saved):
    state = saved.with_suffix("") / "policy" / "state.json"
    state.write_text(state.read_text().replace("4", "5"))
    assert (
        "state.json has 14 bytes and is not the file that policy_iter_0004.json names (14 bytes)"
        in refusal(saved)
    )
    state.write_text("{")
    assert "state.json has 1 bytes and is not the file" in refusal(saved)
    state.unlink()
    assert "names policy_iter_0004/policy/state.json, which is missing" in refusal(saved)


@pytest.mark.parametrize("text", ['{"weights": []}', "[1, 2]", '"hello"'])
def test_a_foreign_file_is_told_apart(saved, text):
    saved.write_text(text)
    assert refusal(saved) == (
        "policy_iter_0004.json is not a DreamGym checkpoint: wanted a policy_iter_….json manifest"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("files", []),
        ("files", {"policy/state.json": 3}),
        ("parts", [1]),
        ("config", 5),
        ("iteration", "x"),
        ("counters", [1]),
        ("surprise", 1),
    ],
)
def test_a_manifest_with_wrong_types_names_the_field(saved, field, value):
    saved.write_text(json.dumps({**json.loads(saved.read_text()), field: value}))
    assert refusal(saved).startswith(f"policy_iter_0004.json is damaged, {field}")


def test_a_file_nested_too_deeply_is_told_in_one_line(saved):
    saved.write_text("[" * 100_000)
    assert "cannot be read" in refusal(saved)


def test_a_folder_or_another_file_is_no_checkpoint(saved):
    assert refusal(saved.with_suffix("")).endswith(
        "is a folder, wanted a manifest such as policy_iter_0004.json"
    )
    other = saved.with_name("config.yaml")
    other.write_text("rl: {clip: 0.1}")
    assert refusal(other).endswith("wanted a policy_iter_….json manifest")


def test_a_run_that_could_not_begin_leaves_the_earlier_one_in_place(tmp_path):
    trainer = toy_trainer(tmp_path, toy_config(1))
    with trainer.folder as folder:
        folder.start(trainer.config)
        asyncio.run(trainer.train())
        before = sorted(p.name for p in tmp_path.iterdir())
        folder.put_back(folder.start(trainer.config))
        assert sorted(p.name for p in tmp_path.iterdir() if p.name != "earlier") == before
        folder.put_back(None)  # a first run: nothing of it is left


def test_a_checkpoint_of_another_version_says_so(saved):
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "version": 99}))
    assert "has version 99, this DreamGym reads version 1" in refusal(saved)


def test_a_manifest_that_lacks_a_field_says_which(saved):
    manifest = json.loads(saved.read_text())
    del manifest["counters"], manifest["files"]
    saved.write_text(json.dumps(manifest))
    assert "is damaged, counters: Field required; files: Field required: remove" in refusal(saved)


def test_a_checkpoint_of_another_config_names_the_keys(saved):
    checkpoint = read_checkpoint(saved)
    check_same_run(checkpoint, settings("training.eval_every=1", "training.output_dir=/elsewhere"))
    check_same_run(checkpoint, settings("training.phases=[{iterations: 4}, {world: real, iterations: 9}]"))
    with pytest.raises(CheckpointError, match=r"rl\.clip was 0\.2, now 0\.1; training\.seed was 42, now 1\."):
        check_same_run(checkpoint, settings("rl.clip=0.1", "training.seed=1"))
    with pytest.raises(
        CheckpointError, match=r"training\.phases differs within the 4 iterations that are done"
    ):
        check_same_run(checkpoint, settings("training.phases=[{world: real, iterations: 9}]"))


def test_a_full_disk_leaves_the_earlier_checkpoint_and_one_message(saved, monkeypatch):
    class Full(JsonState):
        def save(self, folder: Path) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(CheckpointError, match=r"policy_iter_0006\.json: No space left on device: make room"):
        save_checkpoint(
            checkpoint_path(saved.parent, 6), 6, {"policy": Full()}, config=settings(), counters={}
        )
    with pytest.raises(CheckpointError):
        save_checkpoint(
            checkpoint_path(saved.parent, 4), 4, {"policy": Full()}, config=settings(), counters={}
        )
    assert sorted(p.name for p in saved.parent.iterdir()) == [
        "policy_iter_0002", "policy_iter_0002.json", "policy_iter_0004", "policy_iter_0004.json",
    ]  # fmt: skip
    read_checkpoint(saved)


def test_two_runs_cannot_write_in_one_folder(tmp_path):
    with RunFolder(tmp_path), pytest.raises(CheckpointError, match="another run is writing in"):
        RunFolder(tmp_path)
    RunFolder(tmp_path).close()


def test_a_new_run_moves_the_earlier_one_aside_and_leaves_foreign_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for _ in range(3):
        trainer = toy_trainer(tmp_path, toy_config(1))
        with trainer.folder:
            earlier = trainer.folder.start(trainer.config)
            asyncio.run(trainer.train())
    assert earlier == tmp_path / "earlier" / "2"
    assert (tmp_path / "earlier" / "1" / "policy_iter_0001.json").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 3


def test_a_run_killed_before_its_first_checkpoint_starts_clean(tmp_path):
    with RunFolder(tmp_path) as folder:
        folder.start(toy_config(1))
        for name in ("metrics.jsonl", "experiences.sqlite", "loggers.json"):
            (tmp_path / name).write_text("begun")
        folder.evaluations.mkdir()
        (tmp_path / "notes.txt").write_text("mine")
        assert folder.resume() is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "config.yaml", "notes.txt"]


def test_resuming_nothing_is_refused(tmp_path):
    with RunFolder(tmp_path) as folder, pytest.raises(CheckpointError, match="nothing to resume"):
        folder.resume()


def run_toy(folder: Path, *flags: str, kill_after: float | None = None) -> bool:
    """Run or continue the toy run; True where it came to its end."""
    command = [sys.executable, str(TOY_RUN), str(folder), "40", *flags]
    process = subprocess.Popen(command, cwd=TOY_RUN.parent, stdout=subprocess.DEVNULL)
    try:
        process.wait(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return process.returncode == 0


def essence(folder: Path) -> tuple[dict, list[dict], dict]:
    """All that a run leaves, except how long it took."""
    metrics = [
        {name: value for name, value in line.items() if not name.startswith("time/")}
        for line in read_metrics(folder / "metrics.jsonl")
    ]
    state = {p.relative_to(folder): p.read_bytes() for p in sorted(folder.glob("policy_iter_0040/**/*.json"))}
    episodes = {p.name: p.read_text() for p in (folder / "episodes").iterdir()}
    return state, metrics, episodes


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[Path, float]:
    folder = tmp_path_factory.mktemp("whole")
    started = time.monotonic()
    assert run_toy(folder)
    return folder, time.monotonic() - started


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_killed_at_random_moments_ends_bit_equal(uninterrupted, tmp_path, kills):
    whole, seconds = uninterrupted
    rng = random.Random(kills)
    for _ in range(kills):
        # Each kill falls somewhere in what a run takes, starting up included.
        begun = (tmp_path / "config.yaml").exists()
        if run_toy(tmp_path, *(["--resume"] if begun else []), kill_after=rng.uniform(0.2, 1.0) * seconds):
            shutil.rmtree(tmp_path)
            tmp_path.mkdir()
    assert run_toy(tmp_path, *(["--resume"] if (tmp_path / "config.yaml").exists() else []))
    assert essence(tmp_path) == essence(whole)


def test_a_resumed_run_that_lost_a_part_would_not_be_equal(uninterrupted, tmp_path):
    whole, _ = uninterrupted
    trainer = toy_trainer(tmp_path, toy_config(40))
    trainer.resume(whole / "policy_iter_0020.json")
    trainer.parts.algorithm.kept["momentum"] = dict.fromkeys(trainer.parts.algorithm.kept["momentum"], 0.0)
    asyncio.run(trainer.train())
    assert essence(tmp_path)[0] != essence(whole)[0]
