"""Pinned panels: the same games in every run, evaluation apart from training."""

from __future__ import annotations

import json
import lzma
import random
import shutil
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from alfworld_data import DATA, needs_data, records
from dreamgym.core.data_structures import Task, TaskOrigin
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.alfworld.game import TASK_TYPES
from dreamgym.environments.alfworld.panels import (
    DATA_VARIABLE,
    SIZES,
    game_of,
    generated_tasks,
    panel,
    scene_of,
)

DIGESTS = {  # of all games of the panel; another digest is another panel, whose results do not compare
    "train": "e17131a1c20e4a87f6ea8b2fa1d67f19c3ebec0b367e9a064a46ee099dfa68c8",
    "valid": "9a45b52b881794b8444325e17b81d1a29838c885c9133cfaf8911ac6807b726a",
    "valid_seen": "81b11b16e848ce1b82c51ab33461a28ab602f2929aa7fdf626aa4908e7b88f5c",
}


@pytest.mark.parametrize("name", ["train", "valid"])
def test_a_generated_panel_is_pinned(name: str) -> None:
    found = panel(name)
    assert found.digest == DIGESTS[name]
    assert len(found.tasks) == SIZES[name]
    ids = [task.id for task in found.tasks]
    assert ids == sorted(set(ids))
    assert {task.split for task in found.tasks} == {name}


@needs_data
def test_the_official_panel_is_pinned() -> None:
    found = panel("valid_seen", data_dir=DATA)
    assert found.digest == DIGESTS["valid_seen"]
    assert len(found.tasks) == 140
    task = found.tasks[0]
    assert game_of(task, DATA).id == task.id
    assert task.opening.endswith(task.instruction)
    part = panel("valid_seen", 24, DATA)
    assert {task.task_type for task in part.tasks} == set(TASK_TYPES)


def test_train_and_valid_share_no_scene() -> None:
    train, valid = ({scene_of(task) for task in panel(name).tasks} for name in ("train", "valid"))
    assert not train & valid
    assert len(valid) == SIZES["valid"]


def test_every_type_is_in_the_panel_for_evaluation() -> None:
    types = Counter(task.task_type for task in panel("valid").tasks)
    assert set(types) == set(TASK_TYPES)
    assert min(types.values()) >= 24


def test_a_smaller_panel_is_the_beginning_of_the_whole() -> None:
    assert panel("valid", 10).tasks == panel("valid").tasks[:10]
    assert panel("valid", 10).digest != panel("valid").digest
    with pytest.raises(ValueError, match="has 240 tasks, not 241"):
        panel("valid", 241)


def test_a_task_leads_back_to_its_game() -> None:
    for task in islice(generated_tasks(300, per_scene=3), 9):
        game = game_of(task)
        assert (game.id, game.instruction, game.task_type) == (task.id, task.instruction, task.task_type)
        assert task.opening.endswith(task.instruction)
    assert len({game_of(task).goal for task in islice(generated_tasks(300, per_scene=3), 3)}) == 3


def test_a_task_without_a_game_is_refused() -> None:
    task = panel("valid", 1).tasks[0]
    with pytest.raises(DataError, match="another version of the generator"):
        game_of(replace(task, id=task.id + "x"))
    with pytest.raises(DataError, match="was imagined"):
        game_of(replace(task, origin=TaskOrigin.SYNTHETIC))


def test_missing_official_games_are_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(UnavailableError, match=f"set {DATA_VARIABLE} or environment.data_dir"):
        panel("valid_seen")
    with pytest.raises(UnavailableError, match=f"set {DATA_VARIABLE}"):
        game_of(Task(id="valid_seen/x/y", environment="alfworld", instruction="put a mug in shelf."))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match="does not exist"):
        panel("valid_seen")


def test_an_unknown_panel_is_refused() -> None:
    with pytest.raises(UnavailableError, match="choose one of train, valid, valid_seen"):
        panel("test")


@needs_data
def test_the_official_panel_does_not_depend_on_the_order_of_its_file(tmp_path: Path) -> None:
    lines = records("valid_seen")
    random.Random(0).shuffle(lines)
    (tmp_path / "alfworld").mkdir()
    shutil.copy(DATA / "alfworld" / "logic.json", tmp_path / "alfworld")
    with lzma.open(tmp_path / "alfworld" / "valid_seen.jsonl.xz", "wt", preset=0) as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    assert panel("valid_seen", None, tmp_path) == panel("valid_seen", None, DATA)
