"""Hindsight and replay against the real engine: what was read off an episode must play the same episode."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamgym.core.data_structures import Action, Origin, Sheet, StopReason, Task, Trajectory, Transition
from dreamgym.environments.alfworld.annotate import annotate
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.hindsight import (
    hindsight_sheet,
    opening_sheet,
    room_places,
    without_unseen,
)
from dreamgym.environments.alfworld.panels import game_of, generated_tasks
from dreamgym.environments.alfworld.replay import replay
from dreamgym.models.sheet import NAME, contents, make_sheet
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories
from dreamgym.training.domains.household import Household


@lru_cache
def played() -> tuple[Trajectory, ...]:
    settings = CollectSettings(
        shares={"expert": 0.3, "explorer": 0.2, "weak": 0.2, "tinkerer": 0.2, "random": 0.1}
    )
    return tuple(
        collect_trajectories(islice(generated_tasks(300_000), 60), settings, cast=Household(), seed=5)
    )


def full(trajectory: Trajectory) -> Sheet:
    return sheet_of_game(game_of(trajectory.task))


def hindsight(trajectory: Trajectory) -> Sheet:
    return without_unseen(hindsight_sheet(trajectory), {})


@pytest.mark.parametrize("sheet_of", [full, hindsight])
def test_the_world_of_a_sheet_plays_the_episode_word_for_word(sheet_of: type) -> None:
    for trajectory in played():
        judged = replay(replace(trajectory, sheet=sheet_of(trajectory)))
        assert all(turn.exact for turn in judged.turns), trajectory.id
        assert judged.agrees
        assert judged.real_success == trajectory.success
        assert not any(turn.false_win for turn in judged.turns)


def test_the_annotated_sheet_follows_every_listing() -> None:
    listings = 0
    for trajectory in played():
        turns = list(annotate(trajectory, full(trajectory)))
        for before, after in pairwise(turns):
            seen = before.answer.next_state
            if ", you see" in seen and seen.startswith(("You arrive at", "You open the")):
                place = NAME.findall(seen)[0]
                listed = NAME.findall(seen.split("you see")[1])
                assert [
                    entry.rsplit(" ", max(0, len(entry.split()) - 2))[0]
                    for entry in contents(after.sheet, place)
                ] == listed
                listings += 1
    assert listings > 100


def test_a_made_up_win_is_caught() -> None:
    trajectory = next(t for t in played() if not t.success)
    last = replace(trajectory.transitions[-1], reward=1.0, terminated=True, truncated=False)
    dreamed = replace(
        trajectory,
        transitions=(*trajectory.transitions[:-1], last),
        stop_reason=StopReason.TERMINATED,
        sheet=full(trajectory),
    )
    judged = replay(dreamed)
    assert judged.turns[-1].false_win
    assert judged.dreamed_success
    assert not judged.real_success
    assert not judged.agrees


def test_an_accepted_invalid_action_is_caught() -> None:
    trajectory = next(t for t in played() if t.transitions[0].next_state != "Nothing happens.")
    first = trajectory.transitions[0]
    accepted = replace(first, action=replace(first.action, text="go to sofa 99"))
    judged = replay(replace(trajectory, transitions=(accepted,), sheet=full(trajectory)))
    assert judged.turns[0].invalid
    assert not judged.turns[0].refused


def test_a_dream_without_a_sheet_cannot_prove_its_own_inventions() -> None:
    """A mug is taken from a shelf that was seen empty, and wins: the real shelf is as it was first seen."""
    opening = "You are in a room. You see a desk 1, and a shelf 1.\n\nYour task is to: put a mug in desk."
    shown = [
        ("go to shelf 1", "You arrive at shelf 1. On the shelf 1, you see nothing."),
        ("take mug 1 from shelf 1", "You pick up the mug 1 from the shelf 1."),
        ("go to desk 1", "You arrive at desk 1. On the desk 1, you see a pen 1."),
        ("go to shelf 1", "You arrive at shelf 1. On the shelf 1, you see a mug 2."),
        ("take mug 2 from shelf 1", "You pick up the mug 2 from the shelf 1."),
        ("move mug 1 to desk 1", "You move the mug 1 to the desk 1."),
    ]
    turns = [
        Transition(state=".", action=Action(text=action), reward=0.0, next_state=seen)
        for action, seen in shown
    ]
    turns[-1] = replace(turns[-1], reward=1.0, terminated=True)
    dreamed = Trajectory(
        id="e",
        task=Task(id="t", environment="alfworld", instruction="put a mug in desk.", opening=opening),
        origin=Origin.DREAMED,
        transitions=tuple(turns),
        stop_reason=StopReason.TERMINATED,
        sheet=make_sheet(opening_sheet(opening)),
    )
    judged = replay(dreamed)
    assert [turn.invalid for turn in judged.turns] == [False, True, False, False, True, True]
    assert judged.turns[-1].false_win
    assert not judged.agrees


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_a_dream_without_a_sheet_shows_can_be_replayed(data: st.DataObject) -> None:
    """Turns of other rooms, shown as if this one had their places: a dream of plain history does that."""
    dreamed = data.draw(st.sampled_from(played()))
    turns = data.draw(
        st.lists(
            st.sampled_from([t for other in played() for t in other.transitions]), min_size=1, max_size=8
        )
    )
    room = room_places(dreamed.task.opening)
    judged = replay(
        replace(dreamed, transitions=tuple(turns), sheet=make_sheet(opening_sheet(dreamed.task.opening)))
    )
    assert len(judged.turns) == len(turns)
    assert all(
        turn.invalid for turn in judged.turns if any(place not in room for place in places_of(turn.action))
    )


def places_of(action: str) -> list[str]:
    """The place that a command goes to, or takes from."""
    verb, names = action.partition(" ")[0], NAME.findall(action)
    return names[:1] if verb == "go" else names[1:] if verb == "take" else []


def test_a_real_episode_has_no_sheet_to_replay() -> None:
    with pytest.raises(ValueError, match="no sheet"):
        replay(played()[0])
