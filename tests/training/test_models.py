"""The models of a run: one that was fitted for another context is not read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from dreamgym.core.config import PolicyModelConfig, ReasoningModelConfig
from dreamgym.core.errors import ConfigError, ModelError
from dreamgym.models.causal_lm import load_causal_lm
from dreamgym.training.fit import POLICY_FIT, fit_policy
from dreamgym.training.fit_start import FitChoices, Start, fit_settings
from dreamgym.training.models import ASSETS, FIT_RECORD, experience_client, load_policy
from dreamgym.utils import atomic


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ASSETS / "experience", tmp_path / "model")
    return tmp_path / "model"


def asked(folder: Path, **settings: object) -> ReasoningModelConfig:
    return ReasoningModelConfig.model_validate({"name": str(folder), **settings})


def test_a_model_is_read_in_the_context_that_it_was_fitted_for(folder: Path) -> None:
    atomic.write_json(folder / FIT_RECORD, {"context": "history", "reasoning": False})
    experience_client(asked(folder, context="history", reasoning=False))
    with pytest.raises(ConfigError, match=r"was fitted for history: set reasoning_model\.context=history"):
        experience_client(asked(folder))
    with pytest.raises(ConfigError, match=r"was fitted for false: set reasoning_model\.reasoning=false"):
        experience_client(asked(folder, context="history"))
    atomic.write_json(folder / FIT_RECORD, {"context": "sheet", "reasoning": True, "history": 2, "top_k": 0})
    experience_client(asked(folder, context="sheet", history=2, top_k=0))
    with pytest.raises(ConfigError, match=r"was fitted for 2: set reasoning_model\.history=2"):
        experience_client(asked(folder, context="sheet", top_k=0))
    with pytest.raises(ConfigError, match=r"was fitted for 0: set reasoning_model\.top_k=0"):
        experience_client(asked(folder, context="sheet", history=2))


def test_a_model_that_cannot_be_read_is_told(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.truncate(1000)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_policy(PolicyModelConfig(name=str(folder)))
    with pytest.raises(ModelError, match="cannot be loaded"):
        experience_client(asked(folder))
    (folder / FIT_RECORD).write_text("{")
    with pytest.raises(ConfigError, match="is damaged"):
        experience_client(asked(folder))


def test_a_fit_refuses_a_foreign_folder_before_it_reads_its_data(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(FileExistsError, match=r"thesis\.txt, which would be lost"):
        fit_policy(tmp_path / "no data", tmp_path, choices=FitChoices())


def test_what_is_chosen_of_a_fit_takes_the_place_of_what_is_usual() -> None:
    loaded = load_causal_lm(str(ASSETS / "policy"), dtype=torch.float32, device=torch.device("cpu"))
    start = Start(model=loaded.model, tokenizer=loaded.tokenizer)
    usual = fit_settings(POLICY_FIT, start, FitChoices())
    assert (usual.batch_tokens, usual.epochs) == (POLICY_FIT.batch_tokens, POLICY_FIT.epochs)
    chosen = fit_settings(POLICY_FIT, start, FitChoices(batch_tokens=2_048, epochs=0.5))
    assert (chosen.batch_tokens, chosen.epochs, chosen.learning_rate) == (2_048, 0.5, usual.learning_rate)


def test_half_a_character_is_read_as_any_other_text() -> None:
    client = experience_client(ReasoningModelConfig())
    assert client.complete("\naction: \ud800", max_tokens=1).usage.prompt_tokens > 1


def test_a_model_of_somebody_elses_is_read_as_asked(folder: Path) -> None:
    (folder / FIT_RECORD).unlink()
    experience_client(asked(folder, context="history"))
