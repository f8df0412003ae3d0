"""Rows hold every token that an agent wrote exactly once, and none of the environment's as the agent's."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.data_structures import Action, Group, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.core.errors import NonFiniteLossError
from dreamgym.training.grpo import group_rows
from dreamgym.training.token_batch import (
    ENVIRONMENT,
    batch_metrics,
    collate,
    dealt,
    pack,
    rows_of,
    shuffled_parts,
)

TASK = Task(id="t", environment="toy", instruction="play")
ENVIRONMENT_IDS, AGENT_IDS = st.integers(0, 99), st.integers(100, 199)


@st.composite
def actions(draw: st.DrawFn) -> list[Action]:
    """Actions whose token ids say who wrote them; an agent token's logprob is its place in the episode."""
    made, place = [], 0
    for turn in range(draw(st.integers(1, 5))):
        starts_row = draw(st.booleans())
        at_row_start = starts_row or turn == 0
        prompt = draw(st.lists(ENVIRONMENT_IDS, min_size=int(at_row_start), max_size=4))
        answer = draw(st.lists(AGENT_IDS, max_size=4))
        logprobs = tuple(float(-place - i) for i in range(len(answer)))
        place += len(answer)
        made.append(
            Action(
                text="",
                prompt_ids=tuple(prompt),
                token_ids=tuple(answer),
                logprobs=logprobs,
                starts_row=starts_row,
            )
        )
    return made


def trajectory(
    actions: list[Action], rewards: list[float] | None = None, reason: StopReason = StopReason.TERMINATED
) -> Trajectory:
    rewards = rewards or [0.0] * len(actions)
    turns = tuple(
        Transition(state="s", action=action, reward=reward, next_state="s")
        for action, reward in zip(actions, rewards, strict=True)
    )
    return Trajectory(id="x", task=TASK, origin=Origin.REAL, transitions=turns, stop_reason=reason)


@given(actions())
def test_every_agent_token_is_in_exactly_one_row_with_its_own_logprob(actions: list[Action]) -> None:
    rows = rows_of(trajectory(actions))
    agents = [
        (token, logprob)
        for row in rows
        for token, turn, logprob in zip(row.token_ids, row.turns, row.old_logprobs, strict=True)
        if turn != ENVIRONMENT
    ]
    assert agents == [pair for a in actions for pair in zip(a.token_ids, a.logprobs, strict=True)]
    assert all(token >= 100 for token, _ in agents)


@given(actions())
def test_rows_are_the_episode_as_it_was_read_and_written(actions: list[Action]) -> None:
    rows = rows_of(trajectory(actions))
    assert [token for row in rows for token in row.token_ids] == [
        token for action in actions for token in (*action.prompt_ids, *action.token_ids)
    ]
    assert len(rows) == 1 + sum(action.starts_row for action in actions[1:])
    assert sum(len(row.states) for row in rows) == len(actions)


@given(actions())
def test_a_state_is_read_at_the_last_token_before_the_agent_speaks(actions: list[Action]) -> None:
    for row in rows_of(trajectory(actions)):
        for turn, position in enumerate(row.states):
            assert position >= 0
            written = [i for i, owner in enumerate(row.turns) if owner == turn]
            assert written == list(range(position + 1, position + 1 + len(written)))


@given(actions(), st.data())
def test_a_token_takes_the_advantage_of_its_turn(actions: list[Action], data: st.DataObject) -> None:
    rows = rows_of(trajectory(actions))
    advantages = [float(turn + 1) for turn in range(len(actions))]
    expected = [advantages[turn] for turn, action in enumerate(actions) for _ in action.token_ids]
    found = [
        advantage
        for row, of_turns in zip(rows, dealt(advantages, rows), strict=True)
        for advantage in row.with_advantages(of_turns).advantages
    ]
    assert [advantage for advantage in found if advantage] == expected


@given(st.lists(actions(), min_size=1, max_size=4))
def test_a_batch_is_its_rows_padded_on_the_right(episodes: list[list[Action]]) -> None:
    rows = [row.with_advantages([0.5] * 9) for episode in episodes for row in rows_of(trajectory(episode))]
    batch = collate(rows)
    for row, ids, agent in zip(rows, batch.token_ids_BT.tolist(), batch.agent_BT.tolist(), strict=True):
        padding = len(ids) - len(row.token_ids)
        assert ids == [*row.token_ids, *[0] * padding]
        assert agent == [*(turn != ENVIRONMENT for turn in row.turns), *[False] * padding]
    written = [action for episode in episodes for action in episode]
    assert batch.targets_N.tolist() == [token for action in written for token in action.token_ids]
    assert batch.old_logprobs_N.tolist() == [lp for action in written for lp in action.logprobs]
    assert batch.advantages_N.tolist() == [0.5] * len(batch.targets_N)
    assert not batch.agent_BT[:, 0].any()  # what predicts it is always in the row


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 120))
def test_packing_drops_nothing_and_keeps_the_budget(lengths: list[int], budget: int) -> None:
    batches = pack(lengths, budget)
    assert Counter(index for batch in batches for index in batch) == Counter(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


@given(st.integers(0, 30), st.integers(1, 8))
def test_parts_drop_nothing_and_are_never_empty(count: int, parts: int) -> None:
    dealt_out = shuffled_parts(range(count), parts, random.Random(3))
    assert sorted(item for part in dealt_out for item in part) == list(range(count))
    assert all(dealt_out)
    assert len(dealt_out) == min(count, parts)


def test_failed_trajectories_are_left_out_of_group_and_loss() -> None:
    said = [Action(text="", prompt_ids=(1,), token_ids=(2,), logprobs=(-1.0,))]
    good, bad = trajectory(said, [1.0]), trajectory(said, [0.0])
    failed = trajectory(said, [0.0], StopReason.INVALID_DREAM)
    group = Group(task=TASK, trajectories=(good, failed, bad, failed))
    rows = group_rows(group)
    assert [row.advantages[1] for row in rows] == pytest.approx([0.7071, -0.7071], abs=2e-4)
    metrics = batch_metrics([group, Group(task=TASK, trajectories=(good, failed))], rows)
    assert metrics["failed_trajectories"] == 0.5
    assert metrics["zero_variance_groups"] == 0.5
    assert metrics["agent_tokens"] == 2


def test_an_episode_without_a_turn_has_no_row() -> None:
    assert rows_of(trajectory([])) == []


def test_a_trajectory_without_prompt_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="no prompt tokens"):
        rows_of(trajectory([Action(text="go")]))


def test_a_logprob_that_is_not_finite_is_refused() -> None:
    broken = Action(text="go", prompt_ids=(1,), token_ids=(2,), logprobs=(float("nan"),))
    with pytest.raises(NonFiniteLossError, match="trajectory x from turn 0"):
        rows_of(trajectory([broken]))


def test_integers_stay_integers() -> None:
    batch = collate(rows_of(trajectory([Action(text="", prompt_ids=(1,), token_ids=(2,), logprobs=(-1.0,))])))
    assert batch.token_ids_BT.dtype == torch.long
