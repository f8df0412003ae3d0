"""Folders of runs as they are found: whole, half-written, damaged, of an earlier version, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreamgym.core.errors import ConfigError, DataError
from dreamgym.reports.comparison import at_a_glance, cost, fidelity, replay_buffer, status
from dreamgym.reports.figures import success_charts, trust_charts
from dreamgym.reports.lines import MAX_LINE, Problems, read_records
from dreamgym.reports.page import read_runs
from dreamgym.reports.run_files import named_apart, planned_iterations, read_run
from dreamgym.reports.run_tables import by_action, tasks
from dreamgym.reports.selection import chapters
from report_runs import Page, page_of, write_run


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run"))
    assert run.problems.found == []
    assert run.curve("rollout/dreamed_success") == {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}
    assert (run.iterations, planned_iterations(run), run.finished) == (4, 4, True)
    assert run.metrics[0]["time/gate"] == 5.0
    assert run.metrics[0]["eval/real/success"] == 0.25
    assert [group.returns.count(1.0) for groups in run.groups.values() for group in groups] == [
        1,
        1,
        2,
        2,
        3,
        3,
        4,
        4,
    ]
    sources = [(moment.source, moment.iteration) for moment in run.moments if moment.source != "rollouts"]
    assert sources == [("fidelity", 0), ("dreamed", 0), ("real", 0), ("dreamed", 4), ("real", 4)]


def test_corrupt_lines_are_counted_and_named_and_the_rest_is_used(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    good = (folder / "metrics.jsonl").read_bytes()
    bad = (
        b'{"iteration": 5,\n[1, 2]\n\xff\xfe\n{"iteration": "five"}\n{"iteration": -1}\n'
        + b"[" * 100_000
        + b"\n"
    )
    (folder / "metrics.jsonl").write_bytes(bad + good)
    run = read_run(folder)
    assert run.curve("rollout/dreamed_success") == {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}
    (problem,) = run.problems.found
    assert problem.startswith("metrics.jsonl: 6 of 14 lines cannot be read and are left out: line 1 (")
    assert "line 2 (" in problem
    assert "line 3 (" in problem
    assert problem.endswith("and 3 more")
    assert "6 of 14 lines" in Page(page_of(folder)).text


def test_what_is_no_number_is_no_value(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "metrics.jsonl").write_text(
        '{"iteration": 1, "a": NaN, "b": Infinity, "c": 1e999, "d": "1", "e": true, "f": null, "g": [1],'
        ' "h": 2}\n'
        f'{{"iteration": 2, "i": {10**400}}}\n'
    )
    assert dict(read_run(folder).metrics) == {1: {"h": 2.0}, 2: {}}


def test_a_line_that_is_just_being_written_is_no_damage(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "summary.json").unlink()
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 5, "rollout/dre')
    run = read_run(folder)
    assert run.problems.found == ["metrics.jsonl: the last line is cut off, it was just being written"]
    assert status(run) == "not finished: 4 of 4 iterations so far"


def test_a_run_that_has_only_begun_is_shown_as_far_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("training:\n  phases:\n  - {world: dream, iterations: 20}\n")
    text = Page(page_of(tmp_path)).text
    assert "nothing logged yet" in text
    assert "no metrics.jsonl, or nothing in it yet" in text
    assert "No episodes are recorded." in text


def test_a_run_of_an_earlier_version_says_what_it_does_not_hold(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    for path in [*folder.glob("episodes/*.jsonl"), folder / "fidelity.jsonl"]:
        path.unlink()
    text = Page(page_of(folder)).text
    assert "no episodes/*.jsonl (an earlier version's run?)" in text
    assert "no episodes/tasks_*.jsonl (an earlier version's run?)" in text
    assert "75.0 %" in text


@pytest.mark.parametrize(
    "value", [0.0, None, [], {"estimate": None, "low": 0.0, "high": 1.0}, {"estimate": "x"}]
)
def test_a_fidelity_report_of_another_form_is_used_as_far_as_it_goes(tmp_path: Path, value: object) -> None:
    folder = write_run(tmp_path / "run")
    report = json.loads((folder / "fidelity.json").read_text())
    report |= {"whole_episodes": value, "value_error_bound": value, "forced_by_verb": value}
    (folder / "fidelity.json").write_text(json.dumps(report))
    fidelity = read_run(folder).fidelity
    assert fidelity.replayed("whole episodes right") is None
    exact = fidelity.replayed("next state, word for word")
    assert exact is not None
    assert (exact.estimate, exact.low, exact.high) == (0.9, 0.45, 0.95)


@pytest.mark.parametrize(
    "text", ["a: [", "- 1", "a: &x [1]\nb: *x", "\x00", "!!python/object/apply:os.getcwd []"]
)
def test_settings_that_cannot_be_read_are_told(tmp_path: Path, text: str) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "config.yaml").write_text(text)
    run = read_run(folder)
    assert run.settings == {}
    assert any("config.yaml" in problem for problem in run.problems.found)


def test_no_run_says_what_was_found_and_what_was_wanted(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(
        DataError, match=r"is no run: found holiday\.jpg; wanted .*metrics\.jsonl and config\.yaml"
    ):
        read_run(tmp_path)
    with pytest.raises(DataError, match="is a file; wanted"):
        read_run(tmp_path / "holiday.jpg")
    with pytest.raises(DataError, match="there is no such folder"):
        read_run(tmp_path / "nowhere")


def test_a_folder_of_runs_names_them(tmp_path: Path) -> None:
    first, second = write_run(tmp_path / "grpo" / "1"), write_run(tmp_path / "grpo" / "2")
    with pytest.raises(DataError, match=f"runs lie below it: {first} {second}"):
        read_run(tmp_path)


def test_runs_are_named_apart_and_a_bare_seed_is_no_name(tmp_path: Path) -> None:
    def names(*paths: str) -> list[str]:
        folders = [tmp_path / path for path in paths]
        for folder in folders:
            if not folder.exists():
                write_run(folder)
        return [run.name for run in named_apart([read_run(folder) for folder in folders])]

    assert names("a/run", "b/other") == ["run", "other"]
    assert names("a/run", "b/run") == ["a/run", "b/run"]
    assert names("a/1", "b/1", "b/2") == ["a/1", "b/1", "b/2"]
    assert names("x/a/1/run", "x/b/1/run") == ["a/1/run", "b/1/run"]


def test_the_same_run_twice_is_one_and_too_many_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (tmp_path / "link").symlink_to(run)
    assert len(read_runs([run, run / ".", tmp_path / "link"])) == 1
    many = [write_run(tmp_path / f"run{n}", iterations=1) for n in range(17)]
    with pytest.raises(ConfigError, match=r"17 runs .* at most 16"):
        read_runs(many)


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with path.open("wb") as file:
        file.write(b'"' + b"a" * (2 * MAX_LINE + 5) + b'"\n"short"\n')
    problems = Problems()
    assert read_records(path, str, problems) == ["short"]
    assert "1 of 2 lines cannot be read" in problems.found[0]


def test_a_file_without_end_is_read_as_far_as_it_is_useful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamgym.reports.lines.MAX_LINES", 3)
    (tmp_path / "x.jsonl").write_text("1\n2\n3\n4\n5\n")
    problems = Problems()
    assert read_records(tmp_path / "x.jsonl", int, problems) == [1, 2, 3]
    assert problems.found == ["x.jsonl has more than 3 lines: the rest is left out"]


NAMES = st.sampled_from(
    [
        "iteration",
        "audit/episodes",
        "audit/gap",
        "audit/real_success",
        "eval/real/success",
        "replay/size",
        "x",
    ]
) | st.sampled_from(
    ["by_verb", "turns", "estimate", "low", "high", "replayed", "next_state_exact", "turn", "id", "facts"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
LINES = st.lists(JSON.map(json.dumps).map(str.encode) | st.binary(max_size=20), max_size=5).map(b"\n".join)
NAMED = ["metrics.jsonl", "fidelity.json", "fidelity.jsonl", "config.yaml", "episodes/tasks_0001.jsonl"]
FILES = st.dictionaries(
    st.sampled_from([*NAMED, "episodes/real_0000.jsonl", "episodes/dreamed_0000.jsonl"]), LINES
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES)
def test_whatever_lies_in_the_files_is_read_or_told(tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = tmp_path / "run"
    (folder / "episodes").mkdir(parents=True, exist_ok=True)
    for path in folder.rglob("*.*"):
        path.unlink()
    for name, content in {"metrics.jsonl": b"", **files}.items():
        (folder / name).write_bytes(content)
    run = read_run(folder)
    for told in (at_a_glance, cost, fidelity, replay_buffer):
        told([run])
    by_action(run), tasks(run), chapters(run, 10_000)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(NAMES, st.floats() | st.integers(), max_size=5), max_size=4))
def test_whatever_numbers_are_logged_can_be_drawn(
    tmp_path_factory: pytest.TempPathFactory, rows: list
) -> None:
    folder = tmp_path_factory.mktemp("run")
    lines = [json.dumps({**row, "iteration": number}) + "\n" for number, row in enumerate(rows)]
    (folder / "metrics.jsonl").write_text("".join(lines))
    run = read_run(folder)
    for chart in success_charts([run]) + trust_charts([run]):
        assert chart.svg.startswith("<svg")
