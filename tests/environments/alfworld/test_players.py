"""Players: as strong as they claim to be, and seeing no more than they claim to see."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from alfworld_data import DATA, needs_data
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.game import Game, Goal
from dreamgym.environments.alfworld.generator import generate_game
from dreamgym.environments.alfworld.notes import Notes, goal_of
from dreamgym.environments.alfworld.panels import official_games
from dreamgym.environments.alfworld.planner import next_command
from dreamgym.environments.alfworld.players import PLAYERS

GAMES = [generate_game(scene, 1) for scene in range(3000, 3060)]


def play(
    name: str, game: Game, *, seen_by_player: Game | None = None, turns: int = 50
) -> tuple[list[str], bool]:
    """The commands of a player and whether they won."""
    world = World(game)
    player = PLAYERS[name](seen_by_player or game, Random(game.id))
    player.see("", world.reset())
    commands: list[str] = []
    for _ in range(turns):
        commands.append(command := player.choose(world.admissible))
        outcome = world.step(command)
        player.see(command, outcome.observation)
        if outcome.won:
            return commands, True
    return commands, False


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("expert", 1.0, 1.0),
        ("explorer", 0.9, 1.0),
        ("weak", 0.6, 0.95),
        ("tinkerer", 0.0, 0.1),
        ("random", 0.0, 0.1),
    ],
)
def test_a_player_is_as_strong_as_it_should_be(name: str, least: float, most: float) -> None:
    success = sum(play(name, game)[1] for game in GAMES) / len(GAMES)
    assert least <= success <= most


@pytest.mark.parametrize("name", ["explorer", "weak", "tinkerer", "random"])
def test_a_player_knows_only_what_it_was_shown(name: str) -> None:
    for game in GAMES[:12]:
        blind = replace(game, things=(), receptacles=())  # all that is hidden is gone
        assert play(name, game, seen_by_player=blind) == play(name, game)


@needs_data
def test_the_expert_is_about_as_fast_as_the_official_walkthroughs() -> None:
    games = list(official_games("valid_seen", DATA).values())
    played = [play("expert", game) for game in games]
    assert all(won for _, won in played)
    turns = sum(len(commands) for commands, _ in played) / len(games)
    assert turns < 1.1 * sum(len(game.walkthrough) for game in games) / len(games)


@pytest.mark.parametrize(
    ("instruction", "goal"),
    [
        ("put a mug in shelf.", ("pick_and_place_simple", "mug", "shelf")),
        ("put some mug on shelf.", ("pick_and_place_simple", "mug", "shelf")),
        ("put two mug in shelf.", ("pick_two_obj_and_place", "mug", "shelf")),
        ("find two mug and put them in shelf.", ("pick_two_obj_and_place", "mug", "shelf")),
        ("put a clean mug in shelf.", ("pick_clean_then_place_in_recep", "mug", "shelf")),
        ("heat some mug and put it in shelf.", ("pick_heat_then_place_in_recep", "mug", "shelf")),
        ("put a cool mug in shelf.", ("pick_cool_then_place_in_recep", "mug", "shelf")),
        ("look at mug under the desklamp.", ("look_at_obj_in_light", "mug", "desklamp")),
        ("examine the mug with the desklamp.", ("look_at_obj_in_light", "mug", "desklamp")),
    ],
)
def test_instructions_are_understood(instruction: str, goal: tuple[str, str, str]) -> None:
    assert goal_of(instruction) == Goal(task_type=goal[0], thing=goal[1], target=goal[2])
    with pytest.raises(ValueError, match="no ALFWorld instruction"):
        goal_of(instruction + " please")


def told(*answers: tuple[str, str]) -> Notes:
    """Notes of one who was told this."""
    notes = Notes()
    notes.read(
        "",
        "Looking quickly around you, you see a cabinet 2, a cabinet 1, and a fridge 1.\n\nYour task is to: x",
    )
    for command, observation in answers:
        notes.read(command, observation)
    return notes


def test_notes_follow_what_happens() -> None:
    notes = told(
        ("go to cabinet 2", "You arrive at cabinet 2. The cabinet 2 is closed."),
        (
            "open cabinet 2",
            "You open the cabinet 2. The cabinet 2 is open. In it, you see a apple 1, and a mug 2.",
        ),
        ("take mug 2 from cabinet 2", "You pick up the mug 2 from the cabinet 2."),
        ("heat mug 2 with microwave 1", "You heat the mug 2 using the microwave 1."),
        ("close cabinet 2", "You close the cabinet 2."),
    )
    assert notes.places == ["cabinet 2", "cabinet 1", "fridge 1"]
    assert (notes.here, notes.held, notes.came_from) == ("cabinet 2", "mug 2", "cabinet 2")
    assert notes.contents == {"cabinet 2": ["apple 1"]}
    assert notes.closed == {"cabinet 2"}
    assert notes.treated == {("heat", "mug 2")}
    assert notes.unseen() == ["cabinet 1", "fridge 1"]
    assert notes.visible() == []
    notes.read("move mug 2 to fridge 1", "You move the mug 2 to the fridge 1.")
    assert notes.held is None
    assert notes.where("mug") == [("fridge 1", "mug 2")]


def test_a_refused_walk_means_that_one_is_there() -> None:
    notes = told(("go to cabinet 1", "You arrive at cabinet 1. On the cabinet 1, you see nothing."))
    notes.read("go to cabinet 9", "Nothing happens.")
    assert notes.here == "cabinet 1"
    notes.read("go to cabinet 2", "Nothing happens.")
    assert notes.here == "cabinet 2"


def test_a_plan_is_none_until_the_thing_is_found() -> None:
    goal = Goal(task_type="pick_cool_then_place_in_recep", thing="mug", target="cabinet")
    notes = told(("go to cabinet 1", "You arrive at cabinet 1. On the cabinet 1, you see nothing."))
    assert next_command(goal, notes) is None
    notes.read("go to cabinet 2", "You arrive at cabinet 2. On the cabinet 2, you see a mug 1.")
    assert next_command(goal, notes) == "take mug 1 from cabinet 2"
    notes.read("take mug 1 from cabinet 2", "You pick up the mug 1 from the cabinet 2.")
    assert next_command(goal, notes) == "go to fridge 1"
    notes.read("go to fridge 1", "You arrive at fridge 1. The fridge 1 is closed.")
    assert next_command(goal, notes) == "cool mug 1 with fridge 1"
    notes.read("cool mug 1 with fridge 1", "You cool the mug 1 using the fridge 1.")
    assert next_command(goal, notes) == "go to cabinet 1"
