"""``dreamgym fit``: the shipped models from scratch, out of offline trajectories.

``fit_experience`` minimises Eq. 5 on annotated turns and on whole sheets; ``fit_policy`` clones the behaviour
of the offline players, which is why the starting policy is weak.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from dreamgym.core.data_structures import Experience, Origin, Sheet, Trajectory
from dreamgym.environments.alfworld import catalogue
from dreamgym.environments.alfworld.annotate import AnnotatedTurn, annotate, hindsight_sheet, without_unseen
from dreamgym.models.embedding import HashingEmbedder, embed_turns
from dreamgym.models.sheet import UNSEEN, place_of, places, unseen_places
from dreamgym.models.tiny import new_tiny_model
from dreamgym.models.tokenizer import build_tokenizer, learn_phrases
from dreamgym.training.fit_rows import RowMaker, episode_segments, sheet_segments, turn_segments
from dreamgym.training.policy import one_line
from dreamgym.training.supervised import FitStep, Row, SupervisedConfig, fit

EXPERIENCE_LAYERS, POLICY_LAYERS = 3, 4
POOL = 20_000  # experiences that neighbours are retrieved from while fitting
MOST_NEIGHBOURS = 2


def vocabulary_names() -> list[str]:
    """Every kind of the catalogue with every number that a room may hold, and a few more."""
    most: Counter[str] = Counter()
    for room in catalogue.ROOMS.values():
        for kind, counts in room.receptacles.items():
            most[kind] = max(most[kind], max(counts))
        for kind, contents in room.contents.items():
            most[kind] = max(most[kind], len(contents.counts) - 1)
    return [f"{kind} {number}" for kind in sorted(most) for number in range(1, max(8, most[kind] + 4) + 1)]


def make_tokenizer(trajectories: Sequence[Trajectory]) -> PreTrainedTokenizerFast:
    """The tokenizer of both embedded models, made from the trajectories' own text."""
    texts = {one_line(t.next_state) for trajectory in trajectories for t in trajectory.transitions}
    texts |= {one_line(trajectory.transitions[0].state) for trajectory in trajectories}
    actions = {t.action.text for trajectory in trajectories for t in trajectory.transitions}
    spoken = [line for line in sorted(texts) if "Your task is to" not in line]
    opening = [line.split(" Your task is to:")[0] for line in sorted(texts) if "Your task is to" in line]
    phrases = learn_phrases([*spoken, *sorted(actions), *opening])
    fields = "\n task: like: then: at: hand: action: sees: room: options: next: set"
    marks = "holds; nothing, none unseen closed open surface middle in hand hot cool clean sliced on -> = : | \\ n"
    heads = [f"\n{head}:" for head in ("task", "like", "then", "at", "hand", "action", "sees", "room", "options", "next")]
    heads += ["\n>", "\nok", "\nfail", "\nset", "\nend", *(f"\nreward: {r}" for r in "01"), "\ndone: no", "\ndone: yes"]
    instructions = sorted({f" {trajectory.task.instruction}" for trajectory in trajectories})
    kinds = " ".join([*catalogue.RECEPTACLE_KINDS, *catalogue.THING_KINDS])
    words = [*(f" {text}" for text in sorted(texts)), *(f" {a}" for a in sorted(actions)), fields, f" {marks} {kinds}"]
    return build_tokenizer(vocabulary_names(), [*words, *instructions, *heads], phrases)


