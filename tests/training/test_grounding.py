"""The grounding grid: its models and cells, what is counted, and that nothing is measured twice."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dreamgym.cli.main import app
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.environments.judged import JudgedTurn
from dreamgym.training.grounding.fitting import parts
from dreamgym.training.grounding.grid import Cell, Hidden, ModelForm, Retrieval, forms, grid
from dreamgym.training.grounding.measuring import Counts, some_turns, turn_counts
from dreamgym.training.grounding.records import Measured, Results
from dreamgym.training.grounding.table import factor_table, grid_table, markdown
from dreamgym.training.models import ASSETS
from dreamgym.training.offline_data import read_trajectories

HELDOUT = list(read_trajectories(ASSETS / "offline" / "heldout.jsonl.gz"))
CELL = Cell(retrieval=Retrieval.OFF, reasoning=True, sheet=Hidden.GIVEN, history=None)


def test_the_grid_is_every_combination_and_the_shipped_form() -> None:
    cells = grid()
    assert len(cells) == len(set(cells)) == 3 * 2 * 3 * 3 + 2 * 3
    assert Counter(cell.form.name for cell in cells) == {
        "history": 9,
        "history-no-reasoning": 9,
        "sheet": 18,
        "sheet-no-reasoning": 18,
        "quotes": 6,
    }
    assert len(forms(cells)) == 5
    for cell in cells:
        settings = cell.form.settings(top_k=2, history=cell.history)
        assert settings.history == cell.history
        assert (settings.context == "history") == (cell.sheet is Hidden.OFF)


def test_every_episode_is_shown_with_one_history() -> None:
    form = ModelForm(context="sheet", reasoning=True)
    shown = dict(parts(form, HELDOUT, 3))
    assert set(shown) == {0, 2, None}
    assert sorted(t.id for part in shown.values() for t in part) == sorted(t.id for t in HELDOUT)
    assert shown != dict(parts(form, HELDOUT, 4))
    assert dict(parts(ModelForm(context="quotes", reasoning=True), HELDOUT, 3)) == {0: HELDOUT}


def test_the_turns_that_are_judged_are_the_same_for_all_with_the_last_among_them() -> None:
    for trajectory in HELDOUT:
        chosen, turns = some_turns(trajectory), len(trajectory.transitions)
        assert chosen == some_turns(replace(trajectory))
        assert turns - 1 in chosen
        assert min(turns, 5) <= len(chosen) <= 6
        assert all(0 <= turn < turns for turn in chosen)


def judged(dreamed: str, real: str, paid: float = 0.0, due: float = 0.0) -> JudgedTurn:
    return JudgedTurn(
        action="a", dreamed_state=dreamed, real_state=real, dreamed_reward=paid, real_reward=due
    )


def test_turns_are_counted_as_by_hand() -> None:
    nothing = "Nothing happens."
    turns = [
        judged("x", "x"),
        judged("x", nothing),  # believed
        judged(nothing, nothing),
        judged("x", "y", paid=1.0),  # a false win
        judged("x", "x", due=1.0),  # a missed one
        judged("x", "x", paid=1.0, due=1.0),
    ]
    assert turn_counts(turns) == Counts(
        turns=6,
        exact=4,
        invalid=2,
        recognised=1,
        unpaid=4,
        false_positive=1,
        paid=2,
        false_negative=1,
    )


def test_the_tables_pool_and_show_the_spread_of_seeds() -> None:
    few = Counts(turns=10, exact=5, episodes=4, whole=1, dreamed_turns=10, tokens=200)
    more = replace(few, exact=7, dreamed_turns=30)
    quotes = replace(CELL, quotes=True, history=0)
    results = Results(steps=1)
    for cell, seed, counts in ((CELL, 0, few), (CELL, 1, more), (quotes, 0, few)):
        results = results.plus(Measured(cell=cell, seed=seed, counts=counts))
    line = ["60.0 % (50.0 to 70.0)", "–", "–", "–", "25.0 % (25.0 to 25.0)", "10"]
    assert grid_table(results)[1] == ["given", "on", "all", "off", *line]
    assert grid_table(results)[2][:4] == ["given", "on", "quotes", "off"]
    factors = factor_table(results)
    assert [row[:2] for row in factors[1:]] == [
        ["sheet", "given"],
        ["reasoning", "on"],
        ["history", "all"],
        ["retrieval", "off"],
        ["quotes", "as shipped"],
    ]
    assert factors[1][2:] == line
    assert factors[-1][2] == "50.0 %"
    assert markdown(factors).splitlines()[1] == "|" + " --- |" * len(factors[0])


def test_results_are_read_as_they_were_written_and_of_the_same_fits_alone(tmp_path: Path) -> None:
    path = tmp_path / "grid.json"
    results = Results(steps=7).plus(Measured(cell=CELL, seed=2, counts=Counts(turns=3, exact=1)))
    results.write(path)
    found = Results.read(path, 7)
    assert found == results
    assert found.has(CELL, 2)
    assert not found.has(CELL, 1)
    with pytest.raises(ConfigError, match="models of 7 steps, not 8"):
        Results.read(path, 8)
    path.write_text('{"steps": 7, "measured": [{"cell": 5}]}')
    with pytest.raises(DataError, match="no field"):
        Results.read(path, 7)
    path.write_text("{")
    with pytest.raises(ConfigError, match="holds no results of the grid"):
        Results.read(path, 7)
    assert Results.read(tmp_path / "none.json", 7) == Results(steps=7)


def test_what_cannot_be_retrieved_by_is_refused(tmp_path: Path) -> None:
    ran = CliRunner().invoke(
        app, ["reproduce", "grounding", "--retrieval", "bm25", "--output", str(tmp_path / "g.json")]
    )
    assert ran.exit_code == 2
    assert "wanted one of off, hashing, minilm" in ran.output


@pytest.mark.slow
def test_the_grid_is_measured_and_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps teach a model nothing, but every model is fitted once and every cell is asked once."""
    cells = [
        CELL,
        replace(CELL, sheet=Hidden.OFF, history=2),
        replace(CELL, sheet=Hidden.IMAGINED, history=0),
    ]
    monkeypatch.setattr("dreamgym.training.grounding.grid.grid", lambda retrievals: cells)
    monkeypatch.setattr("dreamgym.training.grounding.measuring.EPISODES", 2)
    monkeypatch.setattr("dreamgym.training.grounding.measuring.MAX_TURNS", 3)
    output, models = tmp_path / "g.json", tmp_path / "models"
    command = ["reproduce", "grounding", "--seeds", "1", "--steps", "2", "--retrieval", "off"]
    command += ["--output", str(output), "--models", str(models)]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    found = Results.read(output, 2)
    assert [m.cell for m in found.measured] == [cells[0], cells[2], cells[1]]
    assert all(m.counts.turns and m.counts.episodes == 2 for m in found.measured)
    assert sorted(p.name for p in models.iterdir()) == ["history-0", "sheet-0"]
    assert (tmp_path / "g.md").read_text().count("\n| given | on | all | off |") == 1

    kept = json.loads(output.read_text())
    kept["measured"] = kept["measured"][:-1]
    output.write_text(json.dumps(kept))
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0, again.output
    assert "fitting" not in again.output
    assert Results.read(output, 2) == found
