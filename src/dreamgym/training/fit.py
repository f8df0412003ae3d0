"""``dreamgym fit``: the shipped models from scratch, out of offline trajectories.

``fit_experience`` minimises Eq. 5 on annotated turns and on whole sheets; ``fit_policy`` clones the
explorers, steady and distracted, among the offline players: none that knows what it was not shown.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.models.tiny import new_tiny_model
from dreamgym.training.collect import player_of, without_mistakes
from dreamgym.training.embedded import make_tokenizer
from dreamgym.training.experience_rows import experience_rows
from dreamgym.training.fit_progress import FitProgress, fit_identity
from dreamgym.training.fit_rows import RowMaker, cut, episode_segments
from dreamgym.training.models import FIT_RECORD
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.state_files import disk_errors
from dreamgym.training.supervised import FitStep, Row, SupervisedConfig, fit
from dreamgym.utils import atomic
from dreamgym.utils.progress import make_reporter

EXPERIENCE_LAYERS, POLICY_LAYERS = 3, 4
TURN_LENGTH, EPISODE_LENGTH = 1024, 4096  # tokens that a context may hold
CLONED = ("weak", "explorer")
EXPERIENCE_FIT = SupervisedConfig(epochs=1.0, learning_rate=3e-3, batch_tokens=8_192)
POLICY_FIT = SupervisedConfig(epochs=2.0, learning_rate=3e-3, batch_tokens=8_192)
LINE_EVERY = 50


def fit_experience(
    data: Path,
    output: Path,
    *,
    form: ReasoningModelConfig,
    seed: int = 0,
    epochs: float = EXPERIENCE_FIT.epochs,
    base: Path | None = None,
) -> None:
    """Train the experience model on the offline data in ``data``; from ``base`` where one is given.

    ``form`` says in which context it answers, and whether it reasons before.
    """
    _check_place(output)
    trajectories = list(read_trajectories(data / "train.jsonl.gz"))
    length = TURN_LENGTH if form.context == "quotes" else EPISODE_LENGTH
    start = _start(trajectories, base, layers=EXPERIENCE_LAYERS, max_length=length, seed=seed)
    with make_reporter().stage("annotating episodes", len(trajectories)) as advance:
        rows = experience_rows(trajectories, start.tokenizer, form, seed, advance)
    rows = _readable(rows, length)
    asked = {"context": form.context, "reasoning": form.reasoning}
    _fit_tiny(rows, start, output, _config(EXPERIENCE_FIT, epochs, seed, base), asked)


def fit_policy(
    data: Path,
    output: Path,
    *,
    seed: int = 0,
    epochs: float = POLICY_FIT.epochs,
    base: Path | None = None,
) -> None:
    """Clone the explorers in ``data``, distracted ones too; from ``base`` where one is given.

    Logs of somebody else's, which do not say who played, are cloned whole.
    """
    _check_place(output)
    trajectories = list(read_trajectories(data / "train.jsonl.gz"))
    start = _start(trajectories, base, layers=POLICY_LAYERS, max_length=EPISODE_LENGTH, seed=seed)
    cloned = [without_mistakes(t) for t in trajectories if player_of(t) in (*CLONED, "")]
    rows = _readable(policy_rows(cloned, start.tokenizer), EPISODE_LENGTH)
    _fit_tiny(rows, start, output, _config(POLICY_FIT, epochs, seed, base))


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """The model to train, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast


def _start(
    trajectories: Sequence[Trajectory], base: Path | None, *, layers: int, max_length: int, seed: int
) -> Start:
    """A fresh tiny model with a tokenizer made from the data, or both as they lie in ``base``."""
    if base is None:
        tokenizer = make_tokenizer(trajectories)
        model = new_tiny_model(tokenizer, layers=layers, seed=seed, max_length=max_length)
        return Start(model=model, tokenizer=tokenizer)
    if not (base / "config.json").is_file():
        raise ConfigError(
            f"--base {base} holds no config.json, wanted the folder of a Hugging Face causal LM"
        )
    return Start(
        model=AutoModelForCausalLM.from_pretrained(base, local_files_only=True, dtype=torch.float32),
        tokenizer=PreTrainedTokenizerFast.from_pretrained(base, local_files_only=True),
    )


