"""Records survive JSON, and what is no record is refused where it goes wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.data_structures import (
    Action,
    Group,
    Origin,
    Sheet,
    StopReason,
    Task,
    TaskOrigin,
    Trajectory,
    Transition,
)
from dreamgym.core.errors import DataError
from dreamgym.core.serialization import decode, encode

numbers = st.floats(allow_nan=False, allow_infinity=False)
sheets = st.builds(Sheet, facts=st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple))
tasks = st.builds(
    Task,
    id=st.text(),
    environment=st.text(),
    instruction=st.text(),
    origin=st.sampled_from(TaskOrigin),
    parent_id=st.none() | st.text(),
    sheet=st.none() | sheets,
)
actions = st.lists(st.tuples(st.integers(), numbers), max_size=3).map(
    lambda pairs: Action(
        text="go",
        token_ids=tuple(token for token, _ in pairs),
        logprobs=tuple(logprob for _, logprob in pairs),
    )
)
transitions = st.builds(
    Transition,
    state=st.text(),
    action=actions,
    reward=numbers,
    next_state=st.text(),
    terminated=st.booleans(),
)
trajectories = st.builds(
    Trajectory,
    id=st.text(),
    task=tasks,
    origin=st.sampled_from(Origin),
    transitions=st.lists(transitions, max_size=3).map(tuple),
    stop_reason=st.sampled_from(StopReason),
    sheet=st.none() | sheets,
)


@given(trajectories)
def test_a_trajectory_survives_json(trajectory: Trajectory) -> None:
    assert decode(Trajectory, json.loads(json.dumps(encode(trajectory)))) == trajectory


@given(st.builds(Group, task=tasks, trajectories=st.lists(trajectories, max_size=2).map(tuple)))
def test_a_group_survives_json(group: Group) -> None:
    assert decode(Group, json.loads(json.dumps(encode(group)))) == group


def test_what_is_at_its_default_is_left_out() -> None:
    task = Task(id="a", environment="alfworld", instruction="put a mug in shelf.")
    assert encode(task) == {"id": "a", "environment": "alfworld", "instruction": "put a mug in shelf."}


def turn(**changes: object) -> dict[str, object]:
    return {"state": "s", "action": {"text": "look"}, "reward": 0.0, "next_state": "n", **changes}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (turn(nextstate="x"), "Transition: unknown field 'nextstate', do you mean 'next_state'?"),
        ({"state": "s"}, "Transition: no field 'action', which Transition needs"),
        (turn(reward="1"), "Transition.reward: found '1', wanted a number"),
        (turn(reward=True), "Transition.reward: found True, wanted a number"),
        (turn(reward=float("nan")), "Transition.reward: found nan, wanted a finite number"),
        (turn(terminated=1), "Transition.terminated: found 1, wanted true or false"),
        (turn(state=None), "Transition.state: found None, wanted a string"),
        (
            turn(action={"text": "x", "token_ids": ["7"]}),
            "Transition.action.token_ids[0]: found '7', wanted a whole",
        ),
        (turn(action={"text": "x", "token_ids": [7]}), "Transition.action: 1 tokens but 0 logprobs"),
        (turn(action=[]), "Transition.action: found [], wanted an object with the fields of Action"),
        ("x" * 900, "wanted an object"),
    ],
)
def test_a_wrong_record_is_refused_where_it_is_wrong(data: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        decode(Transition, data)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def test_pairs_have_two_parts_and_names_are_checked() -> None:
    with pytest.raises(DataError, match=r"Sheet.facts\[0\]: found \['a'\], wanted a list of 2"):
        decode(Sheet, {"facts": [["a"]]})
    with pytest.raises(DataError, match=r"line 7\.origin: found 'unreal', wanted one of seed, synthetic"):
        decode(Task, {"id": "", "environment": "", "instruction": "", "origin": "unreal"}, "line 7")
