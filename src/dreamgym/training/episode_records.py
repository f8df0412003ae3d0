"""Episodes and groups as JSON lines beside the text: what ``dreamgym report`` reads.

Few and bounded: some episodes of each evaluation, audit and iteration, long texts cut with a note. A dreamed
episode carries what the real rules answer to the same actions, where somebody replayed it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dreamgym.core.data_structures import Group, Origin, Sheet, TaskOrigin, Trajectory, Transition
from dreamgym.core.serialization import encode
from dreamgym.environments.judged import JudgedEpisode, JudgedTurn
from dreamgym.training.episode_text import episodes_text, outcome
from dreamgym.utils import atomic

SHOWN = 6  # episodes recorded at a time
MAX_TURNS = 100
MAX_FACTS = 200
MAX_CHARACTERS = 8_000  # of one text
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRecord:
    """A turn: the agent's action, the answer, and what the real rules answered; None where nobody asked."""

    action: str
    answer: str
    reward: float = 0.0
    valid: bool = True
    reasoning: str = ""
    changes: tuple[tuple[str, str], ...] = ()
    real_answer: str | None = None
    real_reward: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeRecord:
    """An episode; ``left_out`` turns are not recorded."""

    id: str
    task_id: str
    instruction: str
    task_type: str = ""
    origin: Origin
    outcome: str
    detail: str = ""
    opening: str = ""
    sheet: Sheet | None = None
    turns: tuple[TurnRecord, ...] = ()
    left_out: int = 0
    real_success: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRecord:
    """How a task went in one iteration: the returns of its scored episodes, and how many failed."""

    task_id: str
    instruction: str
    task_type: str = ""
    task_origin: TaskOrigin = TaskOrigin.SEED
    parent_id: str | None = None
    world: Origin
    returns: tuple[float, ...] = ()
    failed: int = 0


def episode_record(trajectory: Trajectory, replayed: JudgedEpisode | None = None) -> EpisodeRecord:
    """What a reader is shown of ``trajectory``."""
    turns = trajectory.transitions[:MAX_TURNS]
    judged = [None] * len(turns) if replayed is None else replayed.turns[:MAX_TURNS]
    facts = trajectory.sheet.facts[:MAX_FACTS] if trajectory.sheet else ()
    return EpisodeRecord(
        id=cut(trajectory.id),
        task_id=cut(trajectory.task.id),
        instruction=cut(trajectory.task.instruction),
        task_type=cut(trajectory.task.task_type),
        origin=trajectory.origin,
        outcome=outcome(trajectory),
        detail=cut(trajectory.detail),
        opening=cut(trajectory.transitions[0].state if trajectory.transitions else trajectory.task.opening),
        sheet=Sheet(facts=tuple((cut(key), cut(value)) for key, value in facts)) if facts else None,
        turns=tuple(_turn(*pair) for pair in zip(turns, judged, strict=True)),
        left_out=len(trajectory.transitions) - len(turns),
        real_success=None if replayed is None else replayed.real_success,
    )


def replayed_records(
    trajectories: Sequence[Trajectory], replays: Sequence[JudgedEpisode]
) -> tuple[EpisodeRecord, ...]:
    """At most ``SHOWN`` of them: up to half are told otherwise by the real world, the rest spread evenly."""
    pairs = list(zip(trajectories, replays, strict=True))
    differing = [n for n, replay in enumerate(replays) if not all(turn.exact for turn in replay.turns)]
    chosen = differing[: SHOWN // 2]
    others = [n for n in range(len(pairs)) if n not in chosen]
    return tuple(episode_record(*pairs[n]) for n in [*chosen, *evenly(others, SHOWN - len(chosen))])


def evenly(items: Sequence[T], number: int) -> list[T]:
    """At most ``number`` of ``items``, spread over them."""
    count = min(number, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def write_episodes(path: Path, episodes: Iterable[EpisodeRecord]) -> None:
    """One line of JSON per episode."""
    _write_lines(path, episodes)


def write_groups(path: Path, groups: Iterable[Group]) -> None:
    """One line of JSON per group."""
    _write_lines(path, map(_group_record, groups))


def cut(text: str, most: int = MAX_CHARACTERS) -> str:
    """``text``, its end replaced by a note where it is too long."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most:,} characters more)"


def _turn(turn: Transition, judged: JudgedTurn | None) -> TurnRecord:
    return TurnRecord(
        action=cut(turn.action.text),
        answer=cut(turn.next_state),
        reward=turn.reward,
        valid=turn.valid,
        reasoning=cut(turn.reasoning),
        changes=tuple((cut(key), cut(value)) for key, value in turn.changes[:MAX_FACTS]),
        real_answer=None if judged is None else cut(judged.real_state),
        real_reward=0.0 if judged is None else judged.real_reward,
    )


def _group_record(group: Group) -> GroupRecord:
    task = group.task
    return GroupRecord(
        task_id=cut(task.id),
        instruction=cut(task.instruction),
        task_type=cut(task.task_type),
        task_origin=task.origin,
        parent_id=task.parent_id,
        world=group.trajectories[0].origin,
        returns=group.returns,
        failed=len(group.trajectories) - len(group.scored),
    )


def _write_lines(path: Path, records: Iterable[object]) -> None:
    # ASCII alone: a lone surrogate in a text can be written, and reads back as itself.
    atomic.write_text(path, "".join(json.dumps(encode(record)) + "\n" for record in records))


def write_iteration(
    folder: Path, iteration: int, groups: Sequence[Group], audited: Sequence[EpisodeRecord]
) -> None:
    """What an iteration leaves to be read: a group as text, two of its episodes and those ``audited`` by a
    replay as lines, and how every task went.
    """
    shown = groups[0].trajectories
    atomic.write_text(folder / f"rollouts_{iteration:04d}.txt", episodes_text(shown))
    write_episodes(folder / f"rollouts_{iteration:04d}.jsonl", map(episode_record, shown[:2]))
    if audited:
        write_episodes(folder / f"audited_{iteration:04d}.jsonl", audited)
    write_groups(folder / f"tasks_{iteration:04d}.jsonl", groups)
