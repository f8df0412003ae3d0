"""What the shipped data never held: no such command works for real, no such thing lies in a room."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from dreamgym.core.config import DreamGymConfig, ReasoningModelConfig
from dreamgym.core.data_structures import Task
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.hindsight import hindsight_sheet
from dreamgym.environments.alfworld.panels import game_of, panel
from dreamgym.environments.alfworld.players import PLAYERS
from dreamgym.models.closed_world import OPEN_WORLD, ClosedWorld, form_of, known_forms, known_things
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.sheet import make_sheet
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.grounds import closed_world
from dreamgym.training.models import ASSETS
from dreamgym.training.offline_data import read_trajectories
from dreamgym.utils.seeds import derive_seed

TASK = Task(id="t", environment="alfworld", instruction="put a mug in shelf.", task_type="", split="train")
SHEET = make_sheet({"at": "shelf 1", "hand": "holds", "shelf 1": "surface"})
REFUSED = "\nnext: Nothing happens.\nreward: 0\ndone: no"


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("take mug 1 from cabinet 12", "take # from #"),
        ("go to  shelf 1 ", "go to #"),
        ("go to go to shelf 1", "go to go to #"),
        ("look", "look"),
        ("", ""),
    ],
)
def test_a_form_has_no_names(action: str, form: str) -> None:
    assert form_of(action) == form


def test_without_data_or_where_it_is_switched_off_the_world_is_open() -> None:
    config = DreamGymConfig()
    domain = open_domain(config.environment)
    offline = list(read_trajectories(ASSETS / "offline" / "heldout.jsonl.gz"))
    assert closed_world(config, domain, []) == OPEN_WORLD
    free = DreamGymConfig(reasoning_model=ReasoningModelConfig(closed_world=False))
    assert closed_world(free, domain, offline) == OPEN_WORLD
    world = closed_world(config, domain, offline)
    assert world.may_work("go to shelf 1")
    assert not world.may_work("fly to shelf 1")
    assert world.unknown_things(["mug 1", "cabinet 1", "unicorn 2"]) == ["cabinet 1", "unicorn 2"]


def test_every_admissible_command_has_a_known_form() -> None:
    known = known_forms(read_trajectories(ASSETS / "offline" / "train.jsonl.gz"))
    for number, task in enumerate(panel("valid", 60).tasks):
        game = game_of(task)
        world, rng = World(game), Random(derive_seed(0, number))
        player = PLAYERS["expert" if number % 2 else "tinkerer"](game, rng)
        player.see("", world.reset())
        for _ in range(15):
            assert {form_of(command) for command in world.admissible()} <= known
            command = player.choose(world.admissible)
            player.see(command, world.step(command).observation)


def test_no_room_holds_a_thing_of_an_unknown_kind() -> None:
    known = known_things(map(hindsight_sheet, read_trajectories(ASSETS / "offline" / "train.jsonl.gz")))
    for task in panel("valid", 60).tasks:
        assert known_things([sheet_of_game(game_of(task))]) <= known


def test_an_action_of_no_known_form_fails_whatever_the_model_thinks() -> None:
    client = ScriptedClient([REFUSED])
    model = ReasoningExperienceModel(
        ReasoningModelConfig(), client, world=ClosedWorld(forms=frozenset({"go to #"}))
    )
    turn = asyncio.run(model.dream_turn(task=TASK, state="", action="go to go to shelf 1", sheet=SHEET))
    assert not turn.answer.valid
    assert turn.reasoning == "\nfail"
    assert client.prompts[0].endswith("\naction: go to go to shelf 1\nfail")
    assert turn.sheet == SHEET
