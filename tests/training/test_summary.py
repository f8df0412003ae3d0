"""The closing table says what the run's own files say."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from dreamgym.training.checkpoints import save_checkpoint
from dreamgym.training.manifest import checkpoint_path
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.run_metrics import Counters
from dreamgym.training.summary import print_summary, rows, summarise
from dreamgym.utils import atomic
from dreamgym.utils.metrics import MetricsLog
from toy_run import toy_config, toy_parts


def evaluation(**outcomes: str) -> dict:
    solved = sum(outcome == "won" for outcome in outcomes.values())
    return {
        "episodes": len(outcomes),
        "success": solved / len(outcomes),
        "interval_95": [0.1, 0.9],
        "failed": {"invalid_dream": 1} if "invalid dream" in outcomes.values() else {},
        "tasks": [{"task": task, "outcome": outcome} for task, outcome in outcomes.items()],
    }


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    with RunFolder(tmp_path) as folder:
        config = toy_config(3)
        counters = Counters(
            real_turns=5, audit_turns=7, dreamed_turns=1234, agent_tokens=10, read_tokens=20, dream_tokens=99
        )
        plain = config.model_dump(mode="json")
        save_checkpoint(
            checkpoint_path(tmp_path, 3),
            3,
            toy_parts(config).stateful(),
            config=plain,
            counters=counters.to_json(),
        )
        for name, iteration, outcomes in (
            ("real", 0, {"a": "lost", "b": "lost", "c": "won", "d": "won"}),
            ("dreamed", 0, {"a": "won", "b": "won"}),
            ("real", 3, {"a": "won", "b": "lost", "c": "won", "d": "won"}),
            ("dreamed", 3, {"a": "won", "b": "won"}),
        ):
            atomic.write_json(folder.evaluations / f"{name}_{iteration:04d}.json", evaluation(**outcomes))
        log = MetricsLog(folder.metrics)
        log.log(0, {"time/evaluate": 30.0})
        log.log(1, {"time/collect": 40.0, "time/learn": 5.5, "rl/loss": 9.0})
        log.log(3, counters.metrics())
        yield folder


def test_the_table(finished):
    summary = summarise(finished, finished.path / "policy_iter_0003.json")
    assert rows(summary) == [
        ("real success, 4 games", "50.0 % (10.0 to 90.0)", "75.0 % (10.0 to 90.0)"),
        ("dreamed success", "100.0 % (10.0 to 90.0)", "100.0 % (10.0 to 90.0)"),
        # Of a and b, which were played in both worlds: 2 dreamed wins against none, then against one.
        ("gap, on the same tasks", "+100.0 points", "+50.0 points"),
        ("dream flagged as exploited", "", "never"),
        ("real turns used to train", "", "12"),
        ("dreamed turns", "", "1,234"),
        ("agent's tokens", "", "30"),
        ("dream's tokens", "", "99"),
        ("time", "", "1 min 16 s"),
    ]
    assert summary["iterations"] == 3
    assert "tasks" not in summary["evaluations"]["real"]["after"]


def test_a_dream_that_broke_off_is_no_part_of_the_gap(finished):
    atomic.write_json(
        finished.evaluations / "dreamed_0003.json", evaluation(a="won", b="invalid dream", c="lost")
    )
    summary = summarise(finished, finished.path / "policy_iter_0003.json")
    assert summary["gap"]["after"] == -0.5  # of a and c, both won for real


def test_iterations_that_were_flagged_are_counted(finished):
    log = MetricsLog(finished.metrics)
    for iteration, flag in ((4, 1.0), (5, 0.0), (6, 1.0)):
        log.log(iteration, {"audit/exploited": flag})
    table = rows(summarise(finished, finished.path / "policy_iter_0003.json"))
    assert ("dream flagged as exploited", "", "in 2 iterations") in table


def test_fidelity_is_shown_where_it_was_measured(finished):
    share = {"estimate": 0.996}
    report = {
        "replayed": {"invalid_recognised": share, "false_wins": {"estimate": 0.0004}},
        "whole_episodes": {"estimate": None},
    }
    atomic.write_json(finished.path / "fidelity.json", report)
    table = rows(summarise(finished, finished.path / "policy_iter_0003.json"))
    assert ("dream: invalid recognised", "99.6 %", "") in table
    assert ("dream: false wins per 1,000", "0.4", "") in table
    assert ("dream: whole episodes right", "–", "") in table


def test_turns_after_the_best_policy_are_counted_too(finished):
    later = Counters(real_turns=9, audit_turns=8, dreamed_turns=2000)
    MetricsLog(finished.metrics).log(4, later.metrics())  # the run went on, then back to iteration 3
    summary = summarise(finished, finished.path / "policy_iter_0003.json")
    assert (summary["real_turns_in_training"], summary["dreamed_turns"]) == (17, 2000)


@pytest.mark.parametrize(
    ("environment", "which"), [("alfworld", "--env alfworld"), ("webshop", "--config {}/config.yaml")]
)
def test_a_dream_of_ones_own_is_played_by_the_runs_configuration(finished, environment, which):
    screen = Console(file=io.StringIO(), width=200)
    summary = summarise(finished, finished.path / "policy_iter_0003.json") | {"environment": environment}
    print_summary(summary, finished, Path("logs"), screen)
    assert f"dreamgym play {which.format(finished.path)} --dream\n" in screen.file.getvalue()
