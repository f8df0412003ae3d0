"""``dreamgym fit``: experience models and policies out of offline trajectories, from scratch or on any base.

``fit_experience`` minimises Eq. 5 on annotated turns and on whole sheets; ``fit_policy`` clones offline
players, in ALFWorld the explorers, steady and distracted: none that knows what it was not shown.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import cast

import torch
from torch import nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.models.adapter import ADAPTER_CONFIG
from dreamgym.training.cast import POLICY
from dreamgym.training.chat import dialogues_of
from dreamgym.training.collect import player_of, without_mistakes
from dreamgym.training.experience_rows import experience_rows
from dreamgym.training.fit_progress import FitProgress, fit_identity
from dreamgym.training.fit_rows import cut, episode_rows
from dreamgym.training.fit_start import FitChoices, Start, fit_settings, starting_model
from dreamgym.training.models import FIT_RECORD
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.settings import ALFWORLD, TAUBENCH, WEBARENA
from dreamgym.training.state_files import disk_errors
from dreamgym.training.supervised import FitStep, Part, Row, SupervisedConfig, fit
from dreamgym.training.taught import to_fit
from dreamgym.utils import atomic
from dreamgym.utils.progress import make_reporter

EXPERIENCE_LAYERS, POLICY_LAYERS = 3, 4
TURN_LENGTH, EPISODE_LENGTH = 2048, 4096  # tokens that a context may hold; a turn's, or a sheet's
# Players who act on what they were shown; elsewhere all but those that know the solution, or nothing.
CLONED = {
    ALFWORLD: ("weak", "explorer"),
    TAUBENCH: ("expert", "weak"),
    WEBARENA: ("expert", "mistaken", "careless"),
}
NOT_CLONED = ("random", "expert", POLICY)
FORM = {"context", "reasoning", "top_k", "history"}  # what an experience model is fitted to
EXPERIENCE_FIT = SupervisedConfig(epochs=1.0, learning_rate=3e-3, batch_tokens=8_192)
POLICY_FIT = SupervisedConfig(epochs=2.0, learning_rate=3e-3, batch_tokens=8_192)
LINE_EVERY_S = 30.0


def fit_experience(data: Path, output: Path, *, form: ReasoningModelConfig, choices: FitChoices) -> None:
    """Train the experience model on the offline data in ``data``.

    ``form`` says in which context it answers, and whether it reasons before.
    """
    if form.context == "instructed":
        raise ConfigError(
            "--context instructed is for models that are not fitted: choose quotes, sheet or history"
        )
    _check_place(output)
    trajectories, form, note = to_fit(list(read_trajectories(data / "train.jsonl.gz")), form)
    if note:
        print(note)
    length = TURN_LENGTH if form.context == "quotes" else EPISODE_LENGTH
    start = starting_model(trajectories, choices, layers=EXPERIENCE_LAYERS, max_length=length)
    settings = fit_settings(EXPERIENCE_FIT, start, choices)
    with make_reporter().stage("annotating episodes", len(trajectories)) as advance:
        rows = experience_rows(trajectories, start.tokenizer, form, choices.seed, advance)
    rows = _readable(rows, start)
    fit_to(rows, start, output, settings, form.model_dump(include=FORM))


def fit_policy(data: Path, output: Path, *, choices: FitChoices) -> None:
    """Clone the players in ``data`` that are worth it.

    Logs of somebody else's, which do not say who played, are cloned whole.
    """
    _check_place(output)
    trajectories = list(read_trajectories(data / "train.jsonl.gz"))
    start = starting_model(trajectories, choices, layers=POLICY_LAYERS, max_length=EPISODE_LENGTH)
    cloned = [to_clone(trajectory) for trajectory in trajectories if is_cloned(trajectory)]
    rows = _readable(policy_rows(cloned, start.tokenizer), start)
    fit_to(rows, start, output, fit_settings(POLICY_FIT, start, choices))


def is_cloned(trajectory: Trajectory) -> bool:
    """Whether its player is worth it, or unknown: what is to be learned is left to be learned."""
    player, known = player_of(trajectory), CLONED.get(trajectory.task.environment)
    return player not in NOT_CLONED if known is None else player in (*known, "")


def to_clone(trajectory: Trajectory) -> Trajectory:
    """The player's own turns; outside ALFWorld none that the world refused, which would be learned, too."""
    own = without_mistakes(trajectory)
    accepted = tuple(turn for turn in own.transitions if turn.valid)
    if trajectory.task.environment == ALFWORLD or not accepted:
        return own
    return replace(own, transitions=accepted)


