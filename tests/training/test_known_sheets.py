"""What training tasks start from: the trajectory that shows the most of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Action, Origin, Sheet, StopReason, Task, Trajectory, Transition
from dreamgym.core.errors import ConfigError
from dreamgym.models.sheet import make_sheet
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.fit import is_cloned, to_clone
from dreamgym.training.known_sheets import with_known_sheets

TASKS = [Task(id=f"t{number}", environment="desk", instruction="serve") for number in range(3)]
NOTHING_TOLD = {"at": "desk", "hand": "holds", "wish": "unseen", "order 1": "late"}
WISH_TOLD = {"at": "desk", "hand": "holds", "wish": "tea"}
MUCH_TOLD = {**WISH_TOLD, "order 1": "late", "order 2": "unseen"}


def domain_of(sheets: dict[str, dict[str, str]], *, needs_episode: bool) -> Domain:
    """A domain whose trajectories, by their ids, show ``sheets``."""

    def hindsight(trajectory: Trajectory) -> Sheet:
        return make_sheet(sheets[trajectory.id])

    known = open_domain(EnvironmentConfig(name="alfworld"))
    return replace(known, name="desk", hindsight=hindsight, needs_episode=needs_episode)


def episode(id: str, task: Task) -> Trajectory:
    return Trajectory(id=id, task=task, origin=Origin.REAL, transitions=(), stop_reason=StopReason.TERMINATED)


def test_the_trajectory_that_shows_the_most_is_taken_wherever_it_stands() -> None:
    sheets = {"a": WISH_TOLD, "b": MUCH_TOLD, "c": NOTHING_TOLD, "d": NOTHING_TOLD}
    offline = [*(episode(id, TASKS[0]) for id in "abc"), episode("d", TASKS[1])]
    first, second, third = with_known_sheets(domain_of(sheets, needs_episode=False), TASKS, offline)
    assert first.sheet == make_sheet(MUCH_TOLD)
    assert second.sheet == make_sheet(NOTHING_TOLD)
    assert third.sheet is None


def test_only_tasks_that_are_told_of_are_dreamed_where_episodes_are_needed() -> None:
    sheets = {"a": WISH_TOLD, "d": NOTHING_TOLD}
    offline = [episode("a", TASKS[0]), episode("d", TASKS[1])]
    domain = domain_of(sheets, needs_episode=True)
    assert [task.id for task in with_known_sheets(domain, TASKS, offline)] == ["t0"]
    assert with_known_sheets(domain, TASKS, []) == TASKS  # nothing is dreamed
    with pytest.raises(ConfigError, match="tells what a task of 'desk' wants"):
        with_known_sheets(domain, TASKS, offline[1:])


def test_logged_tasks_of_no_panel_are_dreamed_too_where_episodes_are_needed() -> None:
    sheets = {"a": WISH_TOLD, "b": MUCH_TOLD, "c": NOTHING_TOLD, "d": WISH_TOLD}
    other, untold = replace(TASKS[0], id="other"), replace(TASKS[0], id="untold")
    offline = [episode("a", other), episode("b", other), episode("c", untold), episode("d", TASKS[2])]
    known = with_known_sheets(domain_of(sheets, needs_episode=True), TASKS, offline)
    assert [task.id for task in known] == ["t2", "other"]
    assert known[1].sheet == make_sheet(MUCH_TOLD)
    panel_alone = with_known_sheets(domain_of(sheets, needs_episode=False), TASKS, offline)
    assert [task.id for task in panel_alone] == ["t0", "t1", "t2"]


def test_what_the_world_refused_is_not_cloned_outside_alfworld() -> None:
    turns = tuple(
        Transition(
            state=f"s{number}",
            action=Action(text=f"a{number}"),
            reward=0.0,
            next_state=f"s{number + 1}",
            terminated=False,
            truncated=False,
            valid=number != 1,
        )
        for number in range(3)
    )
    played = replace(episode("a", TASKS[0]), transitions=turns)
    assert [turn.action.text for turn in to_clone(played).transitions] == ["a0", "a2"]
    household = replace(played, task=replace(TASKS[0], environment="alfworld"))
    assert len(to_clone(household).transitions) == 3


@pytest.mark.parametrize(
    ("environment", "cloned", "left_out"),
    [
        ("alfworld", ["weak", "explorer", ""], ["expert", "tinkerer", "random", "policy"]),
        ("taubench", ["expert", "weak", ""], ["random", "policy"]),
        ("webarena", ["expert", "mistaken", "careless", ""], ["random", "policy"]),
        ("webshop", ["curious", "careless", ""], ["expert", "random", "policy"]),
    ],
)
def test_who_acts_on_what_it_was_shown_is_cloned(
    environment: str, cloned: list[str], left_out: list[str]
) -> None:
    def by(player: str) -> Trajectory:
        task = replace(TASKS[0], environment=environment)
        return replace(episode("a", task), detail=f'{{"player": "{player}"}}' if player else "")

    assert all(is_cloned(by(player)) for player in cloned)
    assert not any(is_cloned(by(player)) for player in left_out)
