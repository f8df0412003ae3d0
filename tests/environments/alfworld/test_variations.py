"""Variations of tasks: feasible by the engine's own word, and as hard as a search finds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from random import Random

import pytest

from dreamgym.core.data_structures import Sheet, Task, TaskOrigin
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.feasibility import DEVICES, goals, hardness, obstacle, room_of
from dreamgym.environments.alfworld.from_sheet import game_from_sheet
from dreamgym.environments.alfworld.game import TASK_TYPES, Goal
from dreamgym.environments.alfworld.generator import PHRASES, generate_scene
from dreamgym.environments.alfworld.generator import goals as scene_goals
from dreamgym.environments.alfworld.notes import goal_of
from dreamgym.environments.alfworld.variations import AlfworldVariator
from dreamgym.models.sheet import make_sheet

ROOM = make_sheet(
    {
        "at": "middle",
        "hand": "holds",
        "cabinet 1": "closed",
        "cabinet 2": "closed",
        "countertop 1": "surface",
        "fridge 1": "closed",
        "microwave 1": "closed",
        "sinkbasin 1": "surface",
        "sidetable 1": "surface",
        "mug 1": "in cabinet 2",
        "mug 2": "in cabinet 2",
        "apple 1": "in fridge 1",
        "egg 1": "in countertop 1",
        "desklamp 1": "in sidetable 1",
    }
)


def task(instruction: str, sheet: Sheet | None = ROOM) -> Task:
    opening = f"You see a cabinet 1.\n\nYour task is to: {instruction}"
    return Task(id="room", environment="alfworld", instruction=instruction, opening=opening, sheet=sheet)


def sheet_of(seed: int) -> Sheet:
    """All that is true in a generated scene."""
    scene = generate_scene(seed)
    places = {place.name: "closed" if place.openable else "surface" for place in scene.receptacles}
    things = {thing.name: f"in {thing.receptacle}" for thing in scene.things}
    return make_sheet({"at": "middle", "hand": "holds", **places, **things})


def commands_to_win(example: Task, limit: int) -> int | None:
    """The shortest solution in the real engine, by breadth-first search over useful commands."""
    world = World(game_from_sheet(example, example.sheet))
    world.reset()
    start = world.snapshot()
    goal = goal_of(example.instruction)
    frontier, seen = [start], {repr(start)}
    for depth in range(1, limit + 1):
        reached = []
        for state in frontier:
            for after in useful_steps(world, state, goal):
                if after is None:
                    return depth
                if repr(after) not in seen:
                    seen.add(repr(after))
                    reached.append(after)
        frontier = reached
    return None


def useful_steps(world: World, state: object, goal: Goal) -> Iterator[object | None]:
    """The states after commands that could serve the goal (None: won)."""
    world.restore(state)
    for command in world.admissible():
        verb, _, rest = command.partition(" ")
        handles = verb in ("take", "move", "heat", "cool", "clean") and rest.startswith(goal.thing)
        if handles or verb in ("open", "use") or command.startswith("go to"):
            world.restore(state)
            yield None if world.step(command).won else world.snapshot()


@pytest.mark.parametrize(
    "instruction",
    [
        "put a mug in countertop.",
        "put a egg in fridge.",
        "look at mug under the desklamp.",
        "put a clean mug in cabinet.",
        "heat some apple and put it in countertop.",
        "put a cool apple in sidetable.",
        "put a cool egg in countertop.",
        "put two mug in countertop.",
    ],
)
def test_hardness_is_the_length_of_the_shortest_solution(instruction: str) -> None:
    goal = goal_of(instruction)
    assert obstacle(goal, room_of(ROOM)) is None
    assert commands_to_win(task(instruction), limit=10) == round(10 * hardness(goal, room_of(ROOM)))


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("put a vase in countertop.", "no_such_thing"),
        ("put a unicorn in countertop.", "no_such_thing"),
        ("put a desklamp in countertop.", "no_such_thing"),
        ("put a mug in drawer.", "no_such_target"),
        ("put a mug in sinkbasin.", "no_such_target"),
        ("look at mug under the cabinet.", "no_such_target"),
        ("put a egg in cabinet.", "does_not_fit"),
        ("put a cool egg in fridge.", "device_is_the_target"),
        ("put two egg in sidetable.", "too_few_things"),
        ("put a mug in cabinet.", "solved_already"),
        ("bake a cake.", "not_understood"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(instruction: str, reason: str) -> None:
    assert AlfworldVariator().refusal(task(instruction)) == reason


def test_treatments_are_checked() -> None:
    check = AlfworldVariator().refusal
    no_microwave = Sheet(facts=tuple(fact for fact in ROOM.facts if fact[0] != "microwave 1"))
    assert check(task("put a hot mug in countertop.", no_microwave)) == "no_device"
    assert check(task("put a hot mug in countertop.")) is None
    hot = Sheet(facts=tuple((k, "in countertop 1, hot" if k == "egg 1" else v) for k, v in ROOM.facts))
    assert check(task("put a hot egg in countertop.", hot)) == "solved_already"
    book = make_sheet({**dict(ROOM.facts), "book 1": "in sidetable 1"})
    assert check(task("put a clean book in cabinet.", book)) == "cannot_be_treated"


def test_only_what_is_known_is_held_against_a_task_without_a_sheet() -> None:
    opening = "You see a cabinet 1, a sinkbasin 1.\n\nYour task is to: x"
    blind = replace(task("put a clean mug in cabinet.", None), opening=opening)
    check = AlfworldVariator().refusal
    assert check(blind) is None
    assert check(replace(blind, instruction="put a hot mug in cabinet.")) == "no_device"
    assert check(replace(blind, instruction="put a mug in shelf.")) == "no_such_target"
    assert list(AlfworldVariator().variations(blind, Random(0), increment=0.1)) == []


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_the_goals_of_a_room_are_those_of_the_scene_that_its_devices_allow(seed: int) -> None:
    scene, room = generate_scene(seed), room_of(sheet_of(seed))
    kinds = {place.kind for place in scene.receptacles}
    for task_type in TASK_TYPES:
        allowed = task_type not in DEVICES or DEVICES[task_type][0] in kinds
        assert goals(room, task_type) == list(scene_goals(scene, task_type) if allowed else ())


def test_variations_are_new_tasks_of_the_same_room_that_can_be_won() -> None:
    rng, types = Random(0), Counter()
    for seed in range(12):
        sheet = sheet_of(seed)
        start = next(goal for name in TASK_TYPES for goal in goals(room_of(sheet), name))
        parent = task(PHRASES[start.task_type][0].format(thing=start.thing, target=start.target), sheet)
        for variation in islice(AlfworldVariator().variations(parent, rng, increment=0.1), 8):
            goal = goal_of(variation.instruction)
            types[variation.task_type] += 1
            assert (goal.task_type, variation.origin) == (variation.task_type, TaskOrigin.SYNTHETIC)
            assert variation.parent_id == parent.id
            assert variation.opening.endswith(f"Your task is to: {variation.instruction}")
            assert variation.sheet is not None
            assert [key for key, _ in variation.sheet.facts] == [key for key, _ in sheet.facts]
            assert wins(variation)
    assert set(types) == set(TASK_TYPES)


def wins(variation: Task) -> bool:
    """Play by hand what the sheet says: fetch, treat, put; the engine judges."""
    assert variation.sheet is not None
    goal, room = goal_of(variation.instruction), room_of(variation.sheet)
    world = World(game_from_sheet(variation, variation.sheet))
    world.reset()
    say = world.step
    target, *_ = room.places.get(goal.target, {"": ""})
    for thing in list(room.things[goal.thing])[: 2 if "two" in goal.task_type else 1]:
        home, _ = room.home(thing)
        for command in (f"go to {home}", f"open {home}", f"take {thing} from {home}"):
            say(command)
        if goal.task_type in DEVICES:
            device = next(iter(room.places[DEVICES[goal.task_type][0]]))
            verb = {"clean": "clean", "hot": "heat", "cool": "cool"}[DEVICES[goal.task_type][1]]
            say(f"go to {device}")
            say(f"{verb} {thing} with {device}")
        if goal.target in room.things:
            lamp = next(iter(room.things[goal.target]))
            lamp_home, _ = room.home(lamp)
            for command in (f"go to {lamp_home}", f"open {lamp_home}", f"use {lamp}"):
                won = say(command).won
        else:
            for command in (f"go to {target}", f"open {target}", f"move {thing} to {target}"):
                won = say(command).won
    return won


def test_the_increment_makes_variations_harder() -> None:
    parent = task("put a egg in fridge.")
    room = room_of(ROOM)
    means = []
    for increment in (0.0, 0.3):
        found = islice(AlfworldVariator().variations(parent, Random(1), increment=increment), 12)
        means.append(sum(hardness(goal_of(t.instruction), room_of(t.sheet)) for t in found) / 12)
    assert means[1] > means[0] + 0.1 > hardness(goal_of(parent.instruction), room)


def test_equal_seeds_give_equal_variations() -> None:
    parent = task("put a egg in fridge.")
    first, again, other = (
        list(AlfworldVariator().variations(parent, Random(seed), increment=0.1)) for seed in (1, 1, 2)
    )
    assert first == again != other
