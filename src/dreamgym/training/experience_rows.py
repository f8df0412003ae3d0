"""Eq. 5 as rows: offline trajectories with their reasoning traces R*, their neighbours and their sheets."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from zlib import crc32

import numpy as np
from transformers import PreTrainedTokenizerBase

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Experience, Sheet, Task, Trajectory
from dreamgym.environments.alfworld.hindsight import without_unseen
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.models.embedding import HashingEmbedder, embed_turns
from dreamgym.models.quality import experiences_of
from dreamgym.models.sheet import UNSEEN, kind_of, place_of, what_is_known
from dreamgym.training.annotation import annotator_of, hindsight_of
from dreamgym.training.fit_rows import RowMaker, dream_segments, sheet_segments, turn_segments
from dreamgym.training.supervised import Row
from dreamgym.training.taught import is_taught, taught_rows, uses_teacher
from dreamgym.utils.progress import Advance
from dreamgym.utils.seeds import derive_seed

POOL = 4_000  # experiences that neighbours are retrieved from while fitting
MOST_NEIGHBOURS = 2
CHUNK = 2_048
SHOWN_LIKES = 0.3  # of the turns of a window


def usual_status(sheets: Sequence[Sheet]) -> dict[str, str]:
    """By kind of place, the status it most often starts with."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for sheet in sheets:
        for key, value in sheet.facts:
            if place_of(value) is None and UNSEEN not in value:
                seen[kind_of(key)][value] += 1
    return {kind: counts.most_common(1)[0][0] for kind, counts in seen.items()}


def retrieved(
    experiences: Sequence[Experience], rng: random.Random, most: int = MOST_NEIGHBOURS
) -> Iterator[tuple[Experience, ...]]:
    """For each experience 0 to ``most`` of its nearest neighbours in a pool, never of its own task."""
    pool = [experiences[i] for i in sorted(rng.sample(range(len(experiences)), min(POOL, len(experiences))))]
    embedder = HashingEmbedder(256)
    pool_PD = embed_turns(embedder, [e.state for e in pool], [e.action for e in pool])
    owners_P = np.asarray([crc32(e.task_id.encode()) for e in pool])
    for start in range(0, len(experiences), CHUNK):
        part = experiences[start : start + CHUNK]
        scores_NP = embed_turns(embedder, [e.state for e in part], [e.action for e in part]) @ pool_PD.T
        owners_N = np.asarray([crc32(e.task_id.encode()) for e in part])
        scores_NP[owners_N[:, None] == owners_P[None]] = -2.0
        for scores_P in scores_NP:
            nearest = []
            for _ in range(most):
                best = int(scores_P.argmax())
                nearest += [pool[best]] if scores_P[best] > 0.0 else []
                scores_P[best] = -3.0
            yield tuple(nearest[: rng.randrange(most + 1)])


def experience_rows(
    trajectories: Sequence[Trajectory],
    tokenizer: PreTrainedTokenizerBase,
    config: ReasoningModelConfig,
    seed: int,
    advance: Advance = lambda: None,
) -> list[Row]:
    """The rows that teach a model to answer in ``config``'s context, and to imagine sheets.

    ``advance`` hears of every trajectory that is done.
    """
    maker = RowMaker(tokenizer)
    if uses_teacher(config) and all(map(is_taught, trajectories)):
        return taught_rows(trajectories, maker, advance)
    sheets = [] if config.context == "history" else sheet_rows(trajectories, maker)
    annotated = annotated_turns(trajectories, advance)
    neighbours = neighbours_of(trajectories, config, seed)
    if config.context == "quotes":
        return turn_rows(trajectories, annotated, neighbours, maker) + sheets
    return window_rows(trajectories, annotated, neighbours, maker, config, seed) + sheets


