"""Mistakes: always refused, never with an effect, of every kind."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.game import Game, Goal, Receptacle, Thing
from dreamgym.environments.alfworld.generator import generate_game
from dreamgym.environments.alfworld.mistake_kinds import KINDS, WEIGHTS
from dreamgym.environments.alfworld.mistakes import draw_mistake, is_mistake, mistakes
from dreamgym.environments.alfworld.notes import NOTHING, Notes
from dreamgym.environments.alfworld.players import PLAYERS
from dreamgym.environments.alfworld.situation import Situation

ROOM = Game(
    id="room",
    scene="room",
    task_type="pick_cool_then_place_in_recep",
    instruction="put a cool mug in countertop.",
    receptacles=(
        Receptacle(name="countertop 1", kind="countertop", location=1),
        Receptacle(name="fridge 1", kind="fridge", location=2, openable=True),
        Receptacle(name="stoveburner 1", kind="stoveburner", location=3),
    ),
    things=(
        Thing(name="book 1", kind="book", receptacle="countertop 1"),
        Thing(name="egg 1", kind="egg", receptacle="fridge 1", coolable=True, sliceable=True),
        Thing(name="mug 1", kind="mug", receptacle="fridge 1", coolable=True, holds_things=True),
    ),
    can_contain=frozenset(
        {("countertop", "book"), ("countertop", "mug"), ("countertop", "egg"), ("fridge", "mug")}
    ),
    goal=Goal(task_type="pick_cool_then_place_in_recep", thing="mug", target="countertop"),
    start_location=0,
)


def situated(commands: list[str], seed: int = 0) -> tuple[World, Situation]:
    """ROOM after these commands."""
    world, truth, past = World(ROOM), Notes.of_game(ROOM), list[str]()
    truth.read("", world.reset())
    for command in commands:
        truth.read(command, world.step(command).observation)
        past.append(command)
    return world, Situation(game=ROOM, truth=truth, past=past, rng=Random(seed))


def commands_of(kind: str, commands: list[str]) -> set[str]:
    """What a kind of mistake looks like after these commands, over many draws."""
    found = set[str]()
    for seed in range(60):
        world, situation = situated(commands, seed)
        found |= {command for made, command in mistakes(world, situation) if made == kind}
    return found


AT_FRIDGE = ["go to fridge 1"]
WITH_BOOK = ["go to countertop 1", "take book 1 from countertop 1"]


@pytest.mark.parametrize(
    ("kind", "commands", "wanted"),
    [
        ("inside_closed", AT_FRIDGE, {"take egg 1 from fridge 1", "take mug 1 from fridge 1"}),
        ("wanted_elsewhere", ["go to countertop 1"], {"take mug 1 from countertop 1"}),
        (
            "hands_full",
            [*WITH_BOOK, *AT_FRIDGE, "open fridge 1"],
            {"take egg 1 from fridge 1", "take mug 1 from fridge 1"},
        ),
        ("place_closed", [*WITH_BOOK, *AT_FRIDGE], {"move book 1 to fridge 1"}),
        ("cannot_contain", [*WITH_BOOK, *AT_FRIDGE, "open fridge 1"], {"move book 1 to fridge 1"}),
        ("not_treatable", [*WITH_BOOK, *AT_FRIDGE], {"cool book 1 with fridge 1"}),
        ("already_open", [*AT_FRIDGE, "open fridge 1"], {"open fridge 1"}),
        ("already_closed", AT_FRIDGE, {"close fridge 1"}),
        ("not_openable", ["go to countertop 1"], {"open countertop 1", "close countertop 1"}),
        ("already_here", AT_FRIDGE, {"go to fridge 1"}),
        (
            "wrong_source",
            ["go to countertop 1"],
            {"take book 1 from fridge 1", "take book 1 from stoveburner 1"},
        ),
        ("move_remotely", WITH_BOOK, {"move book 1 to fridge 1", "move book 1 to stoveburner 1"}),
        ("stale", WITH_BOOK, {"go to countertop 1", "take book 1 from countertop 1"}),
        ("device_elsewhere", WITH_BOOK, {"cool book 1 with fridge 1"}),
        ("already_open", AT_FRIDGE, set()),
        ("hands_full", AT_FRIDGE, set()),
        ("place_closed", [*WITH_BOOK, *AT_FRIDGE, "open fridge 1"], set()),
    ],
)
def test_a_mistake_is_what_its_name_says(kind: str, commands: list[str], wanted: set[str]) -> None:
    assert commands_of(kind, commands) == wanted


def test_absent_names_are_absent() -> None:
    places = {command.split()[-2] for command in commands_of("no_such_place", AT_FRIDGE)}
    assert places
    assert places <= set(catalogue.RECEPTACLE_KINDS) - {"countertop", "fridge", "stoveburner"}
    numbers = {int(command.split()[-1]) for command in commands_of("place_number", AT_FRIDGE)}
    assert min(numbers) == 2
    assert len(numbers) > 2


def test_mistakes_are_refused_and_change_nothing() -> None:
    found = Counter[str]()
    for scene in range(40):
        game = generate_game(scene, 0)
        world, truth, past, rng = World(game), Notes.of_game(game), list[str](), Random(scene)
        player = PLAYERS["tinkerer" if scene % 2 else "weak"](game, rng)
        opening = world.reset()
        truth.read("", opening)
        player.see("", opening)
        for _ in range(15):
            before, admissible = world.snapshot(), world.admissible()
            made = mistakes(world, Situation(game=game, truth=truth, past=past, rng=rng))
            assert world.snapshot() == before
            for kind, command in made:
                found[kind] += 1
                assert command not in admissible
                assert world.step(command).observation == NOTHING
                assert world.snapshot() == before
            command = player.choose(world.admissible)
            observation = world.step(command).observation
            truth.read(command, observation)
            player.see(command, observation)
            past.append(command)
    assert set(found) == set(KINDS)


def test_a_valid_command_is_no_mistake_and_is_taken_back() -> None:
    world, _ = situated([])
    before = world.snapshot()
    assert not is_mistake(world, "go to fridge 1")
    assert world.snapshot() == before
    assert is_mistake(world, "go to fridge 2")


def test_draws_follow_the_weights_where_all_is_possible() -> None:
    world, situation = situated([*WITH_BOOK, *AT_FRIDGE])
    found = Counter(draw_mistake(world, situation)[0] for _ in range(4000))
    assert WEIGHTS["no_such_place"] == 3 * WEIGHTS["already_here"]
    assert found["no_such_place"] / found["already_here"] == pytest.approx(3, rel=0.35)
