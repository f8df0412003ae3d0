"""Households from a seed: a scene, and tasks in it, as ``Game`` records that the engine plays.

A scene seed fixes the room, what stands in it and what lies where; a task seed picks one of the tasks that
this scene admits. Randomness comes from ``random.Random.random`` alone, so that a seed means the same game
under every Python version and hash seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random

from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.game import Game, Goal
from dreamgym.environments.alfworld.scenes import Scene, generate_scene
from dreamgym.utils.draws import choose, draw

VALID_SCENES = 900_000  # scene seeds from here on are kept for evaluation
LAST_SCENE = 999_999

TASK_WEIGHTS = {  # per room, so that the six types are about equally frequent
    "kitchen": {
        "pick_heat_then_place_in_recep": 34,
        "pick_cool_then_place_in_recep": 34,
        "pick_clean_then_place_in_recep": 20,
        "pick_and_place_simple": 6,
        "pick_two_obj_and_place": 6,
    },
    "livingroom": {"look_at_obj_in_light": 54, "pick_and_place_simple": 23, "pick_two_obj_and_place": 23},
    "bedroom": {"look_at_obj_in_light": 54, "pick_and_place_simple": 23, "pick_two_obj_and_place": 23},
    "bathroom": {
        "pick_clean_then_place_in_recep": 34,
        "pick_and_place_simple": 33,
        "pick_two_obj_and_place": 33,
    },
}
PHRASES = {
    "pick_and_place_simple": ("put a {thing} in {target}.", "put some {thing} on {target}."),
    "look_at_obj_in_light": ("look at {thing} under the {target}.", "examine the {thing} with the {target}."),
    "pick_clean_then_place_in_recep": (
        "put a clean {thing} in {target}.",
        "clean some {thing} and put it in {target}.",
    ),
    "pick_heat_then_place_in_recep": (
        "put a hot {thing} in {target}.",
        "heat some {thing} and put it in {target}.",
    ),
    "pick_cool_then_place_in_recep": (
        "put a cool {thing} in {target}.",
        "cool some {thing} and put it in {target}.",
    ),
    "pick_two_obj_and_place": ("put two {thing} in {target}.", "find two {thing} and put them in {target}."),
}
NEEDS = {  # what the thing of a task must allow
    "pick_clean_then_place_in_recep": catalogue.CLEANABLE,
    "pick_heat_then_place_in_recep": catalogue.HEATABLE,
    "pick_cool_then_place_in_recep": catalogue.COOLABLE,
}
NOT_BACK_INTO = {  # the device of a task is never its target
    "pick_heat_then_place_in_recep": "microwave",
    "pick_cool_then_place_in_recep": "fridge",
}
NEVER_A_TARGET = ("sinkbasin", "bathtubbasin", "handtowelholder", "towelholder")  # as in the official games
STARTS_ELSEWHERE = ("pick_and_place_simple", "pick_two_obj_and_place")  # else they would be won, or half won


def generate_game(scene_seed: int, task_seed: int) -> Game:
    """The game of a task in a scene; always feasible, never won at the start."""
    scene = generate_scene(scene_seed)
    rng = Random(f"alfworld task {scene_seed} {task_seed}")
    goal = _draw_goal(rng, scene)
    kinds = {receptacle.kind for receptacle in scene.receptacles}
    thing_kinds = {thing.kind for thing in scene.things}
    return Game(
        id=f"gen/{split_of(scene_seed)}/{scene_seed:06d}-{task_seed}/{goal.task_type}-{goal.thing}-{goal.target}",
        scene=f"gen-{scene_seed:06d}",
        task_type=goal.task_type,
        instruction=choose(rng, PHRASES[goal.task_type]).format(thing=goal.thing, target=goal.target),
        receptacles=scene.receptacles,
        things=scene.things,
        can_contain=frozenset(
            (place, thing)
            for place in kinds
            for thing in catalogue.CAN_CONTAIN.get(place, ())
            if thing in thing_kinds
        ),
        goal=goal,
        start_location=0,
    )


def split_of(scene_seed: int) -> str:
    """``train`` or ``valid``: evaluation has scenes of its own."""
    if not 0 <= scene_seed <= LAST_SCENE:
        raise ValueError(f"scene seed {scene_seed}: use 0 to {LAST_SCENE}")
    return "valid" if scene_seed >= VALID_SCENES else "train"


def _draw_goal(rng: Random, scene: Scene) -> Goal:
    """A type first, so that the types stay balanced; then a thing; then where it shall go."""
    options = _goals_by_type(scene)
    weights = {
        task_type: weight for task_type, weight in TASK_WEIGHTS[scene.room].items() if options[task_type]
    }
    task_type = draw(rng, weights)
    thing = choose(rng, sorted({goal.thing for goal in options[task_type]}))
    return choose(rng, [goal for goal in options[task_type] if goal.thing == thing])


@lru_cache(maxsize=64)
def _goals_by_type(scene: Scene) -> dict[str, tuple[Goal, ...]]:
    return {task_type: goals(scene, task_type) for task_type in TASK_WEIGHTS[scene.room]}


def goals(scene: Scene, task_type: str) -> tuple[Goal, ...]:
    """Every goal of this type that the scene admits, sorted."""
    things = sorted({thing.kind for thing in scene.things if thing.pickupable})
    lamps = sorted({thing.kind for thing in scene.things if thing.toggleable})
    if task_type == "look_at_obj_in_light":
        pairs = [(thing, lamp) for thing in things for lamp in lamps]
    else:
        places = sorted({place.kind for place in scene.receptacles}.difference(NEVER_A_TARGET))
        homes = _homes(scene)
        pairs = [
            (thing, place)
            for thing in things
            for place in places
            if _admits(task_type, thing, place, homes[thing])
        ]
    return tuple(Goal(task_type=task_type, thing=thing, target=target) for thing, target in pairs)


def _homes(scene: Scene) -> dict[str, list[str]]:
    """The kinds of receptacles in which the things of each kind lie."""
    kinds = {place.name: place.kind for place in scene.receptacles}
    homes: dict[str, list[str]] = {}
    for thing in scene.things:
        if thing.receptacle is not None:
            homes.setdefault(thing.kind, []).append(kinds[thing.receptacle])
    return homes


def _admits(task_type: str, thing: str, target: str, homes: Sequence[str]) -> bool:
    if thing not in catalogue.CAN_CONTAIN.get(target, ()) or target == NOT_BACK_INTO.get(task_type):
        return False
    if task_type in STARTS_ELSEWHERE and target in homes:
        return False
    if task_type == "pick_two_obj_and_place":
        return len(homes) >= 2
    return thing in NEEDS.get(task_type, (thing,))
