"""The page holds the run's own numbers, side by side where there are several, and is of bounded size."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dreamgym.cli.main import app
from dreamgym.core.data_structures import TaskOrigin
from dreamgym.reports import page
from dreamgym.reports.charts import Point, Series, line_chart, pooled
from dreamgym.reports.comparison import at_a_glance
from dreamgym.reports.figures import curriculum_charts, success_charts, trust_charts
from dreamgym.reports.page import read_runs
from dreamgym.reports.run_files import read_run
from dreamgym.reports.run_tables import made_tasks, types_over_time
from dreamgym.reports.tables import Table, numbers_of
from dreamgym.utils.stats import wilson
from report_runs import Page, page_of, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "mine")


def cell(table: Table | None, row: str, column: int = 1) -> str:
    assert table is not None
    return next(cells[column] for cells in table.rows if cells[0] == row)


def test_at_a_glance_says_what_the_run_logged(folder: Path) -> None:
    table = at_a_glance([read_run(folder)])
    assert cell(table, "status") == "finished, 4 of 4 iterations"
    assert cell(table, "real success before") == "25.0 % (12.5 to 50.0)"
    assert cell(table, "real success after") == "75.0 %"  # no interval was logged
    assert cell(table, "audited success, last 5 audits") == wilson(16, 40).percent()
    assert cell(table, "dream flagged as exploited") == "in 1 iteration, first in 3"
    assert cell(table, "gate: whole episodes right") == "80.0 % (40.0 to 90.0)"
    assert cell(table, "dreamed turns") == "4,000"
    assert cell(table, "time") == "4 min 10 s"
    assert cell(table, "money") == "$5.00"


def test_the_page_says_it_too_and_the_parts_of_the_run(folder: Path) -> None:
    text = Page(page_of(folder)).words
    for words in (
        "25.0 % (12.5 to 50.0)",
        "Flagged as exploited in 1 iteration: 3.",
        "By type of action: the policy's turns, replayed",
        "90.0 % (45.0 to 95.0)",
        "malformed episodes 2",
        "of them real 240",
        "models: a mug 1 42 calls, 4,000 tokens, $5.00",
        "money in all $5.00",
        "time: collect 4 min 5 s",
        "first difference in turn 3",
        "put a hot a mug 1 in shelf. put a mug 1 in shelf. 1/8 (1), 2/8 (2), 3/8 (3), 4/8 (4)",
    ):
        assert words in text, words


def test_curves_are_those_of_the_run(folder: Path) -> None:
    (chart,) = success_charts([read_run(folder)])
    curves = {series.label: [(p.x, p.y) for p in series.points] for series in chart.series}
    assert curves["Real success"] == [(0, 0.25), (4, 0.75)]
    assert curves["Dreamed success, while it learns"] == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)]
    assert curves["Audited success"] == [(n, 0.4) for n in (1, 2, 3, 4)]
    bounds = [(p.low, p.high) for s in chart.series if s.label == "Audited success" for p in s.points]
    assert bounds == [(wilson(4 * n, 10 * n).low, wilson(4 * n, 10 * n).high) for n in (1, 2, 3, 4)]
    denied = trust_charts([read_run(folder)])[0].series[0].points
    assert [round(p.y, 6) for p in denied] == [0.1] * 4


def test_tasks_are_followed_by_origin_and_type(folder: Path) -> None:
    run = read_run(folder)
    chart = next(c for c in curriculum_charts([run]) if c.title == "Return by origin of the task")
    assert [s.label for s in chart.series] == [f"{origin.value} tasks" for origin in TaskOrigin]
    assert [p.y for p in chart.series[1].points] == [n / 8 for n in (1, 2, 3, 4)]
    table = types_over_time(run)  # a third of four iterations is one
    assert cell(table, "a mug 1, synthetic", 1) == "12.5 % of 8"
    assert cell(table, "a mug 1, synthetic", 2) == "50.0 % of 8"
    assert cell(made_tasks(run), "put a hot a mug 1 in shelf.", 1) == "put a mug 1 in shelf."


def test_audits_are_taken_together_over_a_window() -> None:
    counts = [(1, 1.0, 10.0), (2, 2.0, 10.0), (3, 3.0, 10.0), (5, 4.0, 10.0)]
    assert pooled(counts, 3) == [(1, 1, 10), (2, 3, 20), (3, 6, 30), (5, 9, 30)]


def test_what_is_drawn_lies_where_its_value_is() -> None:
    points = [Point(x=x, y=y) for x, y in ((0, 0.0), (1, 0.25), (2, 1.0))]
    svg = line_chart("A title", "", [Series(label="", points=points, style=0)]).svg
    marks = re.findall(r'<use xlink:href="#[^"]+" x="([\d.]+)" y="([\d.]+)" style="fill: var\(--c0\)', svg)
    (x0, y0), (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in marks]
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.25, abs=1e-4)
    assert (x1 - x0) / (x2 - x0) == pytest.approx(0.5, abs=1e-4)


def test_colours_are_the_pages_and_ids_are_used_once(folder: Path) -> None:
    read = Page(page_of(folder))
    ids = Counter(value for _, _, value in read.attributes(lambda name: name == "id"))
    assert [name for name, count in ids.items() if count > 1] == []
    links = {value for _, _, value in read.attributes(lambda name: name.endswith("href"))}
    assert {str(link).removeprefix("#") for link in links} <= ids.keys()
    pictures = re.findall(r"<svg.*?</svg>", page_of(folder), re.DOTALL)
    assert len(pictures) == 7
    for svg in pictures:
        assert not re.search(r"#[0-9a-fA-F]{6}|rgb\(|http", svg)


def test_a_chart_can_be_read_as_a_table(folder: Path) -> None:
    (chart,) = success_charts([read_run(folder)])
    table = numbers_of(chart)
    assert table.head[0] == "iteration"
    assert [row[0] for row in table.rows] == ["0", "1", "2", "3", "4"]
    assert (
        cell(table, "2", 1 + [s.label for s in chart.series].index("Dreamed success, while it learns"))
        == "20.0 %"
    )
    assert cell(table, "2", 1) == "–"


def test_several_runs_stand_side_by_side(tmp_path: Path, folder: Path) -> None:
    other = write_run(tmp_path / "other", iterations=6)
    text = Page(page_of(folder, other)).words
    assert "mine other" in text
    assert "dreamed turns 4,000 6,000" in text
    assert "Settings in which they differ" in text
    assert (
        "training.phases [{'world': 'dream', 'iterations': 4}] [{'world': 'dream', 'iterations': 6}]" in text
    )
    titles = [chart.title for chart in success_charts([read_run(folder), read_run(other)])]
    assert titles == ["Real success", "Dreamed success, while it learns", "Audited success"]


def test_areas_that_would_hide_each_other_are_left_out(tmp_path: Path) -> None:
    runs = read_runs([write_run(tmp_path / f"run{n}") for n in range(5)])
    few, many = trust_charts(runs[:4])[0], trust_charts(runs)[0]
    assert all(point.low is not None for series in few.series for point in series.points)
    assert all(point.low is None for series in many.series for point in series.points)
    assert "left out" in many.caption
    assert "left out" not in few.caption


def test_a_hundred_iterations_of_long_episodes_stay_a_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", iterations=100, turns=100, text="a long story " * 100)
    html = page_of(run)
    assert 500_000 < len(html) < 3_000_000
    assert "more episodes would have made this page too long" in html
    assert "more turns are not shown" in html


def test_twenty_thousand_iterations_are_still_a_picture(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", iterations=1)
    rows = [{"iteration": i, "rollout/dreamed_success": 0.5, "time/collect": 1.0} for i in range(20_000)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page_text = page_of(run)
    assert len(page_text) < 2_000_000
    assert "19999" in page_text


def test_the_command_writes_the_page_and_tells_what_it_could_not_read(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    with (run / "metrics.jsonl").open("a") as file:
        file.write("nonsense\n")
    output = tmp_path / "new" / "report.html"
    result = CliRunner().invoke(app, ["report", str(run), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert f"report  {output}" in result.stdout
    assert "run: metrics.jsonl: 1 of 9 lines cannot be read" in result.stderr
    assert output.read_text().startswith("<!DOCTYPE html>")


def test_a_damaged_episode_is_told_once_and_the_others_are_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    with (run / "episodes" / "dreamed_0000.jsonl").open("a") as file:
        file.write('{"id": "x", "turns": 7}\n')
    read = Page(page_of(run))
    assert read.words.count("dreamed_0000.jsonl: 1 of 2 lines cannot be read") == 1
    assert "Evaluation after iteration 0: dreamed games" in read.words


def test_the_command_explains_what_it_cannot_do(tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()
    for arguments, words in (
        ([str(empty)], "is no run: found nothing; wanted"),
        ([str(write_run(tmp_path / "run")), "--output", str(tmp_path)], "is a folder, wanted a file"),
    ):
        result = CliRunner().invoke(app, ["report", *arguments])
        assert result.exit_code == 2
        assert words in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


CSS = Path(page.__file__).with_name("templates") / "report.css"


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_text_and_curves_stand_out_from_what_is_behind_them(theme: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", CSS.read_text(), re.DOTALL)
    chosen = blocks[: ("light", "dark", "print").index(theme) + 1]  # a later one overrules those before
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", "".join(chosen)))
    for name in ("ink", "soft", "accent", "dream", "real", "alarm"):
        assert contrast(colours[name], colours["card"]) >= 4.5, name
    for text, paper in (
        ("dream", "dream-paper"),
        ("real", "real-paper"),
        ("alarm", "alarm-paper"),
        ("mark-ink", "mark"),
    ):
        assert contrast(colours[text], colours[paper]) >= 4.5, text
    for number in range(8):
        assert contrast(colours[f"c{number}"], colours["card"]) >= 3.0, number


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    text = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(text[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
