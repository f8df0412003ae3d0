"""The conditions of a task, against the engine that pays for it."""

from __future__ import annotations

import pytest

from dreamgym.environments.alfworld.annotate import annotate
from dreamgym.environments.alfworld.hindsight import hindsight_sheet, without_unseen
from dreamgym.environments.alfworld.panels import panel
from dreamgym.environments.alfworld.task_check import task_check
from dreamgym.models.sheet import make_sheet
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories
from dreamgym.training.domains.household import Household

ROOM = {"at": "shelf 1", "hand": "holds", "shelf 1": "surface", "desk 1": "surface"}


@pytest.mark.parametrize(
    ("instruction", "things", "action", "check"),
    [
        ("put a mug in shelf.", {"mug 2": "in shelf 1"}, "move mug 2 to shelf 1", "mug yes, shelf yes"),
        ("put a mug in desk.", {"pen 2": "in shelf 1"}, "move pen 2 to shelf 1", "mug no, desk no"),
        (
            "put two mug in shelf.",
            {"mug 2": "in shelf 1", "mug 1": "in desk 1"},
            "move mug 2 to shelf 1",
            "mug yes, shelf yes, two no",
        ),
        (
            "find two mug and put them in shelf.",
            {"mug 2": "in shelf 1", "mug 1": "in shelf 1, clean"},
            "move mug 2 to shelf 1",
            "mug yes, shelf yes, two yes",
        ),
        (
            "put a hot mug in shelf.",
            {"mug 2": "in shelf 1, cool"},
            "move mug 2 to shelf 1",
            "mug yes, shelf yes, hot no",
        ),
        (
            "clean some mug and put it in shelf.",
            {"mug 2": "in shelf 1, hot, clean"},
            "move mug 2 to shelf 1",
            "mug yes, shelf yes, clean yes",
        ),
        (
            "look at mug under the desklamp.",
            {"mug 2": "in hand", "desklamp 1": "in shelf 1, on"},
            "use desklamp 1",
            "mug yes, desklamp yes",
        ),
        (
            "look at mug under the desklamp.",
            {"mug 2": "in hand", "desklamp 1": "in desk 1, on"},
            "take mug 2 from shelf 1",
            "mug yes, desklamp no",
        ),
        ("look at mug under the desklamp.", {"mug 2": "in shelf 1"}, "move mug 2 to shelf 1", ""),
        ("put a mug in shelf.", {"mug 2": "in hand"}, "take mug 2 from shelf 1", ""),
        ("put a mug in shelf.", {}, "go to shelf 1", ""),
        ("Chill the tomato, then bin it.", {"mug 2": "in shelf 1"}, "move mug 2 to shelf 1", ""),
    ],
)
def test_every_condition_is_named(instruction: str, things: dict[str, str], action: str, check: str) -> None:
    assert task_check(make_sheet({**ROOM, **things}), action, instruction) == check


@pytest.mark.parametrize("player", ["expert", "explorer", "weak", "tinkerer"])
def test_a_turn_wins_when_every_condition_holds(player: str) -> None:
    won = 0
    settings = CollectSettings(shares={player: 1.0})
    for trajectory in collect_trajectories(panel("train", 40).tasks, settings, cast=Household(), seed=3):
        for turn in annotate(trajectory, without_unseen(hindsight_sheet(trajectory), {})):
            verdicts = [condition.split()[1] for condition in filter(None, turn.answer.check.split(", "))]
            assert turn.answer.done == (bool(verdicts) and "no" not in verdicts)
            won += turn.answer.done
    assert won > 20 or player == "tinkerer"
