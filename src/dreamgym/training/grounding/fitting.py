"""The models of the grid: alike in size, data and steps; each reads any history and any retrieval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from dreamgym.core.data_structures import Trajectory
from dreamgym.training.experience_rows import experience_rows
from dreamgym.training.fit import EPISODE_LENGTH, EXPERIENCE_FIT, EXPERIENCE_LAYERS, TURN_LENGTH, fit_to
from dreamgym.training.fit_rows import cut
from dreamgym.training.fit_start import FitChoices, starting_model
from dreamgym.training.grounding.grid import HISTORIES, ModelForm
from dreamgym.training.supervised import Row
from dreamgym.utils.seeds import derive_seed

TOP_K = 2
# Of the episodes: short windows, whose rows repeat the sheet, shall not take most of the tokens.
SHARES = {None: 0.6, 2: 0.25, 0: 0.15}


def fit_form(
    form: ModelForm, trajectories: Sequence[Trajectory], folder: Path, *, steps: int, seed: int
) -> None:
    """Fit a tiny model for ``steps`` of 8,192 tokens into ``folder``; an interrupted fit goes on."""
    choices = FitChoices(seed=seed)
    length = TURN_LENGTH if form.context == "quotes" else EPISODE_LENGTH
    start = starting_model(trajectories, choices, layers=EXPERIENCE_LAYERS, max_length=length)
    rows: list[Row] = []
    for history, part in parts(form, trajectories, seed):
        settings = form.settings(top_k=TOP_K, history=history)
        rows += cut(experience_rows(part, start.tokenizer, settings, seed), length)
    epochs = steps * EXPERIENCE_FIT.batch_tokens / sum(len(row.token_ids) for row in rows)
    config = replace(EXPERIENCE_FIT, epochs=epochs, seed=seed)
    fit_to(rows, start, folder, config, {"context": form.context, "reasoning": form.reasoning})


def parts(
    form: ModelForm, trajectories: Sequence[Trajectory], seed: int
) -> Iterator[tuple[int | None, list[Trajectory]]]:
    """The episodes that are shown with each history; quotes read none."""
    if form.context == "quotes":
        yield 0, list(trajectories)
        return
    shuffled = list(trajectories)
    Random(derive_seed(seed, "histories")).shuffle(shuffled)
    begin, share = 0, 0.0
    for history in HISTORIES:
        share += SHARES[history]
        end = round(share * len(shuffled))
        yield history, shuffled[begin:end]
        begin = end
