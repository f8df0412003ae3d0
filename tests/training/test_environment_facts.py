"""``dreamgym envs`` and ``dreamgym doctor``: what they say is so, and no key is ever shown."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import dreamgym.training.environment_facts as environment_facts
from alfworld_data import DATA, needs_data
from dreamgym.cli.main import app
from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.environments.alfworld.panels import panel
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.needs import Need
from dreamgym.training.environment_facts import facts_of, listed, measured, missing_of, shipped_figures
from dreamgym.training.machine import data_folder, everything, keys

SECRET = "sk-do-not-show-this"


def run(*arguments: str, **variables: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "400", **variables})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_environment_is_listed_with_its_panels() -> None:
    found = {facts["name"]: facts for facts in json.loads(run("envs", "--json", DREAMGYM_DATA=""))}
    assert list(found) == listed() == ["alfworld", "webshop", "taubench", "webarena"]
    alfworld = found["alfworld"]
    assert alfworld["missing"] == ""
    assert alfworld["tasks"] == {name: len(panel(name).tasks) for name in ("train", "valid")}
    assert list(alfworld["elsewhere"]) == ["valid_seen"]
    assert "set DREAMGYM_DATA" in alfworld["elsewhere"]["valid_seen"]
    assert alfworld["figures"]["real_turns_per_second"] > 5_000


def test_the_table_is_for_people() -> None:
    said = run("envs", DREAMGYM_DATA="")
    assert "train 1,000, valid 240, [valid_seen]" in said
    assert "alfworld [valid_seen] are official ALFWorld games" in said
    assert "taubench [retail:train, retail:dev, retail:test, airline:test] is tau-bench's own" in said
    assert "tau2:telecom:solo" in said
    assert "whole episodes 99.4 %" in said
    assert "measure here with --measure" in said


@needs_data
def test_original_panels_are_counted_where_their_data_is() -> None:
    facts = facts_of("alfworld", EnvironmentConfig(data_dir=DATA))
    assert facts.tasks["valid_seen"] == len(panel("valid_seen", data_dir=DATA).tasks)
    assert facts.elsewhere == {}


def test_a_panel_whose_file_is_broken_says_so(tmp_path: Path) -> None:
    (tmp_path / "webarena").mkdir()
    (tmp_path / "webarena" / "webarena_test.raw.json.xz").write_bytes(b"no xz")
    reasons = facts_of("webarena", EnvironmentConfig(name="webarena", data_dir=tmp_path)).elsewhere
    assert "webarena_test.raw.json.xz cannot be read" in reasons["webarena"]
    assert "there is no" in reasons["webarena_lite"]


def test_shipped_dreams_are_measured_with_the_real_worlds_or_not_at_all() -> None:
    result = CliRunner().invoke(app, ["envs", "--dreams"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "add --measure" in result.stderr


@pytest.mark.parametrize("there", [True, False])
def test_the_doctor_knows_tau2_bench_from_pypis_tau2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    (tmp_path / "tau2" / "gym").mkdir(parents=True)
    for module in ("", "gym/") if there else ("",):
        (tmp_path / "tau2" / module / "__init__.py").touch()
    if there:
        (tmp_path / "tau2" / "gym" / "gym_agent.py").touch()
    (tmp_path / "tau2-1.2.3.dist-info").mkdir()
    (tmp_path / "tau2-1.2.3.dist-info" / "METADATA").write_text("Name: tau2\nVersion: 1.2.3\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    loaded = {name: module for name, module in sys.modules.items() if not name.startswith("tau2")}
    monkeypatch.setattr(sys, "modules", loaded)
    (need,) = environment_facts.needs_of("taubench")
    assert need.found == ("1.2.3" if there else None)
    assert need.optional
    assert "git+https://github.com/sierra-research/tau2-bench" in need.hint


def test_what_is_not_here_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = Need(name="pages", found=None, hint="fetch the pages", optional=True)
    needed = Need(name="browser", found=None, hint="pip install 'dreamgym[browser]'")
    monkeypatch.setattr(environment_facts, "available", lambda: ["alfworld"])
    assert missing_of("webarena") == "not in this version yet"
    monkeypatch.setattr(environment_facts, "needs_of", lambda name: (hidden, needed))
    assert missing_of("alfworld") == "pip install 'dreamgym[browser]'"
    monkeypatch.setattr(environment_facts, "needs_of", lambda name: (hidden,))
    assert missing_of("alfworld") == ""


class Counting:
    """A world of three turns; notes what it was made with and which tasks it has played."""

    def __init__(self, lists: bool, log: list[tuple[bool, str]]) -> None:
        self._lists, self._log, self._left = lists, log, 0

    async def reset(self, task: Task, seed: int) -> Observation:
        self._log.append((self._lists, task.id))
        self._left = 3
        return Observation(text="", admissible=("go",) if self._lists else None)

    async def step(self, action: str) -> StepResult:
        assert action == "go"  # which only the world that lists it can have told
        self._left -= 1
        await asyncio.sleep(0.05 if self._lists else 0)
        seen = Observation(text="", admissible=("go",) if self._lists else None)
        return StepResult(observation=seen, reward=0.0, terminated=not self._left, truncated=False)

    async def close(self) -> None: ...


def test_what_is_measured_is_what_a_run_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick turns that list nothing are timed, those of 50 ms that do are not; no task comes twice."""
    log: list[tuple[bool, str]] = []
    tasks = [Task(id=str(number), environment="x", instruction="") for number in range(6)]

    def opened(config: EnvironmentConfig) -> SimpleNamespace:
        async def make(task: Task, seed: int) -> Callable[[], Counting]:
            return lambda: Counting(config.show_admissible, log)

        return SimpleNamespace(panels=lambda name, size: tasks, real_world=make)

    monkeypatch.setattr(environment_facts, "open_domain", opened)
    found = measured("alfworld", EnvironmentConfig(), shipped_figures()["alfworld"])
    assert [id for lists, id in log if not lists] == [task.id for task in tasks]
    assert found.real_turns_per_second is not None
    assert found.real_turns_per_second > 20


