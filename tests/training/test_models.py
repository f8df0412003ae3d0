"""The models of a run: one that was fitted for another context is not read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.errors import ConfigError
from dreamgym.training.models import ASSETS, FIT_RECORD, experience_client
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


def test_a_model_of_somebody_elses_is_read_as_asked(folder: Path) -> None:
    (folder / FIT_RECORD).unlink()
    experience_client(asked(folder, context="history"))