def _readable(rows: Sequence[Row], length: int) -> list[Row]:
    """The rows as far as the model can read them; others' traces may be of any length."""
    if longer := sum(len(row.token_ids) > length for row in rows):
        print(f"{longer:,} of {len(rows):,} rows are longer than {length:,} tokens: learned up to there")
    return cut(rows, length)


def _check_place(output: Path) -> None:
    """Refuse, before hours of work, to put a model where something else lies; an earlier one is replaced."""
    if not (output / "config.json").is_file():
        atomic.refuse_foreign(output, ())


def _config(shipped: SupervisedConfig, epochs: float, seed: int, base: Path | None) -> SupervisedConfig:
    """The shipped settings; what is trained already is trained on at half the rate."""
    if not 0.0 < epochs < math.inf:
        raise ConfigError(f"--epochs is {epochs}, wanted a number above 0, such as 0.5")
    rate = shipped.learning_rate if base is None else shipped.learning_rate / 2
    return replace(shipped, epochs=epochs, seed=seed, learning_rate=rate)


def policy_rows(trajectories: Sequence[Trajectory], tokenizer: PreTrainedTokenizerFast) -> list[Row]:
    """Behaviour cloning: one row per episode."""
    maker = RowMaker(tokenizer)
    return [maker.row(episode_segments(trajectory)) for trajectory in trajectories]


def _fit_tiny(
    rows: Sequence[Row],
    start: Start,
    folder: Path,
    config: SupervisedConfig,
    form: Mapping[str, str | bool] = MappingProxyType({}),
) -> None:
    """Train on ``rows``: a Hugging Face folder in bfloat16, with a record of the fit and of its ``form``."""
    if not rows:
        raise DataError(f"the data has no episode to fit on, so {folder} is left as it is")
    model, tokenizer = start.model, start.tokenizer
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)  # type: ignore[arg-type]  # the wrapper in transformers loses `self`
    kept = FitProgress(
        folder=folder.with_name(f".unfinished-{folder.name}"), identity=fit_identity(model, rows, config)
    )
    try:
        fit(model, rows, config, report=_say(kept.curve), keeper=kept)
    except KeyboardInterrupt:
        print(f"interrupted: {kept.folder} is kept, the same command continues", file=sys.stderr)
        raise
    with atomic.new_folder(folder) as made:
        with disk_errors(made):
            model.to("cpu", torch.bfloat16).save_pretrained(made)  # type: ignore[arg-type]
        tokenizer.save_pretrained(made)
        curve = list(thinned(kept.curve))
        record = {"settings": asdict(config), **form, "rows": len(rows), "curve": curve}
        atomic.write_json(made / FIT_RECORD, record)
    AutoTokenizer.from_pretrained(folder, local_files_only=True)  # it loads with plain transformers
    kept.remove()
    print(f"written to {folder}")


def _say(curve: Sequence[float]) -> Callable[[FitStep], None]:
    """A line now and then; ``curve`` holds the losses of the steps before."""

    def say(step: FitStep) -> None:
        if step.step % LINE_EVERY == LINE_EVERY - 1 or step.step + 1 == step.steps:
            recent = [*curve[-LINE_EVERY + 1 :], step.loss]
            print(
                f"step {step.step + 1} of {step.steps}: loss {sum(recent) / len(recent):.4f}, "
                f"{step.tokens_per_second:,.0f} tokens/s, {step.minutes:.1f} min",
                flush=True,
            )

    return say


def thinned(curve: Sequence[float], most: int = 100) -> Iterator[tuple[int, float]]:
    """At most about ``most`` points of a curve as (step, mean loss of its stretch)."""
    stretch = max(1, len(curve) // most)
    for start in range(0, len(curve), stretch):
        part = curve[start : start + stretch]
        yield start, round(sum(part) / len(part), 4)
