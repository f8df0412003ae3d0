"""The official games: the stock engine's recorded answers, walkthroughs that must win, damaged files."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from alfworld_data import DATA, game_file, needs_data, records
from dreamgym.core.errors import DataError
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.game import Game, Goal
from dreamgym.environments.alfworld.official import load_game_file, load_games
from dreamgym.environments.alfworld.pddl import display_names

PROBLEM = """(define (problem p) (:domain alfred) (:objects ignored - object)
(:init
    (receptacleType Sink_bar_1_bar_SinkBasin SinkBasinType) (receptacleType Box_bar_9 SafeType)
    (receptacleAtLocation Sink_bar_1_bar_SinkBasin loc_bar_1) (receptacleAtLocation Box_bar_9 loc_bar_2)
    (openable Box_bar_9) (canContain SafeType MugType) (atLocation agent1 loc_bar_0)
    (objectType Mug_bar_1 MugType) (objectType Mug_bar_2 MugType)
    (pickupable Mug_bar_1) (cleanable Mug_bar_1) (isReceptacleObject Mug_bar_2) (isCool Mug_bar_1)
    (inReceptacle Mug_bar_1 Box_bar_9) (inReceptacle Mug_bar_1 Sink_bar_1_bar_SinkBasin)
    (inReceptacleObject Mug_bar_1 Mug_bar_2) (objectAtLocation Mug_bar_1 loc_bar_0)
)
(:goal (and (exists (?r - receptacle) (exists (?o - object) (and
    (cleanable ?o) (objectType ?o MugType) (receptacleType ?r SafeType) (isClean ?o)
    (inReceptacle ?o ?r)))))))
