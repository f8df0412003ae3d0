"""``dreamgym train --traces``: from files of traces to a run; both models are fitted on them first.

In the run's folder: ``traces`` (the data set, where files were named), ``fitted/experience`` and
``fitted/policy``. What was fitted on the same data with the same settings is not fitted again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel
from transformers import PreTrainedTokenizerFast

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import DataError
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.models.dream_format import render_answer
from dreamgym.models.tokenizer import encode
from dreamgym.training.annotation import NO_SHEET, plainly
from dreamgym.training.embedded import make_tokenizer
from dreamgym.training.fit import EPISODE_LENGTH, EXPERIENCE_FIT, fit_experience, fit_policy, policy_rows
from dreamgym.training.fit_rows import cut
from dreamgym.training.fit_start import FitChoices
from dreamgym.training.models import EMBEDDED
from dreamgym.training.offline_data import MANIFEST, read_manifest, read_trajectories
from dreamgym.training.settings import TRACES
from dreamgym.training.traces.convert import reward_told
from dreamgym.training.traces.ingest import Ingest
from dreamgym.utils import atomic
from dreamgym.utils.progress import Reporter

FIT_STEPS = 400  # of each model: what a small world takes
MOST_ANSWER_TOKENS, MOST_ACTION_TOKENS, MOST_TURNS = 1_024, 256, 50
ROOM = 2  # times the longest text of the traces: what nobody has said yet may be longer
COUNTED = 2_000  # trajectories that are looked at for lengths


def prepare(
    config: DreamGymConfig, named: Sequence[Path], reporter: Reporter, *, steps: int | None
) -> DreamGymConfig:
    """The configuration of a run on the traces that are ``named``: files, or the folder of ingested ones.

    ``steps`` of each fit; by default as many as a small world takes.

    Raises:
        DataError: the folder holds other data, no trace is won, or the files cannot be read.
    """
    folder = _data(named, config.training.output_dir / "traces", reporter)
    trajectories = list(read_trajectories(folder / "train.jsonl.gz"))
    _check_wins(trajectories, folder)
    fitted = config.training.output_dir.absolute() / "fitted"
    needs = _Needs(
        experience=config.reasoning_model.name == EMBEDDED, policy=config.policy_model.name == EMBEDDED
    )
    _fit(config, folder, trajectories, fitted, needs, steps or FIT_STEPS)
    environment = config.environment.model_copy(update={"offline_data": folder})
    return _with_models(config.model_copy(update={"environment": environment}), trajectories, fitted, needs)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Needs:
    """Which models are to be fitted; the others were named by the user."""

    experience: bool
    policy: bool


def _data(named: Sequence[Path], place: Path, reporter: Reporter) -> Path:
    """The folder of ingested traces; files are ingested into ``place`` first."""
    if len(named) == 1 and (named[0] / MANIFEST).is_file():
        if read_manifest(named[0]).get("environment") != TRACES:
            raise DataError(f"{named[0]} holds other data than traces: it is for environment.offline_data")
        return named[0].absolute()
    reading = Ingest(folder=place, reporter=reporter)
    reading.run(named)
    for line in [line for report in reading.reports for line in report.lines()]:
        reporter.line(line)
    return place.absolute()


def _check_wins(trajectories: Sequence[Trajectory], folder: Path) -> None:
    """Refuse data that could teach a dream no reward."""
    if not any(trajectory.success for trajectory in trajectories):
        told = sum(reward_told(trajectory) for trajectory in trajectories)
        raise DataError(
            f"none of the {len(trajectories)} traces in {folder} is won ({told} tell how they ended), so a "
            'dream of them would never pay: say how each ended in a field such as "reward", 1 for done'
        )


def _fit(
    config: DreamGymConfig,
    folder: Path,
    trajectories: Sequence[Trajectory],
    fitted: Path,
    needs: _Needs,
    steps: int,
) -> None:
    """Fit what is needed, unless it was fitted on the same data with the same settings before."""
    seed = config.training.seed
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    tokens = _tokens(trajectories)
    for name, needed in (("experience", needs.experience), ("policy", needs.policy)):
        asked = {"data": digest, "seed": seed, "steps": steps}
        record = fitted / f"{name}.json"
        if not needed or (record.is_file() and json.loads(record.read_text("utf-8")) == asked):
            continue
        epochs = steps * EXPERIENCE_FIT.batch_tokens / tokens
        choices = FitChoices(seed=seed, epochs=epochs)
        print(f"fitting the {name} model on the traces, about {steps} steps")
        if name == "experience":
            fit_experience(folder, fitted / name, form=config.reasoning_model, choices=choices)
        else:
            fit_policy(folder, fitted / name, choices=choices)
        atomic.write_json(record, asked)


def _tokens(trajectories: Sequence[Trajectory]) -> int:
    """About how many tokens an epoch reads, from the first trajectories."""
    few = trajectories[:COUNTED]
    rows = cut(policy_rows(few, make_tokenizer(few)), EPISODE_LENGTH)
    return max(1, round(sum(len(row.token_ids) for row in rows) * len(trajectories) / len(few)))


def _with_models(
    config: DreamGymConfig, trajectories: Sequence[Trajectory], fitted: Path, needs: _Needs
) -> DreamGymConfig:
    """The configuration with the fitted models, and room for what the traces say where it names none."""
    sizes = {"environment": {name: _turns(trajectories) for name in ("max_turns", "dream_max_turns")}}
    if needs.experience:
        most = _longest(fitted / "experience", (render_answer(t.answer) for t in _answers(trajectories)))
        sizes["reasoning_model"] = {"max_answer_tokens": min(MOST_ANSWER_TOKENS, most)}
    if needs.policy:
        most = _longest(fitted / "policy", (f" {turn.action}" for turn in _answers(trajectories)))
        sizes["policy_model"] = {
            "max_action_tokens": min(MOST_ACTION_TOKENS, most),
            "context_length": EPISODE_LENGTH,
        }
    sections: dict[str, BaseModel] = {
        "environment": config.environment,
        "reasoning_model": config.reasoning_model,
        "policy_model": config.policy_model,
    }
    named = {"reasoning_model": ("experience", needs.experience), "policy_model": ("policy", needs.policy)}
    updated = {}
    for name, section in sections.items():
        model, is_fitted = named.get(name, ("", False))
        free = {k: v for k, v in sizes.get(name, {}).items() if k not in section.model_fields_set}
        updated[name] = section.model_copy(update=free | ({"name": str(fitted / model)} if is_fitted else {}))
    return config.model_copy(update=updated)


def _answers(trajectories: Sequence[Trajectory]) -> Iterator[AnnotatedTurn]:
    for trajectory in trajectories[:COUNTED]:
        yield from plainly(trajectory, NO_SHEET)


def _turns(trajectories: Sequence[Trajectory]) -> int:
    return min(MOST_TURNS, max(len(trajectory.transitions) for trajectory in trajectories))


def _longest(folder: Path, texts: Iterable[str]) -> int:
    """Room for the longest text, in tokens."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    return ROOM * max(len(encode(tokenizer, text)) for text in set(texts))