def shown_sheets(trajectories: Sequence[Trajectory]) -> dict[str, Sheet]:
    """By task, what all its trajectories have shown of the world that they began in."""
    shown: dict[str, list[Sheet]] = defaultdict(list)
    tasks: dict[str, Task] = {}
    for trajectory in trajectories:
        tasks[trajectory.task.id] = trajectory.task
        shown[trajectory.task.id].append(hindsight_of(trajectory))
    return {
        id: annotator_of(tasks[id]).together(sorted(each, key=what_is_known, reverse=True))
        for id, each in shown.items()
    }


def annotated_turns(trajectories: Sequence[Trajectory], advance: Advance) -> Iterator[list[AnnotatedTurn]]:
    """The turns of each trajectory with their reasoning traces R*.

    They start from what all trajectories of a task have shown: who lost never learned what would have won.
    """
    sheets = shown_sheets(trajectories)
    usual = usual_status([sheets[trajectory.task.id] for trajectory in trajectories])
    for trajectory in trajectories:
        start = without_unseen(sheets[trajectory.task.id], usual)
        yield list(annotator_of(trajectory.task).annotate(trajectory, start))
        advance()


def neighbours_of(
    trajectories: Sequence[Trajectory], config: ReasoningModelConfig, seed: int
) -> Iterator[tuple[Experience, ...]]:
    """Turn by turn, what is retrieved for it."""
    if not config.top_k:
        return repeat(())
    everything = [experience for trajectory in trajectories for experience in experiences_of(trajectory)]
    return retrieved(everything, random.Random(seed), min(config.top_k, MOST_NEIGHBOURS))


def turn_rows(
    trajectories: Sequence[Trajectory],
    annotated: Iterable[list[AnnotatedTurn]],
    neighbours: Iterator[tuple[Experience, ...]],
    maker: RowMaker,
) -> list[Row]:
    """One row per turn, with the experiences retrieved for it."""
    return [
        maker.row(turn_segments(trajectory.task.instruction, turn, next(neighbours)))
        for trajectory, turns in zip(trajectories, annotated, strict=True)
        for turn in turns
    ]


def window_rows(
    trajectories: Sequence[Trajectory],
    annotated: Iterable[list[AnnotatedTurn]],
    neighbours: Iterator[tuple[Experience, ...]],
    maker: RowMaker,
    config: ReasoningModelConfig,
    seed: int,
) -> list[Row]:
    """One row per window of ``config.history`` turns and the one that they lead to, or per episode.

    A turn that is past is shown without what was retrieved for it, so few turns of a window have anything.
    """
    rng = random.Random(derive_seed(seed, "windows"))
    rows = []
    for trajectory, turns in zip(trajectories, annotated, strict=True):
        near = [next(neighbours) for _ in turns]
        for start, end in windows(len(turns), config.history, rng):
            kept = [n if end - start == 1 or rng.random() < SHOWN_LIKES else () for n in near[start:end]]
            segments = dream_segments(
                trajectory.task.instruction,
                trajectory.transitions[start].state,
                turns[start:end],
                kept,
                keeps_sheet=config.context == "sheet",
                reasoning=config.reasoning,
            )
            rows.append(maker.row(segments))
    return rows


def windows(turns: int, history: int | None, rng: random.Random) -> Iterator[tuple[int, int]]:
    """Where windows of ``history`` + 1 turns begin and end in an episode; a part of one comes first."""
    if history is None:
        yield 0, turns
        return
    start, end = 0, rng.randint(1, history + 1)
    while start < turns:
        yield start, min(end, turns)
        start, end = end, end + history + 1


def sheet_rows(trajectories: Sequence[Trajectory], maker: RowMaker) -> list[Row]:
    """One row per task whose sheet is to be imagined where nobody has seen all of it."""
    imagined = [trajectory for trajectory in trajectories if annotator_of(trajectory.task).imagines]
    instructions = {trajectory.task.id: trajectory.task.instruction for trajectory in imagined}
    sheets = shown_sheets(imagined)
    return [maker.row(sheet_segments(instructions[id], sheet)) for id, sheet in sheets.items()]
