"""What all logged wins share, worked out by hand, and which dreamed wins break it."""

from __future__ import annotations

import pytest

from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.training.win_rules import MIN_WINS, WinRules

HEAT = Task(id="t", environment="kitchen", instruction="heat it", task_type="heat")
WIN = ["go to stove 1", "take egg 1 from pan 1", "heat egg 1 with stove 1", "move egg 1 to table 1"]


def episode(actions: list[str], *, won: bool = True, task: Task = HEAT, refused: str = "") -> Trajectory:
    turns = tuple(
        Transition(
            state="s",
            action=Action(text=action),
            reward=float(won and number == len(actions) - 1),
            next_state="t",
            terminated=won and number == len(actions) - 1,
            valid=action != refused,
        )
        for number, action in enumerate(actions)
    )
    reason = StopReason.TERMINATED if won else StopReason.TURN_LIMIT
    return Trajectory(id="e", task=task, origin=Origin.REAL, transitions=turns, stop_reason=reason)


RULES = WinRules([episode(WIN), *[episode(["look", "go to sink 2", *WIN])] * MIN_WINS])


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        (WIN, ""),
        (["look", *WIN[:3], "look", "move egg 4 to table 9"], ""),
        (WIN[:3], "ends with 'heat # with #'"),
        ([*WIN[2:3], WIN[3]], "took 2 turns, no logged win fewer than 4"),
        ([*WIN[:2], "look", WIN[3]], "lacks 'heat # with #'"),
    ],
)
def test_a_win_keeps_what_every_logged_win_has(actions: list[str], said: str) -> None:
    found, told = RULES.breaches([episode(actions)])
    assert told == 1
    assert [line.startswith(said) for line in found] == ([True] if said else [])


def test_what_was_refused_does_not_count() -> None:
    found, _ = RULES.breaches([episode(["look", *WIN], refused=WIN[2])])
    assert found == ["lacks 'heat # with #', which every logged win has"]


def test_only_wins_of_a_kind_that_was_logged_often_enough_can_be_told() -> None:
    other = Task(id="u", environment="kitchen", instruction="sing", task_type="sing")
    assert RULES.breaches([episode(["sing"], won=False), episode(["sing"], task=other)]) == ([], 0)
    assert WinRules([episode(WIN)] * (MIN_WINS - 1)).breaches([episode(["sing"])]) == ([], 0)
