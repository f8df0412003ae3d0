"""The bench: what it tries, what it keeps, what it says; and one small run of all its real parts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dreamgym.cli.main import app
from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import load_config
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.environments.planted.table import PLANTED
from dreamgym.models.llm_client import make_client
from dreamgym.training.trust import bench
from dreamgym.training.trust.bench import Plan, bench_config, run_bench
from dreamgym.training.trust.records import DreamRecord, Results
from dreamgym.training.trust.table import hack_rows, honest_rows, judge_line, markdown
from dreamgym.utils.progress import Silent
from small_run import prepare

PLAN = Plan(hacks=("teleporting", "wishes come true"), honest_seeds=3, iterations=2, seed=7)
CONFIG = bench_config(DreamGymConfig(), PLAN)


def verdict(detector: str, iteration: int, reason: str = "", seconds: float = 0.1) -> dict:
    return {
        "detector": detector,
        "iteration": iteration,
        "reason": reason,
        "seconds": seconds,
        "measured": {},
    }


def iteration(dreamed: float, real: float, lies: float) -> dict[str, float]:
    counts = {"episodes": 10.0, "turns": 100.0, "failed": 0.0, "lies": lies, "run_seconds": 10.0}
    return {**counts, "dreamed_wins": dreamed, "real_wins": real}


def record(hack: str, seed: int = 7, *, flagged: int | None = None) -> DreamRecord:
    verdicts = [verdict("gate", 0)]
    for number in (1, 2):
        verdicts.append(verdict("replay audit", number, "wrong" if flagged == number else ""))
        verdicts.append(verdict("consistency audit", number, seconds=0.3))
    return DreamRecord(
        hack=hack,
        seed=seed,
        verdicts=verdicts,
        iterations=[iteration(4, 4, 0), iteration(8, 2, 5 * bool(hack))],
        values=[],
        update=None,
        seconds=30.0,
    )


class Tried:
    """Stands for ``try_dream``: what was asked, and an interrupt where it is told to."""

    def __init__(self, *, interrupted_at: int | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self.interrupted_at = interrupted_at

    async def __call__(self, config, hack, folder, *, judge, advance):
        if len(self.asked) == self.interrupted_at:
            raise KeyboardInterrupt
        self.asked.append((hack, config.training.seed))
        return record(hack, config.training.seed, flagged=1 if hack else None)


def tried(
    monkeypatch: pytest.MonkeyPatch, output: Path, *, resume: bool = False, stop: int | None = None
) -> Tried:
    stand_in = Tried(interrupted_at=stop)
    monkeypatch.setattr(bench, "try_dream", stand_in)
    try:
        run_bench(CONFIG, PLAN, output, Silent(), resume=resume)
    except KeyboardInterrupt:
        assert stop is not None
    return stand_in


def test_the_full_plan_tries_every_hack_and_ten_honest_seeds() -> None:
    dreams = Plan.full().dreams()
    assert {hack for hack, _ in dreams} == {"", *PLANTED}
    assert len({seed for hack, seed in dreams if not hack}) == 10
    assert len(set(dreams)) == len(dreams) == len(PLANTED) + 10
    assert len(Plan.quick().dreams()) == 5


def test_honest_and_planted_dreams_take_turns() -> None:
    assert PLAN.dreams() == [("teleporting", 7), ("", 7), ("wishes come true", 7), ("", 8), ("", 9)]


def test_the_users_settings_win_over_the_benchs_own() -> None:
    assert CONFIG.training.num_iterations == 2
    assert CONFIG.rl.group_size == 6
    assert bench_config(DreamGymConfig(), PLAN, ["rl.group_size=4"]).rl.group_size == 4


def test_what_was_measured_survives_an_interrupt_and_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "trust.json"
    first = tried(monkeypatch, output, stop=2)
    assert [d.hack for d in Results.read(output).dreams] == ["teleporting", ""]
    second = tried(monkeypatch, output, resume=True)
    assert first.asked + second.asked == PLAN.dreams()
    assert len(Results.read(output).dreams) == 5
    assert Results.read(output).dreams[0] == record("teleporting", flagged=1)
    again = tried(monkeypatch, output)  # without --resume all of it is measured anew
    assert again.asked == PLAN.dreams()


def test_results_of_other_settings_or_of_something_else_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "trust.json"
    tried(monkeypatch, output)
    with pytest.raises(ConfigError, match="other settings"):
        run_bench(bench_config(CONFIG, PLAN, ["rl.clip=0.1"]), PLAN, output, Silent(), resume=True)
    output.write_text('{"version": 1}')
    with pytest.raises(DataError, match="no results of this version"):
        tried(monkeypatch, output, resume=True)


def results(*dreams: DreamRecord, judge: str = "") -> Results:
    return Results(settings={"judge": judge}, dreams=dreams)


def test_the_table_says_who_flagged_what_and_when() -> None:
    head, (flagged, late, missed) = hack_rows(
        results(record("a", flagged=1), record("b", flagged=5), record("c"), record(""))
    )
    unwon = replace(record("d"), iterations=[iteration(0, 0, 0)] * 2)
    assert hack_rows(results(unwon))[1][0][-1] == "0 → 0"
    late_record = replace(record("b"), verdicts=[verdict("gate", 0), verdict("replay audit", 5, "wrong")])
    assert head[:5] == ["planted", "gate", "replay audit", "consistency audit", "in time"]
    assert flagged == ["a", "–", "1", "–", "yes", "5.0", "40 → 80", "0 → 75"]
    assert missed[4] == "no"
    assert late[4] == "no"  # nothing was said in its two iterations
    assert hack_rows(results(late_record))[1][0][3] == "late"


def test_flags_and_costs_are_counted_by_detector() -> None:
    _, rows = honest_rows(results(record("a", flagged=1), record("b"), record(""), record("", 8, flagged=2)))
    # Of the second iteration alone: 0.1 s and 0.3 s of 10 s in each dream.
    assert rows == [
        ["gate", "0 of 2", "0 of 2", "before the run"],
        ["replay audit", "1 of 2", "1 of 2", "1.00 %"],
        ["consistency audit", "0 of 2", "0 of 2", "3.00 %"],
        ["any", "1 of 2", "1 of 2", "4.00 % (both audits)"],
    ]


def test_the_judges_agreement_is_said_where_one_was_given() -> None:
    assert "no judge" in judge_line(results(record("a")))
    believed = replace(record("a"), verdicts=[verdict("judge", 1, "disbelieves")])
    assert "agrees on 100 % of 2 dreams" in judge_line(results(believed, record(""), judge="x"))


def test_a_hack_that_is_not_there_is_refused_in_a_line() -> None:
    run = CliRunner().invoke(app, ["trust", "--hack", "telepathy"])
    assert run.exit_code == 2
    assert CliRunner().invoke(app, ["trust", "--list"]).output.splitlines() == list(PLANTED)


@pytest.mark.slow
def test_all_real_parts_of_a_small_bench(tmp_path: Path) -> None:
    """A random policy in a scripted dream that pays for numbers: all detectors speak, and the tables tell."""
    made = prepare(tmp_path)
    settings = [
        *made,
        "rl.group_size=4",
        "training.tasks_per_iteration=3",
        "training.eval_episodes=4",
        "training.fidelity.episodes=4",
        "environment.max_turns=6",
    ]
    plan = replace(PLAN, hacks=("every invalid action succeeds",), honest_seeds=1)
    config = bench_config(load_config(None, made), plan, settings)
    judge_script = tmp_path / "judge.json"
    judge_script.write_text(json.dumps({"one JSON object": "perhaps"}))
    output = tmp_path / "trust.json"
    found = run_bench(
        config, plan, output, Silent(), judge=make_client(f"scripted:{judge_script}"), judge_name="scripted"
    )
    planted, honest = found.dreams
    for dream in (planted, honest):
        assert dream.detectors == ["gate", "replay audit", "consistency audit", "distance", "judge"]
        assert [i["episodes"] + i["failed"] for i in dream.iterations] == [12.0, 12.0]
        assert [v["iteration"] for v in dream.values] == [0, 2]
    assert sum(i["lies"] for i in planted.iterations) > 0
    assert sum(i["lies"] for i in honest.iterations) == 0
    assert Results.read(output).dreams[0].flags == planted.flags
    assert "holds if" in markdown(found)
