"""Hindsight: the sheet and the reasoning of an episode, from its texts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.environments.alfworld.annotate import annotate, quoted_keys
from dreamgym.environments.alfworld.hindsight import hindsight_sheet, without_unseen
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import line, make_sheet, with_changes

OPENING = (
    "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, you "
    "see a cabinet 2, a cabinet 1, a microwave 1, and a shelf 1.\n\nYour task is to: put a hot mug in shelf."
)
PLAYED = [
    ("open cabinet 1", "Nothing happens."),
    ("go to cabinet 1", "You arrive at cabinet 1. The cabinet 1 is closed."),
    ("open cabinet 1", "You open the cabinet 1. The cabinet 1 is open. In it, you see a mug 1."),
    ("take mug 1 from cabinet 1", "You pick up the mug 1 from the cabinet 1."),
    ("take pen 4 from cabinet 1", "Nothing happens."),
    ("go to microwave 1", "You arrive at microwave 1. The microwave 1 is closed."),
    ("heat mug 1 with microwave 1", "You heat the mug 1 using the microwave 1."),
    ("go to shelf 1", "You arrive at shelf 1. On the shelf 1, you see a vase 2, and a vase 1."),
    ("move mug 1 to shelf 1", "You move the mug 1 to the shelf 1."),
]


def _trajectory() -> Trajectory:
    states = [OPENING, *(seen for _, seen in PLAYED)]
    last = len(PLAYED) - 1
    return Trajectory(
        id="t",
        task=Task(id="x", environment="alfworld", instruction="put a hot mug in shelf.", opening=OPENING),
        origin=Origin.REAL,
        transitions=tuple(
            Transition(
                state=states[turn],
                action=Action(text=action),
                reward=float(turn == last),
                next_state=seen,
                terminated=turn == last,
            )
            for turn, (action, seen) in enumerate(PLAYED)
        ),
        stop_reason=StopReason.TERMINATED,
    )


def test_the_sheet_is_what_the_episode_showed() -> None:
    sheet = hindsight_sheet(_trajectory())
    assert dict(sheet.facts) == {
        "at": "middle",
        "hand": "holds",
        "cabinet 2": "unseen",
        "cabinet 1": "closed",
        "microwave 1": "closed, unseen",
        "shelf 1": "surface",
        "mug 1": "in cabinet 1",
        "vase 2": "in shelf 1",
        "vase 1": "in shelf 1",
    }


def test_what_a_history_has_shown_is_known_and_no_more() -> None:
    """Beside every prefix of the episode, read on its own."""
    trajectory = _trajectory()
    turns = list(annotate(trajectory, without_unseen(hindsight_sheet(trajectory), {})))
    assert len(turns) > 3
    for turn in turns:
        before = replace(trajectory, transitions=trajectory.transitions[: turn.turn])
        sheet = hindsight_sheet(before)
        for earlier in turns[: turn.turn]:
            sheet = with_changes(sheet, earlier.answer.changes)
        told = {key: "unseen" if "unseen" in value else value for key, value in sheet.facts}
        known = {key: "unseen" if told.get(key) == "unseen" else value for key, value in turn.known.facts}
        assert known == told


def test_each_turn_is_answered_from_the_sheet_as_it_stood() -> None:
    trajectory = _trajectory()
    turns = list(annotate(trajectory, without_unseen(hindsight_sheet(trajectory), {"cabinet": "closed"})))
    taken, refused, heated, moved = turns[3], turns[4], turns[6], turns[8]
    assert taken.quotes == ("mug 1", "cabinet 1")
    assert line(taken.sheet, "cabinet 1") == "here, open; mug 1"
    assert taken.answer.changes == (("mug 1", "in hand"),)
    assert refused.quotes == ("pen 4", "cabinet 1")
    assert line(refused.sheet, "pen 4") == "none"
    assert refused.answer == Answer(
        valid=False, next_state="Nothing happens.", changes=(), reward=0.0, done=False
    )
    assert heated.answer.changes == (("mug 1", "in hand, hot"),)
    assert line(moved.sheet, "hand") == "holds; mug 1 hot"
    assert moved.answer.changes == (("mug 1", "in shelf 1, hot"),)
    assert moved.answer.done
    assert moved.answer.reward == 1.0
    assert line(turns[0].sheet, "at") == "middle"
    assert line(turns[4].sheet, "at") == "cabinet 1"


@pytest.mark.parametrize(
    ("instruction", "action", "keys"),
    [
        ("put two mug in shelf.", "move mug 2 to shelf 1", ("mug 2", "shelf 1", "mug")),
        ("look at mug under the desklamp.", "take mug 1 from shelf 1", ("mug 1", "shelf 1", "desklamp")),
        ("look at mug under the desklamp.", "take pen 1 from shelf 1", ("pen 1", "shelf 1")),
        ("put a mug in shelf.", "take mug 1 from shelf 1", ("mug 1", "shelf 1")),
        ("examine the mug with the desklamp.", "use desklamp 1", ("desklamp 1", "mug")),
        ("put a mug in shelf.", "sing about mug 3", ("mug 3",)),
    ],
)
def test_what_decides_the_task_is_quoted(instruction: str, action: str, keys: tuple[str, ...]) -> None:
    assert quoted_keys(make_sheet({"at": "shelf 1", "shelf 1": "surface"}), action, instruction) == keys
