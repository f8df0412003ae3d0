"""Every YAML that ships loads, resolves to itself, and says what it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from documents import ROOT
from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import dump_config, load_config

CONFIGS = sorted((ROOT / "configs").glob("**/*.y*ml"))
PROMISED = {"default.yaml", "alfworld.yaml", "debug.yaml"}


def test_the_promised_configurations_are_there() -> None:
    assert {path.name for path in CONFIGS} >= PROMISED


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_it_loads_and_reads_back_the_same(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    written = tmp_path / "resolved.yaml"
    written.write_text(dump_config(config), "utf-8")
    assert load_config(written) == config


def test_the_default_one_says_every_setting_at_its_default() -> None:
    path = ROOT / "configs" / "default.yaml"
    said = yaml.safe_load(path.read_text("utf-8"))
    assert load_config(path) == DreamGymConfig()
    assert keys(said) == keys(DreamGymConfig().model_dump(mode="json"))


def keys(values: dict[str, Any], place: str = "") -> set[str]:
    """The dotted names of all settings."""
    return {
        name
        for key, value in values.items()
        for name in (keys(value, f"{place}{key}.") if isinstance(value, dict) else {place + key})
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_it_opens_with_what_it_is_for(path: Path) -> None:
    assert path.read_text("utf-8").startswith("# "), f"{path.name}: the first line says what the file is for"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_paths_in_it_hold_on_every_machine(path: Path) -> None:
    def leaves(value: object) -> list[str]:
        if isinstance(value, dict):
            return [leaf for inner in value.values() for leaf in leaves(inner)]
        if isinstance(value, list):
            return [leaf for inner in value for leaf in leaves(inner)]
        return [value] if isinstance(value, str) else []

    absolute = [
        text for text in leaves(yaml.safe_load(path.read_text("utf-8"))) if text.startswith(("/", "~"))
    ]
    assert not absolute