"""
RECORD = {
    "id": "train/pick_clean-301/trial_1",
    "type": "pick_clean_then_place_in_recep",
    "scene": "301",
    "task": "put a clean mug in safe.",
    "walkthrough": ["look"],
    "problem": PROBLEM,
}


@cache
def all_games() -> dict[str, Game]:
    return {game.id: game for split in ("train", "valid_seen") for game in load_games(DATA, split)}


@needs_data
def test_every_recorded_turn_is_answered_as_the_stock_engine_did() -> None:
    with lzma.open(DATA / "alfworld" / "train_traces_60_games.json.xz", "rt") as file:
        traces = json.load(file)
    for trace in traces:
        world = World(all_games()[trace["id"]])
        assert (world.reset(), world.admissible()) == (trace["reset"]["obs"], trace["reset"]["adm"])
        for step in trace["steps"]:
            outcome = world.step(step["a"])
            ours = (outcome.observation, world.admissible(), outcome.score, outcome.done, outcome.won)
            assert ours == (step["obs"], step["adm"], step["score"], step["done"], step["won"]), step["a"]
    assert len(traces) == 120


@needs_data
def test_every_walkthrough_wins_with_its_last_command_and_not_before() -> None:
    assert len(all_games()) == 3553 + 140
    for game in all_games().values():
        world = World(game)
        won = [world.step(command).won for command in game.walkthrough]
        assert won == [False] * (len(won) - 1) + [True], game.id


@needs_data
def test_a_game_file_is_the_same_game_as_its_line(tmp_path: Path) -> None:
    record = records("valid_seen", 1)[0]
    path = tmp_path / record["id"] / "game.tw-pddl"
    path.parent.mkdir(parents=True)
    path.write_text(game_file(record), encoding="utf-8")
    assert load_game_file(path) == all_games()[record["id"]]


def test_names_count_down_in_sorted_order() -> None:
    names = display_names(
        ["mug_bar_2", "mug_bar_1", "sink_bar_1_bar_sinkbasin", "sink_bar_1", "mugtype", "mug_bar_1"]
    )
    assert names == {"mug_bar_1": "mug 2", "mug_bar_2": "mug 1", "sink_bar_1": "sink 1"} | {
        "sink_bar_1_bar_sinkbasin": "sinkbasin 1"
    }


def test_a_problem_is_read_with_its_oddities(tmp_path: Path) -> None:
    (game,) = load_games(_folder(tmp_path, [json.dumps(RECORD)]), "train")
    box, sink = game.receptacles
    assert (box.name, box.kind, box.openable, box.opened) == ("box 1", "safe", True, False)
    assert (sink.name, sink.kind, sink.openable) == ("sinkbasin 1", "sinkbasin", False)
    held, holder = game.things
    assert (held.name, held.receptacle, held.also_in, held.inside) == (
        "mug 2",
        "box 1",
        ("sinkbasin 1",),
        ("mug 1",),
    )
    assert (held.pickupable, held.cleanable, held.cool, held.heatable) == (True, True, True, False)
    assert held.location == game.start_location not in {box.location, sink.location}
    assert (holder.name, holder.receptacle, holder.holds_things, holder.pickupable) == (
        "mug 1",
        None,
        True,
        False,
    )
    assert game.goal == Goal(task_type="pick_clean_then_place_in_recep", thing="mug", target="safe")
    assert game.can_contain == {("safe", "mug")}
    assert (game.id, game.scene, game.walkthrough) == (RECORD["id"], "301", ("look",))


def _folder(tmp_path: Path, lines: list[str]) -> Path:
    (tmp_path / "alfworld").mkdir()
    path = tmp_path / "alfworld" / "train.jsonl.xz"
    path.write_bytes(lzma.compress("".join(f"{line}\n" for line in lines).encode()))
    return tmp_path


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2: .*Expecting"),
        ("[" * 100_000, "line 2: not a playable game"),
        ("[]", "line 2: .*JSON object was wanted, found list"),
        (json.dumps(RECORD | {"problem": 3}), "line 2: .*'problem' is int"),
        (json.dumps({"id": "x"}), "line 2: .*'problem' is missing"),
        (json.dumps(RECORD | {"problem": "(define)"}), r"line 2: .*\(:init"),
        (json.dumps(RECORD | {"type": "pick_and_place_simple"}), "line 2: .*goal is one of pick_clean"),
        (json.dumps(RECORD | {"walkthrough": [1]}), "line 2: .*walkthrough"),
        (
            json.dumps(RECORD | {"problem": PROBLEM.replace("isClean", "isDirty")}),
            "line 2: .*none of ALFWorld's six",
        ),
        (
            json.dumps(RECORD | {"problem": PROBLEM.replace("(atLocation agent1 loc_bar_0)", "")}),
            "line 2: .*starts",
        ),
        (json.dumps(RECORD | {"problem": PROBLEM.replace("SafeType)", ")", 1)}), "line 2: .*receptacletype"),
        (
            json.dumps(RECORD | {"problem": PROBLEM.replace("Mug_bar_1 Box_bar_9", "Mug_bar_1 Box")}),
            "line 2: .*what 'box' is",
        ),
    ],
)
def test_a_damaged_line_is_named_by_its_number(line: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=complaint):
        list(load_games(_folder(tmp_path, [json.dumps(RECORD), line]), "train"))


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"no xz at all", lambda data: b""])
def test_a_damaged_file_is_one_clear_error(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = _folder(tmp_path, [json.dumps(RECORD)]) / "alfworld" / "train.jsonl.xz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"train\.jsonl\.xz"):
        list(load_games(tmp_path, "train"))


def test_a_missing_file_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'valid_seen'.*valid_seen\.jsonl\.xz does not exist: copy it"):
        list(load_games(tmp_path, "valid_seen"))
    _folder(tmp_path, [json.dumps(RECORD)])
    with pytest.raises(DataError, match=f"the folder around it is wanted: name {tmp_path}$"):
        list(load_games(tmp_path / "alfworld", "train"))


@pytest.mark.parametrize("text", ["", "{}", '{"pddl_problem": "x", "grammar": "y"}', "\udcff", "[" * 100_000])
def test_a_damaged_game_file_is_one_clear_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "game.tw-pddl"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=r"game\.tw-pddl"):
        load_game_file(path)


def test_game_file_without_data_folder(tmp_path: Path) -> None:
    grammar = '{"task": [{"rhs": "Your task is to: put a clean mug in safe."}]}'
    record: dict[str, Any] = {"pddl_problem": PROBLEM, "grammar": grammar, "walkthrough": None}
    path = tmp_path / "train" / "pick-301" / "trial_1" / "game.tw-pddl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    game = load_game_file(path)
    assert (game.id, game.scene, game.instruction) == (
        "train/pick-301/trial_1",
        "301",
        "put a clean mug in safe.",
    )
