"""Forms of commands: the real engine accepts none that the shipped data has not."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from dreamgym.core.config import DreamGymConfig, ReasoningModelConfig
from dreamgym.core.data_structures import Task
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.panels import game_of, panel
from dreamgym.environments.alfworld.players import PLAYERS
from dreamgym.models.command_forms import form_of, known_forms
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.sheet import make_sheet
from dreamgym.training.build import command_forms
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


def test_without_any_real_action_no_form_is_refused() -> None:
    assert command_forms(DreamGymConfig(), []) is None
    free = DreamGymConfig(reasoning_model=ReasoningModelConfig(known_forms=False))
    offline = list(read_trajectories(ASSETS / "offline" / "heldout.jsonl.gz"))
    assert command_forms(free, offline) is None
    assert "go to #" in (command_forms(DreamGymConfig(), offline) or ())


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


def test_an_action_of_no_known_form_fails_whatever_the_model_thinks() -> None:
    client = ScriptedClient([REFUSED])
    model = ReasoningExperienceModel(ReasoningModelConfig(), client, forms=frozenset({"go to #"}))
    turn = asyncio.run(model.dream_turn(task=TASK, state="", action="go to go to shelf 1", sheet=SHEET))
    assert not turn.answer.valid
    assert turn.reasoning == "\nfail"
    assert client.prompts[0].endswith("\naction: go to go to shelf 1\nfail")
    assert turn.sheet == SHEET
