"""The replay buffer: what it takes, keeps, finds and draws."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamgym.core.config import BufferConfig
from dreamgym.core.data_structures import (
    Action,
    Experience,
    Group,
    Origin,
    StopReason,
    Task,
    Trajectory,
    Transition,
)
from dreamgym.core.errors import StoreError
from dreamgym.models.quality import MAX_DREAMS_OF_A_TURN, Refusal
from dreamgym.models.replay_buffer import ExperienceReplayBuffer
from experiences import close_buffers, dreamed, experience, open_buffer, random_experience


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_buffers()


def contents(buffer: ExperienceReplayBuffer) -> set[Experience]:
    return set(buffer.sample_balanced(len(buffer)))


def test_the_promised_calls_work() -> None:
    buffer = ExperienceReplayBuffer(BufferConfig(capacity=100000))
    buffer.add_experience(experience())
    assert buffer.sample_balanced(batch_size=64) == (experience(),)
    buffer.close()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (experience(state=" "), Refusal.EMPTY),
        (experience(next_state=""), Refusal.EMPTY),
        (experience(action="x" * 10_000), Refusal.TOO_LONG),
        (experience(action="go\x00"), Refusal.UNREADABLE),
        (experience(next_state="\ud800"), Refusal.UNREADABLE),
        (experience(reward=float("nan")), Refusal.NOT_FINITE),
        (dreamed(reward=1.0), Refusal.EARLY_REWARD),
        (dreamed(reward=7.0, terminated=True), Refusal.STRANGE_REWARD),
        (experience(task_id="held out"), Refusal.EVALUATION_TASK),
    ],
)
def test_bad_experiences_are_refused_and_counted(bad: Experience, reason: Refusal) -> None:
    buffer = open_buffer(evaluation_tasks=["held out"])
    report = buffer.add_experiences([bad, experience("good")])
    assert (report.added, report.refused) == (1, {reason: 1})
    assert buffer.metrics()[f"replay/refused/{reason}"] == 1
    assert len(buffer) == 1


def test_odd_but_true_experiences_are_taken() -> None:
    odd = [
        experience(action=""),
        experience(state="table:\n\tname\tprice\n", action="日本 é 🙂"),
        experience(action="tip", reward=-3.5),
        experience(action="a bonus before the end", reward=0.5),
        dreamed(action="win", reward=1.0, terminated=True),
    ]
    assert open_buffer().add_experiences(odd).added == len(odd)


def test_the_same_outcome_is_kept_once_and_the_real_one_wins() -> None:
    buffer = open_buffer()
    first, again, real = dreamed("a"), dreamed("a", id="later"), experience("a", id="real")
    assert buffer.add_experiences([first, again]).refused == {Refusal.DUPLICATE: 1}
    assert buffer.add_experience(real).replaced == 1
    assert contents(buffer) == {real}
    assert buffer.add_experience(first).refused == {Refusal.DUPLICATE: 1}
    assert buffer.add_experiences([dreamed("b"), experience("b")]).replaced == 1
    assert contents(buffer) == {real, experience("b")}
    assert buffer.add_experience(replace(real, next_state="It is locked.")).added == 1


def test_one_turn_is_not_flooded_by_dreams() -> None:
    buffer = open_buffer()
    dreams = [dreamed("a", next_state=f"You see {n} mugs.") for n in range(MAX_DREAMS_OF_A_TURN + 2)]
    assert buffer.add_experiences(dreams).refused == {Refusal.COMMON_TURN: 2}
    assert buffer.add_experience(experience("a", next_state="You see nothing.")).added == 1


def test_dreams_of_the_oldest_policy_go_first_and_real_ones_last() -> None:
    buffer = open_buffer(capacity=4)
    real = [experience(f"real {n}") for n in range(3)]
    old, new = dreamed("old", policy_version=1), dreamed("new", policy_version=2)
    buffer.add_experiences([real[0], new, old, real[1]])
    assert buffer.add_experience(real[2]).evicted == 1
    assert contents(buffer) == {*real, new}
    buffer.add_experience(dreamed("older", policy_version=0))
    assert contents(buffer) == {*real, new}
    more = [experience(f"real {n}") for n in range(3, 6)]
    buffer.add_experiences(more)
    assert contents(buffer) == {real[2], *more}


def trajectory(*texts: str, origin: Origin = Origin.REAL, **changes: object) -> Trajectory:
    """An episode through the states ``texts``, won in the end."""
    last = len(texts) - 2
    transitions = tuple(
        Transition(
            state=texts[turn],
            action=Action(text=f"act {turn}"),
            reward=float(turn == last),
            next_state=texts[turn + 1],
            terminated=turn == last,
        )
        for turn in range(last + 1)
    )
    task = Task(id="task 7", environment="house", instruction="win.", task_type="easy")
    fields = {"id": "t7", "stop_reason": StopReason.TERMINATED, "policy_version": 3} | changes
    return Trajectory(task=task, origin=origin, transitions=transitions, **fields)


def test_trajectories_become_experiences_with_their_provenance() -> None:
    buffer = open_buffer()
    won = trajectory("A", "B", "C", origin=Origin.DREAMED)
    assert buffer.add_groups([Group(task=won.task, trajectories=(won,))]).added == 2
    last = next(e for e in buffer.sample_balanced(2) if e.turn == 1)
    assert (last.id, last.state, last.action, last.next_state, last.reward) == (
        "t7/1",
        "B",
        "act 1",
        "C",
        1.0,
    )
    assert (last.origin, last.policy_version, last.success, last.task_type) == (
        Origin.DREAMED,
        3,
        True,
        "easy",
    )
    assert (last.trajectory_id, last.task_id, last.terminated) == ("t7", "task 7", True)


def test_broken_and_invalid_episodes_are_refused() -> None:
    buffer = open_buffer()
    good = trajectory("A", "B", "C", "D")
    torn = replace(good, transitions=(good.transitions[0], good.transitions[2]))
    assert buffer.add_trajectories([torn]).refused == {Refusal.BROKEN_CHAIN: 1}
    invalid = good.ended(StopReason.INVALID_DREAM, detail="no verdict")
    assert buffer.add_trajectories([invalid]).refused == {Refusal.INVALID_DREAM: 3}


def test_neighbours_are_near_and_never_ones_own() -> None:
    buffer = open_buffer()
    fridge = experience("fridge", action="open fridge 1", trajectory_id="mine")
    other = experience("fridge", action="open fridge 1", next_state="It is locked.", trajectory_id="other")
    far = experience("lamp", action="use lamp 1", trajectory_id="other")
    buffer.add_experiences([fridge, far, other])
    found = buffer.neighbours("You see a fridge.", "open fridge 1", exclude_trajectory="mine", k=2)
    assert found == (other, far)
    assert buffer.neighbours("You see a fridge.", "open fridge 1", k=1) == (other,)  # the newest of equals
    assert buffer.neighbours("anything", "at all", exclude_trajectory="other", k=9) == (fridge,)
    assert open_buffer().neighbours("a", "b", k=3) == ()
    assert buffer.neighbours("a", "b", k=0) == ()


def test_of_equally_near_neighbours_the_real_one_comes_first() -> None:
    buffer = open_buffer()
    real, dream = experience("a"), dreamed("a", next_state="Something else.")
    buffer.add_experiences([real, dream])
    assert buffer.neighbours(real.state, real.action, k=2) == (real, dream)


def test_coroutines_that_ask_at_once_find_what_each_would_alone() -> None:
    buffer, rng = open_buffer(), Random(3)
    rows = [random_experience(n, rng) for n in range(120)]
    buffer.add_experiences(rows)

    async def ask() -> list[tuple[Experience, ...]]:
        questions = (
            buffer.aneighbours(e.state, e.action, exclude_trajectory=e.trajectory_id, k=n % 4)
            for n, e in enumerate(rows)
        )
        return await asyncio.gather(*questions)

    alone = [
        buffer.neighbours(e.state, e.action, exclude_trajectory=e.trajectory_id, k=n % 4)
        for n, e in enumerate(rows)
    ]
    assert asyncio.run(ask()) == alone


def test_sampling_is_balanced_by_origin_outcome_and_type() -> None:
    buffer = open_buffer(capacity=1000)
    rng = Random(0)
    buffer.add_experiences(random_experience(n, rng) for n in range(600))
    buffer.add_experiences(experience(f"rare {n}", task_type="rare", success=True) for n in range(2))
    batch = buffer.sample_balanced(80)
    assert len(set(batch)) == 80
    assert Counter(e.origin for e in batch) == {Origin.REAL: 40, Origin.DREAMED: 40}
    assert set(Counter((e.origin, e.success) for e in batch).values()) == {20}
    assert sum(e.task_type == "rare" for e in batch) == 2


def test_equal_seeds_draw_equal_batches() -> None:
    rng = Random(0)
    rows = [random_experience(n, rng) for n in range(200)]
    one, two, other = open_buffer(rng=Random(1)), open_buffer(rng=Random(1)), open_buffer(rng=Random(2))
    for buffer in (one, two, other):
        buffer.add_experiences(rows)
    draws = [[buffer.sample_balanced(5) for _ in range(3)] for buffer in (one, two, other)]
    assert draws[0] == draws[1] != draws[2]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    capacity=st.integers(1, 40),
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6),
)
def test_whatever_comes_the_rules_hold(seed: int, capacity: int, sizes: list[int]) -> None:
    rng = Random(seed)
    buffer = open_buffer(capacity=capacity, evaluation_tasks=["task 0", "task 1"])
    offered: list[Experience] = []
    for size in sizes:
        batch = [random_experience(len(offered) + n, rng) for n in range(size)]
        offered += batch
        report = buffer.add_experiences(batch)
        assert report.added + sum(report.refused.values()) == size
        assert len(buffer) <= capacity
    kept = contents(buffer)
    assert len(kept) == len(buffer)
    assert kept <= set(offered)
    outcomes = [(e.state, e.action, e.next_state, e.reward, e.terminated) for e in kept]
    assert len(set(outcomes)) == len(outcomes)
    assert not {e.task_id for e in kept} & {"task 0", "task 1"}
    query = rng.choice(offered) if offered else experience()
    found = buffer.neighbours(query.state, query.action, exclude_trajectory=query.trajectory_id, k=5)
    buffer.close()
    assert len(found) == min(5, sum(e.trajectory_id != query.trajectory_id for e in kept))
    assert query.trajectory_id not in {e.trajectory_id for e in found}


def test_after_a_failed_write_dreams_still_go_before_real_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = open_buffer(capacity=3)

    def full(*_: object) -> None:
        raise StoreError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(buffer._store, "write", full)
        with pytest.raises(StoreError):
            buffer.add_experiences([dreamed("a"), dreamed("b")])
    real = [experience(name) for name in ("c", "d", "e")]
    buffer.add_experiences([*real[:2], dreamed("f")])
    buffer.add_experience(real[2])  # one must go: the dream
    assert {e.origin for e in buffer.sample_balanced(9)} == {Origin.REAL}