def test_a_world_is_measured_on_the_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within bounds that any machine keeps."""
    monkeypatch.setattr(environment_facts, "MEASURED_S", 0.2)
    shipped = shipped_figures()["alfworld"]
    found = measured("alfworld", EnvironmentConfig(max_turns=5), shipped)
    assert found.real_turns_per_second is not None
    assert found.reset_ms is not None
    assert 100 < found.real_turns_per_second < 1_000_000
    assert 0 < found.reset_ms < 100
    assert found.fidelity == shipped.fidelity


def test_the_doctor_never_shows_a_key() -> None:
    said = run("doctor", OPENAI_API_KEY=SECRET, ANTHROPIC_API_KEY="", DREAMGYM_DATA="")
    assert SECRET not in said
    assert "ok      OPENAI_API_KEY: set" in said
    assert "no      ANTHROPIC_API_KEY" in said
    assert SECRET not in run("doctor", "--json", OPENAI_API_KEY=SECRET)
    assert [need.found for need in keys({"WANDB_API_KEY": SECRET})] == [None, None, "set"]


def test_the_doctor_looks_into_the_data_folder(tmp_path: Path) -> None:
    assert data_folder({}).found is None
    assert "holds none of it" in data_folder({"DREAMGYM_DATA": str(tmp_path)}).hint
    (tmp_path / "webshop").mkdir()
    assert data_folder({"DREAMGYM_DATA": str(tmp_path)}).found == f"{tmp_path}: webshop"


def test_what_the_tests_run_on_is_enough_to_run_on() -> None:
    sections = everything({})
    assert [need.name for need in sections["machine"] if need.found is None and not need.optional] == []
    assert [need.name for need in sections["models"] if need.found is None and not need.optional] == []
    assert all(need.hint for needs in sections.values() for need in needs if need.found is None)


def test_a_machine_without_its_models_is_told_and_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamgym.training.machine.ASSETS", tmp_path)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 2
    assert "missing embedded policy model: install the package again" in result.stdout
    assert result.stderr.startswith("error: embedded policy model: ")
