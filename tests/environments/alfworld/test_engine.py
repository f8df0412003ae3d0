"""Every rule of the engine on a small hand-written kitchen, with the answers known by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamgym.environments.alfworld.engine import Outcome, World
from dreamgym.environments.alfworld.game import Game, Goal, Receptacle, Thing

KITCHEN = (
    Receptacle(name="countertop 1", kind="countertop", location=1),
    Receptacle(name="drawer 2", kind="drawer", location=2, openable=True),
    Receptacle(name="drawer 1", kind="drawer", location=2, openable=True),
    Receptacle(name="fridge 1", kind="fridge", location=3, openable=True),
    Receptacle(name="microwave 1", kind="microwave", location=4, openable=True),
    Receptacle(name="shelf 2", kind="shelf", location=6),
    Receptacle(name="shelf 1", kind="shelf", location=6),
    Receptacle(name="sinkbasin 1", kind="sinkbasin", location=5),
)
THINGS = (
    Thing(
        name="apple 2", kind="apple", receptacle="countertop 1", cleanable=True, heatable=True, coolable=True
    ),
    Thing(name="apple 1", kind="apple", receptacle="drawer 1", cleanable=True, heatable=True, sliceable=True),
    Thing(name="bowl 1", kind="bowl", receptacle="countertop 1", cleanable=True, holds_things=True),
    Thing(name="desklamp 1", kind="desklamp", receptacle="drawer 1", pickupable=False, toggleable=True),
    Thing(name="knife 1", kind="knife", receptacle="countertop 1", inside=("bowl 1",)),
    Thing(name="spoon 1", kind="spoon", receptacle="countertop 1", inside=("bowl 1",)),
    Thing(name="vase 1", kind="vase", receptacle="shelf 2"),
    Thing(name="window 1", kind="window", receptacle=None, location=1, pickupable=False),
)
FITS = frozenset(
    (place, thing)
    for place in ("countertop", "drawer", "fridge", "microwave", "shelf", "sinkbasin")
    for thing in ("apple", "knife", "vase")
) - {("microwave", "knife")}
ANYWHERE = ["help", "inventory", "look"]


def kitchen(task_type: str = "pick_and_place_simple", thing: str = "apple", target: str = "fridge") -> Game:
    return Game(
        id="hand/kitchen",
        scene="hand",
        task_type=task_type,
        instruction=f"put a {thing} in {target}.",
        receptacles=KITCHEN,
        things=tuple(replace(t, sliceable=t.kind == "apple", coolable=t.kind == "apple") for t in THINGS),
        can_contain=FITS,
        goal=Goal(task_type=task_type, thing=thing, target=target),
        start_location=0,
    )


def play(world: World, *commands: str) -> str:
    """The last observation; every command must be valid."""
    observation = ""
    for command in commands:
        assert command in world.admissible(), command
        observation = world.step(command).observation
    return observation


def local(world: World) -> list[str]:
    """The valid commands without those that are always there."""
    return [c for c in world.admissible() if c not in ANYWHERE and not c.startswith("go to")]


def test_the_opening_lists_the_room_and_the_task() -> None:
    world = World(kitchen())
    assert world.reset() == (
        "-= Welcome to TextWorld, ALFRED! =-\n\n"
        "You are in the middle of a room. Looking quickly around you, you see a countertop 1, a drawer 2, "
        "a drawer 1, a fridge 1, a microwave 1, a shelf 2, a shelf 1, and a sinkbasin 1.\n\n"
        "Your task is to: put a apple in fridge."
    )
    assert world.admissible() == [f"go to {r.name}" for r in sorted(KITCHEN, key=lambda r: r.name)] + ANYWHERE
    assert (
        play(world, "look") == "You are in the middle of a room. Looking quickly around you, you see nothing."
    )
    assert play(world, "inventory") == "You are not carrying anything."
    assert play(world, "help").startswith("Available commands:\n  look:      ")


def test_an_agent_that_starts_at_a_place_sees_only_that() -> None:
    world = World(replace(kitchen(), start_location=2))
    assert "\n\nYou are facing the drawer 2, and drawer 1. Next to it, you see nothing.\n\n" in world.reset()


def test_going_shows_what_lies_there() -> None:
    world = World(kitchen())
    arrived = play(world, "go to countertop 1")
    seen = "On the countertop 1, you see a apple 2, a bowl 1, a knife 1, and a spoon 1."
    assert arrived == f"You arrive at countertop 1. {seen}"
    assert play(world, "examine countertop 1") == seen
    assert play(world, "look") == "You are facing the countertop 1. Next to it, you see nothing."
    assert "go to countertop 1" not in world.admissible()
    assert local(world) == ["examine countertop 1"] + [
        f"take {thing} from countertop 1" for thing in ("apple 2", "bowl 1", "knife 1", "spoon 1")
    ]
    assert play(world, "go to shelf 2") == "You arrive at shelf 2. On the shelf 2, you see a vase 1."


def test_places_at_one_spot_are_reached_together() -> None:
    world = World(kitchen())
    assert play(world, "go to drawer 1") == "You arrive at drawer 1. The drawer 1 is closed."
    assert "go to drawer 2" not in world.admissible()
    assert local(world) == [
        "examine drawer 1",
        "examine drawer 2",
        "open drawer 1",
        "open drawer 2",
        "use desklamp 1",
    ]
    opened = play(world, "open drawer 1")
    assert (
        opened == "You open the drawer 1. The drawer 1 is open. In it, you see a apple 1, and a desklamp 1."
    )
    assert (
        play(world, "open drawer 2") == "You open the drawer 2. The drawer 2 is open. In it, you see nothing."
    )
    assert "take desklamp 1 from drawer 1" not in world.admissible()
    assert play(world, "close drawer 1") == "You close the drawer 1."
    assert play(world, "examine drawer 1") == "The drawer 1 is closed."
    assert "take apple 1 from drawer 1" not in world.admissible()


def test_taking_and_putting_need_a_hand_and_an_open_place_where_the_thing_fits() -> None:
    world = World(kitchen())
    play(world, "go to countertop 1")
    assert play(world, "take knife 1 from countertop 1") == "You pick up the knife 1 from the countertop 1."
    assert play(world, "inventory") == "You are carrying: a knife 1."
    assert not any(command.startswith("take") for command in world.admissible())
    play(world, "go to microwave 1", "open microwave 1")
    assert local(world) == ["close microwave 1", "examine knife 1", "examine microwave 1"]
    play(world, "go to fridge 1")
    assert "move knife 1 to fridge 1" not in world.admissible()
    play(world, "open fridge 1")
    assert play(world, "move knife 1 to fridge 1") == "You move the knife 1 to the fridge 1."
    assert play(world, "examine fridge 1") == "The fridge 1 is open. In it, you see a knife 1."


def test_look_shows_what_was_moved_between_places_at_one_spot() -> None:
    world = World(kitchen())
    play(world, "go to shelf 1", "take vase 1 from shelf 2", "move vase 1 to shelf 1")
    assert play(world, "look") == "You are facing the shelf 2, and shelf 1. Next to it, you see a vase 1."
    play(world, "take vase 1 from shelf 1")
    assert play(world, "look").endswith("Next to it, you see nothing.")
    play(world, "move vase 1 to shelf 2")
    assert play(world, "look").endswith(
        "Next to it, you see a vase 1."
    )  # it left shelf 1 and never came back


def test_treatments_and_how_things_look_after_them() -> None:
    world = World(kitchen())
    play(world, "go to countertop 1", "take apple 2 from countertop 1")
    assert play(world, "examine apple 2") == "There's nothing special about apple 2."
    play(world, "go to microwave 1")
    assert play(world, "heat apple 2 with microwave 1") == "You heat the apple 2 using the microwave 1."
    assert play(world, "examine apple 2") == "This is a hot apple 2."
    play(world, "go to sinkbasin 1")
    assert play(world, "clean apple 2 with sinkbasin 1") == "You clean the apple 2 using the sinkbasin 1."
    assert play(world, "examine apple 2") == "This is a hot and clean apple 2."
    play(world, "go to fridge 1")
    assert play(world, "cool apple 2 with fridge 1") == "You cool the apple 2 using the fridge 1."
    assert play(world, "examine apple 2") == "This is a cool and clean apple 2."


def test_a_thing_that_is_only_cool_is_called_cold() -> None:
    game = kitchen()
    cold = tuple(replace(thing, cool=thing.name == "apple 2") for thing in game.things)
    world = World(replace(game, things=cold))
    play(world, "go to countertop 1", "take apple 2 from countertop 1")
    assert play(world, "examine apple 2") == "This is a cold apple 2."


def test_slicing_needs_a_knife_in_hand_and_the_thing_at_this_spot() -> None:
    world = World(kitchen())
    play(world, "go to countertop 1", "take knife 1 from countertop 1")
    assert play(world, "slice apple 2 with knife 1") == "You sliced the apple 2 with the knife 1."
    play(world, "go to drawer 2")
    assert (
        play(world, "slice apple 1 with knife 1") == "You sliced the apple 1 with the knife 1."
    )  # in a closed drawer
    play(world, "go to countertop 1", "move knife 1 to countertop 1", "take apple 2 from countertop 1")
    assert play(world, "examine apple 2") == "This is a sliced apple 2."
    play(world, "go to microwave 1", "heat apple 2 with microwave 1")
    assert play(world, "examine apple 2") == "This is a hot sliced apple 2."


def test_a_lamp_is_only_ever_switched_on() -> None:
    world = World(kitchen())
    play(world, "go to drawer 1")
    assert play(world, "use desklamp 1") == "You turn on the desklamp 1."
    assert play(world, "use desklamp 1") == "You turn on the desklamp 1."


def test_a_held_lamp_says_that_it_is_on() -> None:
    game = kitchen()
    world = World(replace(game, things=tuple(replace(thing, pickupable=True) for thing in game.things)))
    play(world, "go to drawer 1", "open drawer 1", "take desklamp 1 from drawer 1")
    assert play(world, "examine desklamp 1") == "There's nothing special about desklamp 1."
    assert "use desklamp 1" not in world.admissible()
    world.reset()
    play(world, "go to drawer 1", "use desklamp 1", "open drawer 1", "take desklamp 1 from drawer 1")
    assert play(world, "examine desklamp 1") == "This desklamp 1 is on."


def test_a_thing_that_holds_things_shows_them_for_ever() -> None:
    world = World(kitchen())
    play(
        world,
        "go to countertop 1",
        "take knife 1 from countertop 1",
        "go to shelf 1",
        "move knife 1 to shelf 1",
    )
    play(world, "go to countertop 1", "take bowl 1 from countertop 1")
    assert (
        play(world, "examine bowl 1") == "This is a normal bowl 1. In it, you see a knife 1, and a spoon 1."
    )


def test_a_thing_in_two_places_stays_in_the_other() -> None:
    game = kitchen()
    things = tuple(replace(t, also_in=("drawer 2",) if t.kind == "vase" else ()) for t in game.things)
    world = World(replace(game, things=things))
    play(world, "go to shelf 1", "take vase 1 from shelf 2", "go to drawer 2")
    assert play(world, "open drawer 2").endswith("In it, you see a vase 1.")
    assert "take vase 1 from drawer 2" not in world.admissible()


INVALID = (
    "",
    "  ",
    "dance",
    "look around",
    "\x00",
    "\x1b[2J",
    "x" * 1_000_000,
    "take vase 1",
    "go to fridge",
)
NOT_QUITE = ("go to drawer 9", "GO TO fridge 1", "go to  fridge 1", "go to fridge 1\x00", "open fridge 1")


@pytest.mark.parametrize("command", [*INVALID, *NOT_QUITE, "take vase 1 from shelf 2"])
def test_what_is_not_valid_changes_nothing(command: str) -> None:
    world = World(kitchen())
    world.reset()
    before = world.snapshot()
    assert world.step(command) == Outcome("Nothing happens.", 0, False, False)
    assert world.snapshot() == before


def test_space_around_a_command_is_ignored() -> None:
    assert (
        World(kitchen()).step("\t go to fridge 1 \r\n").observation
        == "You arrive at fridge 1. The fridge 1 is closed."
    )


TREATED = {
    "pick_heat_then_place_in_recep": ("go to microwave 1", "heat apple 2 with microwave 1"),
    "pick_clean_then_place_in_recep": ("go to sinkbasin 1", "clean apple 2 with sinkbasin 1"),
    "pick_cool_then_place_in_recep": ("go to fridge 1", "cool apple 2 with fridge 1"),
}


@pytest.mark.parametrize("task_type", list(TREATED))
def test_a_treated_thing_wins_and_an_untreated_one_does_not(task_type: str) -> None:
    world = World(kitchen(task_type, "apple", "shelf"))
    play(world, "go to countertop 1", "take apple 2 from countertop 1", "go to shelf 1")
    assert world.step("move apple 2 to shelf 1") == Outcome(
        "You move the apple 2 to the shelf 1.", 0, False, False
    )
    play(world, "take apple 2 from shelf 1", *TREATED[task_type], "go to shelf 2")
    assert world.step("move apple 2 to shelf 2") == Outcome(
        "You move the apple 2 to the shelf 2.", 1, True, True
    )


def test_cooling_undoes_heating() -> None:
    world = World(kitchen("pick_heat_then_place_in_recep", "apple", "shelf"))
    play(world, "go to countertop 1", "take apple 2 from countertop 1", "go to microwave 1")
    play(
        world,
        "heat apple 2 with microwave 1",
        "go to fridge 1",
        "cool apple 2 with fridge 1",
        "go to shelf 1",
    )
    assert not world.step("move apple 2 to shelf 1").won


def test_two_things_must_be_in_one_place() -> None:
    world = World(kitchen("pick_two_obj_and_place", "apple", "shelf"))
    play(
        world,
        "go to countertop 1",
        "take apple 2 from countertop 1",
        "go to shelf 1",
        "move apple 2 to shelf 1",
    )
    play(world, "go to drawer 1", "open drawer 1", "take apple 1 from drawer 1", "go to shelf 1")
    assert not world.step("move apple 1 to shelf 2").won
    play(world, "take apple 1 from shelf 2")
    assert world.step("move apple 1 to shelf 1").won


def test_looking_in_light_needs_the_thing_in_hand_where_the_lit_lamp_is() -> None:
    world = World(kitchen("look_at_obj_in_light", "vase", "desklamp"))
    play(world, "go to shelf 1", "take vase 1 from shelf 2", "go to drawer 1")
    assert world.step("use desklamp 1").won
    assert not world.step("go to shelf 1").won
    assert world.step("go to drawer 2").won  # the goal holds again: the stock engine keeps playing, too


def test_a_win_is_lost_when_the_goal_no_longer_holds() -> None:
    world = World(kitchen("pick_and_place_simple", "apple", "shelf"))
    play(world, "go to countertop 1", "take apple 2 from countertop 1", "go to shelf 1")
    assert world.step("move apple 2 to shelf 1").done
    assert world.step("look").done
    assert not world.step("take apple 2 from shelf 1").done


def test_a_snapshot_continues_exactly_there() -> None:
    world = World(kitchen())
    play(world, "go to drawer 1", "open drawer 1")
    snapshot, admissible = world.snapshot(), world.admissible()
    taken = play(world, "take apple 1 from drawer 1")
    world.restore(snapshot)
    assert world.admissible() == admissible
    assert play(world, "take apple 1 from drawer 1") == taken
    opening = world.reset()
    assert opening == World(kitchen()).reset()
    assert world.admissible() == World(kitchen()).admissible()


def test_a_game_that_makes_no_sense_is_refused() -> None:
    game = kitchen()
    with pytest.raises(ValueError, match="hand/kitchen: shelf 1 named twice"):
        World(replace(game, receptacles=(*KITCHEN, KITCHEN[6])))
    with pytest.raises(ValueError, match="task type is 'win_the_lottery'"):
        World(kitchen("win_the_lottery"))
    stray = Thing(name="cup 1", kind="cup", receptacle="table 1")
    with pytest.raises(ValueError, match="'cup 1' lies in 'table 1', which is no receptacle"):
        World(replace(game, things=(stray,)))
