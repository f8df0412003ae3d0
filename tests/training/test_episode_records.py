"""Episodes as JSON lines: what was played can be read back, is bounded, and stands beside its replay."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

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
from dreamgym.core.serialization import decode
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.panels import game_of, generated_tasks
from dreamgym.environments.alfworld.replay import replay
from dreamgym.environments.judged import JudgedEpisode, JudgedTurn
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories
from dreamgym.training.domains.household import Household
from dreamgym.training.episode_records import (
    MAX_CHARACTERS,
    MAX_TURNS,
    SHOWN,
    EpisodeRecord,
    GroupRecord,
    episode_record,
    evenly,
    replayed_records,
    write_episodes,
    write_groups,
)

TASK = Task(id="t", environment="e", instruction="put a mug in shelf.", task_type="pick", opening="A room.")


def turn(text: str, **changes: object) -> Transition:
    made = Transition(state="A room.", action=Action(text=text), reward=0.0, next_state=f"You {text}.")
    return replace(made, **changes)


def dreamed(*turns: Transition, id: str = "d", **changes: object) -> Trajectory:
    made = Trajectory(
        id=id, task=TASK, origin=Origin.DREAMED, transitions=turns, stop_reason=StopReason.TURN_LIMIT
    )
    return replace(made, **changes)


def judged(trajectory: Trajectory, *, real: str | None = None) -> JudgedEpisode:
    """A replay in which the world says the same, or ``real`` to everything."""
    turns = tuple(
        JudgedTurn(
            action=t.action.text,
            dreamed_state=t.next_state,
            real_state=t.next_state if real is None else real,
            dreamed_reward=t.reward,
            real_reward=0.0,
        )
        for t in trajectory.transitions
    )
    return JudgedEpisode(turns=turns, dreamed_success=trajectory.success, real_success=False)


def read(path: Path, kind: type) -> list:
    return [decode(kind, json.loads(line)) for line in path.read_text().splitlines()]


def test_an_episode_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    last = turn("go", reward=1.0, terminated=True, reasoning="> mug", changes=(("mug 1", "in hand"),))
    trajectory = dreamed(
        turn("lone \ud800", valid=False),
        last,
        sheet=Sheet(facts=(("mug 1", "in shelf 1"),)),
        stop_reason=StopReason.TERMINATED,
    )
    record = episode_record(trajectory, judged(trajectory, real="Nothing happens."))
    write_episodes(tmp_path / "e.jsonl", [record, episode_record(trajectory)])
    first, second = read(tmp_path / "e.jsonl", EpisodeRecord)
    assert first == record
    assert (first.outcome, first.real_success, first.opening) == ("won", False, "A room.")
    assert first.turns[0].action == "lone \ud800"
    assert first.turns[1].changes == (("mug 1", "in hand"),)
    assert first.turns[1].real_answer == "Nothing happens."
    assert (second.real_success, second.turns[1].real_answer) == (None, None)


def test_records_are_bounded_and_say_what_they_leave_out(tmp_path: Path) -> None:
    huge = turn("x" * 1_000_000, reasoning="y" * 1_000_000, changes=(("k" * 1_000_000, "v"),))
    record = episode_record(dreamed(*[huge] * (MAX_TURNS + 3)))
    assert (len(record.turns), record.left_out) == (MAX_TURNS, 3)
    assert record.turns[0].action == "x" * MAX_CHARACTERS + " … (992,000 characters more)"
    write_episodes(tmp_path / "e.jsonl", [record])
    assert (tmp_path / "e.jsonl").stat().st_size < 5 * 9_000 * MAX_TURNS


def test_episodes_that_differ_come_first_and_are_at_most_half() -> None:
    episodes = [dreamed(turn("go"), id=str(n)) for n in range(20)]
    replays = [
        judged(t, real="Nothing happens." if n in (7, 8, 12, 15, 19) else None)
        for n, t in enumerate(episodes)
    ]
    records = replayed_records(episodes, replays)
    assert [record.id for record in records[:3]] == ["7", "8", "12"]
    assert len({record.id for record in records}) == SHOWN
    assert [record.id for record in replayed_records(episodes[:2], replays[:2])] == ["0", "1"]
    assert replayed_records([], []) == ()


def test_evenly_spread() -> None:
    assert evenly([*"abcdefgh"], 3) == ["a", "c", "f"]
    assert evenly([*"ab"], 3) == ["a", "b"]
    assert evenly([], 3) == []


def test_a_real_episode_replayed_from_its_sheet_tells_the_same() -> None:
    settings = CollectSettings(shares={"expert": 1.0}, mistake_rate=0.0, max_turns=20)
    (real,) = collect_trajectories(islice(generated_tasks(310_000), 1), settings, cast=Household(), seed=3)
    dream = replace(real, origin=Origin.DREAMED, sheet=sheet_of_game(game_of(real.task)))
    record = episode_record(dream, replay(dream))
    assert record.turns
    assert [t.real_answer for t in record.turns] == [t.answer for t in record.turns]
    assert record.real_success is real.success


def test_a_group_keeps_its_returns_and_counts_what_failed(tmp_path: Path) -> None:
    task = replace(TASK, origin=TaskOrigin.SYNTHETIC, parent_id="p")
    won = dreamed(turn("go", reward=1.0, terminated=True), stop_reason=StopReason.TERMINATED)
    broken = dreamed(stop_reason=StopReason.INVALID_DREAM)
    write_groups(tmp_path / "g.jsonl", [Group(task=task, trajectories=(won, dreamed(turn("sit")), broken))])
    (record,) = read(tmp_path / "g.jsonl", GroupRecord)
    assert (record.returns, record.failed, record.world) == ((1.0, 0.0), 1, Origin.DREAMED)
    assert (record.task_origin, record.parent_id, record.instruction) == (
        TaskOrigin.SYNTHETIC,
        "p",
        TASK.instruction,
    )
