"""Metrics are always lines; TensorBoard and Weights & Biases beside them; a resumed run goes on in place."""

import json
import sys
import time
import types
from pathlib import Path

import pytest

from dreamgym.core.config_io import load_config
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.training.loggers import open_loggers
from dreamgym.utils.metrics import MetricsLog, WandbSink, read_metrics


def test_lines_are_appended_without_what_is_no_number(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.log(0, {"eval/real": 0.25})
    log.log(1, {"rl/loss": -0.5, "rl/broken": float("nan")})
    assert read_metrics(log.path) == [{"iteration": 0, "eval/real": 0.25}, {"iteration": 1, "rl/loss": -0.5}]
    assert (log.has(0, "eval/"), log.has(1, "eval/")) == (True, False)


def test_a_line_cut_off_by_a_kill_is_dropped_and_a_corrupt_one_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"iteration": 1}\n{"iteration": 2}\n{"iterat')
    assert [line["iteration"] for line in read_metrics(path)] == [1, 2]
    path.write_text('{"iteration": 1}\noops\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl, line 2: not JSON"):
        read_metrics(path)


def test_a_resumed_run_forgets_what_it_will_play_again(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    for iteration in range(4):
        log.log(iteration, {"a": iteration})
    log.rewind(1)
    log.log(2, {"a": 20})
    assert [line["a"] for line in read_metrics(log.path)] == [0, 1, 20]


def config(tmp_path: Path, *overrides: str):
    return load_config(None, [f"training.log_dir={tmp_path / 'logs'}", *overrides])


def scalars(folder: Path) -> dict[int, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {event.step: event.value for event in events.Scalars("a")}


def test_tensorboard_gets_a_folder_per_run_and_a_resumed_run_goes_on_in_its_own(tmp_path):
    for run, steps, finished in (("one", [1, 2, 3], None), ("two", [1], None), ("one", [3, 4], 2)):
        sinks = open_loggers(config(tmp_path), tmp_path / run, finished=finished)
        for step in steps:
            for sink in sinks:
                sink.log(step, {"a": step if finished is None else 10 * step})
        for sink in sinks:
            sink.close()
        time.sleep(1.1)  # TensorBoard reads files in the order of the second that they were begun in
    name = "alfworld-grpo-seed42"
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [name, f"{name}-2"]
    assert scalars(tmp_path / "logs" / name) == {1: 1, 2: 2, 3: 30, 4: 40}


class FakeWandb(types.ModuleType):
    def __init__(self) -> None:
        super().__init__("wandb")
        self.started, self.logged = [], []
        self.Settings = dict

    def init(self, **settings):
        self.started.append(settings)
        return types.SimpleNamespace(log=self.logged.append, finish=lambda: None)


def test_wandb_is_offline_without_a_key_and_resumes_under_its_id(tmp_path, monkeypatch):
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    for finished in (None, 3):
        sinks = open_loggers(config(tmp_path, "training.use_wandb=true"), tmp_path, finished=finished)
        for sink in sinks:
            sink.log(1, {"a": 2.0})
            sink.close()
    first, second = wandb.started
    assert (first["mode"], first["resume"]) == ("offline", "allow")
    assert first["id"] == second["id"]
    assert wandb.logged[0] == {"iteration": 1, "a": 2.0}
    json.dumps(first["config"])


def test_wandb_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UnavailableError, match=r"pip install 'dreamgym\[wandb\]'"):
        WandbSink(tmp_path, run_id="x", config={})


@pytest.mark.slow
def test_the_real_wandb_writes_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="the extra 'wandb' is not installed")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    sink = WandbSink(tmp_path, run_id="run1", config={"rl": {"clip": 0.2}})
    for iteration in (1, 2):
        sink.log(iteration, {"rollout/dreamed_success": 0.5})
    sink.close()
    (run,) = (tmp_path / "wandb").glob("offline-run-*-run1")
    assert (run / "run-run1.wandb").stat().st_size > 0