def _readable(rows: Sequence[Row], start: Start) -> list[Row]:
    """The rows as far as the model can read them; others' traces may be of any length."""
    length = int(start.model.config.max_position_embeddings)
    if longer := sum(len(row.token_ids) > length for row in rows):
        print(f"{longer:,} of {len(rows):,} rows are longer than {length:,} tokens: learned up to there")
    return cut(rows, length)


def _check_place(output: Path) -> None:
    """Refuse, before hours of work, to put a model where something else lies; an earlier one is replaced."""
    if not ((output / "config.json").is_file() or (output / ADAPTER_CONFIG).is_file()):
        atomic.refuse_foreign(output, ())


def policy_rows(trajectories: Sequence[Trajectory], tokenizer: PreTrainedTokenizerBase) -> list[Row]:
    """Behaviour cloning: one row per episode, more where the model's chat template rewrites its history."""
    dialogues = dialogues_of(tokenizer)
    with make_reporter().stage("reading episodes", len(trajectories)) as advance:
        rows: list[Row] = []
        for trajectory in trajectories:
            rows += episode_rows(trajectory, dialogues)
            advance()
    return rows


def fit_to(
    rows: Sequence[Row],
    start: Start,
    folder: Path,
    config: SupervisedConfig,
    form: Mapping[str, str | bool | int | None] = MappingProxyType({}),
) -> None:
    """Train on ``rows``: a folder for transformers or peft, with a record of the fit and of its ``form``."""
    if not rows:
        raise DataError(f"the data has no episode to fit on, so {folder} is left as it is")
    kept = FitProgress(
        folder=folder.with_name(f".unfinished-{folder.name}"),
        identity=fit_identity(start.model, rows, config),
    )
    try:
        fit(start.model, rows, config, report=progress_lines(), keeper=kept)
    except KeyboardInterrupt:
        print(f"interrupted: {kept.folder} is kept, the same command continues", file=sys.stderr)
        raise
    with atomic.new_folder(folder) as made:
        _save(start, made)
        curve = list(thinned(kept.curve))
        record = {"settings": asdict(config), **form, "rows": len(rows), "curve": curve}
        atomic.write_json(made / FIT_RECORD, record)
    AutoTokenizer.from_pretrained(folder, local_files_only=True)  # it loads with plain transformers
    kept.remove()
    print(f"written to {folder}")


def _save(start: Start, folder: Path) -> None:
    """The model in bfloat16, or its adapter alone."""
    with disk_errors(folder):
        if start.adapter is not None:
            start.adapter.write(folder)
        else:
            cast(nn.Module, start.model).to("cpu", torch.bfloat16)
            start.model.save_pretrained(folder)
    start.tokenizer.save_pretrained(folder)


def progress_lines() -> Callable[[FitStep], None]:
    """A line for the first step, for the last, and for what was done since a line half a minute ago."""
    sums: dict[Part, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    recent: list[float] = []
    due = 0.0  # minutes

    def say(step: FitStep) -> None:
        nonlocal due
        recent.append(step.loss)
        for part, (total, count) in step.parts.items():
            sums[part] = (sums[part][0] + total, sums[part][1] + count)
        if step.minutes >= due or step.step + 1 == step.steps:
            due = step.minutes + LINE_EVERY_S / 60
            by_part = ", ".join(
                f"{part.name.lower().replace('_', ' ')} {total / count:.4f}"
                for part, (total, count) in sorted(sums.items())
            )
            print(
                f"step {step.step + 1} of {step.steps}: loss {sum(recent) / len(recent):.4f} ({by_part}), "
                f"{step.tokens_per_second:,.0f} tokens/s, {step.minutes:.1f} min",
                flush=True,
            )
            sums.clear()
            recent.clear()

    return say


def thinned(curve: Sequence[float], most: int = 100) -> Iterator[tuple[int, float]]:
    """At most about ``most`` points of a curve as (step, mean loss of its stretch)."""
    stretch = max(1, len(curve) // most)
    for start in range(0, len(curve), stretch):
        part = curve[start : start + stretch]
        yield start, round(sum(part) / len(part), 4)
