"""Every command line in the documentation is one that the program understands."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from documents import ROOT, code_blocks
from dreamgym.cli.main import app
from dreamgym.core.config_io import load_config
from dreamgym.training.manifest import checkpoint_path
from dreamgym.training.settings import RunFlags, resolve

PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").glob("*.md")))]
OVERRIDE = re.compile(r"[a-z_]+(\.[a-z_]+)+=.+")
USERS_OWN = {"configs/custom.yaml"}  # a name that stands for the reader's file


def documented_commands() -> list[tuple[str, ...]]:
    """The DreamGym command lines of all bash blocks, as argument vectors."""
    found: dict[tuple[str, ...], None] = {}
    for page in PAGES:
        for block in code_blocks(page, "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                for command in split_at(words, "&&"):
                    if command[:1] == ["dreamgym"] or command[1:2] == ["-m"]:
                        found[tuple(command)] = None
    return list(found)


def split_at(words: list[str], separator: str) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word == separator:
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def after(command: tuple[str, ...], flag: str) -> str | None:
    return next((value for word, value in pairwise(command) if word == flag), None)


COMMANDS = documented_commands()
EVALUATIONS = [command for command in COMMANDS if after(command, "--checkpoint")]


def test_the_documentation_has_commands() -> None:
    assert ("dreamgym", "train") in COMMANDS
    assert ("python", "-m", "dreamgym.training.train") in COMMANDS


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_program_understands(command: tuple[str, ...]) -> None:
    program, arguments = app, command[1:]
    if command[0] == "python":
        program, arguments = import_module(command[2]).app, command[3:]
    result = CliRunner().invoke(program, [*arguments, "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_its_settings_can_be_set(command: tuple[str, ...]) -> None:
    path = after(command, "--config")
    overrides = [word for word in command if OVERRIDE.fullmatch(word)]
    load_config(None if path is None or path in USERS_OWN else ROOT / Path(path), overrides)


@pytest.mark.parametrize("command", EVALUATIONS, ids=" ".join)
def test_what_is_evaluated_lies_where_it_was_trained(command: tuple[str, ...]) -> None:
    """Where its environment trains, or a documented run with a configuration of ours does."""
    configs = {path for run in COMMANDS if "train" in run and (path := after(run, "--config"))} - USERS_OWN
    trained = [resolve(RunFlags(config=ROOT / path)) for path in sorted(configs)]
    trained.append(resolve(RunFlags(env=after(command, "--env"))))
    folder = Path(after(command, "--checkpoint") or "").parent
    assert folder in {config.training.output_dir for config in trained}


@pytest.mark.parametrize("env", ["alfworld", "webshop", "webarena", "taubench"])
def test_every_environment_writes_where_the_promised_command_reads(env: str) -> None:
    config = resolve(RunFlags(env=env, num_iterations=100, batch_size=64, use_wandb=True, seed=42))
    last = sum(phase.iterations for phase in config.training.phases)
    written = checkpoint_path(config.training.output_dir, last)
    assert written == Path("data/checkpoints/policy_iter_0100.json")


def test_a_wrong_command_would_be_noticed() -> None:
    assert CliRunner().invoke(app, ["train", "--no-such-flag", "--help"]).exit_code != 0
    assert CliRunner().invoke(app, ["no-such-command", "--help"]).exit_code != 0
