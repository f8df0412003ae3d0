"""Generated games: playable, never won at the start, the same everywhere, near the official ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_data import DATA, needs_data
from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.game import TASK_TYPES, Game
from dreamgym.environments.alfworld.generator import (
    LAST_SCENE,
    VALID_SCENES,
    generate_game,
    split_of,
)
from dreamgym.environments.alfworld.notes import Notes, goal_of
from dreamgym.environments.alfworld.official import load_games
from dreamgym.environments.alfworld.panels import digest
from dreamgym.environments.alfworld.players import Expert
from dreamgym.models.sheet import kind_of

games = st.builds(generate_game, st.integers(0, LAST_SCENE), st.integers(0, 30))
DIGEST = "e6b62e4b93af419105bd843f8f0756dfeecdbc918e3762cda52adcad05b6ac73"


@given(games)
def test_a_game_is_not_won_at_the_start_and_can_be_won(game: Game) -> None:
    world = World(game)
    expert = Expert(game, Random(0))
    expert.see("", world.reset())
    assert not world.won
    for _ in range(14):
        command = expert.choose(world.admissible)
        outcome = world.step(command)
        expert.see(command, outcome.observation)
        if outcome.won:
            return
    pytest.fail(f"{game.id} was not won in 14 turns")


@given(games)
def test_the_opening_names_every_receptacle_in_order(game: Game) -> None:
    notes = Notes()
    notes.read("", opening := World(game).reset())
    assert notes.places == [place.name for place in game.receptacles]
    assert opening.endswith(f"Your task is to: {game.instruction}")


@given(games)
def test_names_are_numbered_and_listed_as_alfworld_does(game: Game) -> None:
    for group in (game.receptacles, game.things):
        keys = [(item.kind, -int(item.name.split()[1])) for item in group]
        assert keys == sorted(keys)
        numbers: dict[str, list[int]] = {}
        for item in group:
            numbers.setdefault(item.kind, []).append(int(item.name.split()[1]))
        assert all(sorted(found) == list(range(1, len(found) + 1)) for found in numbers.values())


@given(games)
def test_every_receptacle_has_a_location_and_every_thing_a_receptacle(game: Game) -> None:
    locations = [place.location for place in game.receptacles]
    assert len(set(locations)) == len(locations)
    assert game.start_location not in locations
    assert {thing.receptacle for thing in game.things} <= {place.name for place in game.receptacles}
    assert 8 <= len(game.receptacles) <= 40


@given(games)
def test_the_instruction_says_the_goal(game: Game) -> None:
    assert goal_of(game.instruction) == game.goal
    assert game.task_type == game.goal.task_type


def test_a_seed_is_the_same_game_under_any_hash_seed() -> None:
    code = (
        "from dreamgym.environments.alfworld.generator import generate_game\n"
        "from dreamgym.environments.alfworld.panels import digest\n"
        "print(digest([generate_game(scene, scene % 3) for scene in range(30)]))"
    )
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        found = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == DIGEST
    assert digest([generate_game(scene, scene % 3) for scene in range(30)]) == DIGEST


def test_types_rooms_and_sizes_are_mixed() -> None:
    sample = [generate_game(scene, 0) for scene in range(900)]
    types = Counter(game.task_type for game in sample)
    assert set(types) == set(TASK_TYPES)
    assert all(0.12 < number / 900 < 0.22 for number in types.values())
    sizes = [len(game.receptacles) for game in sample]
    assert min(sizes) == 8
    assert max(sizes) == 40
    assert 15 < sum(sizes) / 900 < 22


def test_scenes_of_evaluation_are_apart() -> None:
    assert split_of(VALID_SCENES - 1) == "train"
    assert split_of(VALID_SCENES) == "valid"
    with pytest.raises(ValueError, match="use 0 to"):
        split_of(LAST_SCENE + 1)


def test_a_scene_has_the_same_things_for_every_task() -> None:
    one, other = generate_game(5, 0), generate_game(5, 1)
    assert (one.receptacles, one.things) == (other.receptacles, other.things)
    assert len({generate_game(5, task).goal for task in range(20)}) > 5


@needs_data
def test_the_catalogue_agrees_with_official_games() -> None:
    kinds = set(catalogue.THING_KINDS)
    for game in islice(load_games(DATA, "valid_seen"), 60):
        for thing in game.things:
            if thing.kind in kinds and thing.receptacle is not None:
                assert thing.pickupable == (thing.kind not in catalogue.FIXED), thing
                assert thing.cleanable == (thing.kind in catalogue.CLEANABLE), thing
                assert thing.heatable == (thing.kind in catalogue.HEATABLE), thing
                assert thing.coolable == (thing.kind in catalogue.COOLABLE), thing
                assert thing.sliceable == (thing.kind in catalogue.SLICEABLE), thing
                assert thing.toggleable == (thing.kind in catalogue.TOGGLEABLE), thing
                assert thing.holds_things == (thing.kind in catalogue.HOLDS_THINGS), thing
        known = {(place, kind) for place, kind in game.can_contain if kind in kinds}
        there = {place.kind for place in game.receptacles}
        shown = {thing.kind for thing in game.things}
        assert known == {
            (place, kind) for place in there for kind in catalogue.CAN_CONTAIN.get(place, ()) if kind in shown
        }


def test_names_are_lower_case_words() -> None:
    for kind in (*catalogue.RECEPTACLE_KINDS, *catalogue.THING_KINDS):
        assert kind.isalpha()
        assert kind.islower()
        assert kind_of(f"{kind} 3") == kind