def usual_status(sheets: Sequence[Sheet]) -> dict[str, str]:
    """By kind of place, the status it most often starts with."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for sheet in sheets:
        for key, value in sheet.facts:
            if place_of(value) is None and UNSEEN not in value:
                seen[key.rpartition(" ")[0]][value] += 1
    return {kind: counts.most_common(1)[0][0] for kind, counts in seen.items()}


def annotated(trajectories: Sequence[Trajectory]) -> list[tuple[Trajectory, Sheet, list[AnnotatedTurn]]]:
    """Each trajectory with its hindsight sheet and its annotated turns."""
    sheets = [hindsight_sheet(trajectory) for trajectory in trajectories]
    usual = usual_status(sheets)
    return [
        (trajectory, sheet, list(annotate(trajectory, without_unseen(sheet, usual))))
        for trajectory, sheet in zip(trajectories, sheets, strict=True)
    ]


def experiences_of(trajectory: Trajectory) -> list[Experience]:
    """The real experiences of a trajectory, as the replay buffer would hold them."""
    task = trajectory.task
    return [
        Experience(
            id=f"{trajectory.id}/{turn}",
            task_id=task.id,
            environment=task.environment,
            instruction=task.instruction,
            task_type=task.task_type,
            state=t.state,
            action=t.action.text,
            next_state=t.next_state,
            reward=t.reward,
            terminated=t.terminated,
            reasoning="",
            origin=Origin.REAL,
            trajectory_id=trajectory.id,
            turn=turn,
            success=trajectory.success,
        )
        for turn, t in enumerate(trajectory.transitions)
    ]


def retrieved(experiences: Sequence[Experience], rng: random.Random) -> list[tuple[Experience, ...]]:
    """For each experience 0 to 2 neighbours from a pool, never of its own task."""
    pool = sorted(rng.sample(range(len(experiences)), min(POOL, len(experiences))))
    vectors_ND = embed_turns(HashingEmbedder(256), [e.state for e in experiences], [e.action for e in experiences])
    owners = np.asarray([hash_of(e.task_id) for e in experiences])
    found: list[tuple[Experience, ...]] = []
    for start in range(0, len(experiences), 1024):
        scores_NP = vectors_ND[start : start + 1024] @ vectors_ND[pool].T
        scores_NP[owners[start : start + 1024, None] == owners[pool][None]] = -2.0
        best_NK = np.argpartition(-scores_NP, MOST_NEIGHBOURS, axis=1)[:, :MOST_NEIGHBOURS]
        for row, columns in enumerate(best_NK):
            ranked = sorted(columns, key=lambda c, row=row: -scores_NP[row, c])
            found.append(tuple(experiences[pool[c]] for c in ranked[: rng.randrange(MOST_NEIGHBOURS + 1)]))
    return found


def hash_of(text: str) -> int:
    """A stable number for a text."""
    from zlib import crc32

    return crc32(text.encode())


def experience_rows(
    trajectories: Sequence[Trajectory], tokenizer: PreTrainedTokenizerFast, seed: int
) -> list[Row]:
    """Eq. 5: one row per annotated turn, and one per sheet that is fully known."""
    rng = random.Random(seed)
    maker = RowMaker(tokenizer)
    items = annotated(trajectories)
    neighbours = iter(retrieved([e for trajectory, _, _ in items for e in experiences_of(trajectory)], rng))
    rows: list[Row] = []
    for trajectory, sheet, turns in items:
        instruction = trajectory.task.instruction
        rows += [maker.row(turn_segments(instruction, turn, next(neighbours))) for turn in turns]
        if not unseen_places(sheet) and places(sheet):
            rows.append(maker.row(sheet_segments(instruction, sheet)))
    return rows


def policy_rows(trajectories: Sequence[Trajectory], tokenizer: PreTrainedTokenizerFast) -> list[Row]:
    """Behaviour cloning: one row per episode."""
    maker = RowMaker(tokenizer)
    return [maker.row(episode_segments(trajectory)) for trajectory in trajectories]


def save_fitted(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path, record: dict[str, object]
) -> None:
    """A plain Hugging Face folder in bfloat16, with the record of how it was made."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    (folder / "fit.json").write_text(json.dumps(record, indent=1) + "\n")


def run_fit(
    rows: Sequence[Row],
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    config: SupervisedConfig,
    *,
    layers: int,
    max_length: int,
    report: Callable[[FitStep], None],
) -> Qwen3ForCausalLM:
    """Train a fresh tiny model on ``rows`` and save it."""
    model = new_tiny_model(tokenizer, layers=layers, seed=config.seed, max_length=max_length)
    curve: list[tuple[int, float]] = []

    def note(step: FitStep) -> None:
        curve.append((step.step, round(step.loss, 4)))
        report(step)

    fit(model, rows, config, report=note)
    record = {"settings": asdict(config), "rows": len(rows), "layers": layers, "curve": list(thinned(curve))}
    save_fitted(model, tokenizer, folder, record)
    return model


def thinned(curve: Sequence[tuple[int, float]], most: int = 100) -> Iterator[tuple[int, float]]:
    """At most ``most`` points of a curve, each the mean of its stretch."""
    stretch = max(1, len(curve) // most)
    for start in range(0, len(curve), stretch):
        part = curve[start : start + stretch]
        yield part[0][0], round(sum(loss for _, loss in part) / len(part), 4)
