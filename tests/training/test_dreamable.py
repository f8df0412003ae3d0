"""Whoever asks for a dream that is not shipped is told how to make it, and never given another world's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from documents import ROOT
from dreamgym.cli.main import app
from dreamgym.cli.play import _opener
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.models.sheet import is_told
from dreamgym.training.dreamable import check_dreamable
from dreamgym.training.grounds import check_available, open_grounds
from dreamgym.training.settings import RunFlags, resolve

WORLDS = ["taubench", "webarena", "webshop"]
DREAMS = ["buffer.synthetic_ratio=1", "training.phases=[{world: dream, iterations: 1}]"]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(
    "command",
    [
        ["play", "--dream"],
        ["play", "--dream", "reasoning_model.context=quotes"],
        ["fidelity"],
        ["train", *DREAMS],
        ["train", "environment.offline_data=."],  # would be evaluated in a dream
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_one_line_says_how_to_make_it(
    world: str, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*command, "--env", world], input="\n")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.output
    assert f"no dream of '{world}' is shipped" in result.stderr
    assert f"sh examples/dreams/{world}.sh" in result.stderr
    assert f"--config configs/{world}_dream.yaml" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("world", WORLDS)
def test_what_trains_for_real_needs_none_until_one_is_asked_for(world: str) -> None:
    config = resolve(RunFlags(env=world))
    check_available(config)
    with pytest.raises(UnavailableError, match="no dream of"), open_grounds(config, dream=True):
        pass


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (RunFlags(env="traces"), "dreamgym train --traces FILE"),
        (RunFlags(env="webshop", overrides=["reasoning_model.name=mine"]), "in environment.offline_data"),
    ],
    ids=["traces", "no data"],
)
def test_others_are_told_what_is_missing(flags: RunFlags, message: str) -> None:
    with pytest.raises((ConfigError, UnavailableError), match=message):
        check_dreamable(resolve(flags))


def test_a_dream_that_was_made_is_played_in_the_tasks_own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamgym.training.grounds.open_dream", lambda config: None)
    config = resolve(RunFlags(config=ROOT / "configs/taubench_dream.yaml"))
    _, task = asyncio.run(_opener(config, "shop:valid:7", None, None, dream=True)())
    assert task.sheet is not None
    assert is_told(task.sheet)
