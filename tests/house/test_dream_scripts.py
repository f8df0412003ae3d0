"""The scripts that make the dreams which are not shipped: the pages' own commands, each run once."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from documents import ROOT, code_blocks

WORLDS = ("taubench", "webshop", "webarena")
STAND_IN = """#!/bin/sh
echo "$@" >> calls
for word; do [ "$word" != "$FAILS_AT" ] || exit 3; done
case "$1" in collect | fit) mkdir -p "$word" ;; esac
"""


def script_of(world: str) -> Path:
    return ROOT / "examples" / "dreams" / f"{world}.sh"


def commands_of(world: str) -> list[str]:
    lines = script_of(world).read_text("utf-8").splitlines()
    return [re.sub("^once ", "", line) for line in lines if re.match("(once )?dreamgym ", line)]


def run(world: str, folder: Path, fails_at: str = "") -> tuple[int, list[str]]:
    """Run the script with a stand-in for the program; its exit status, and what was called."""
    program = folder / "bin" / "dreamgym"
    program.parent.mkdir(exist_ok=True)
    program.write_text(STAND_IN)
    program.chmod(0o755)
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "FAILS_AT": fails_at}
    status = subprocess.run(
        ["sh", str(script_of(world))], cwd=folder, env=environment, check=False
    ).returncode
    return status, calls.read_text().splitlines()


@pytest.mark.parametrize("world", WORLDS)
def test_the_script_has_the_commands_of_the_page(world: str) -> None:
    blocks = [block.splitlines() for block in code_blocks(f"docs/{world}.md", "bash")]
    assert commands_of(world) in blocks


@pytest.mark.parametrize("world", WORLDS)
def test_it_goes_on_where_it_was_stopped(world: str, tmp_path: Path) -> None:
    commands = [" ".join(shlex.split(line)[1:]) for line in commands_of(world)]
    second = commands[1].split()[-1]
    assert run(world, tmp_path, fails_at=second) == (3, commands[:2])
    assert run(world, tmp_path) == (0, commands[1:])
    made = sum(line.startswith("once ") for line in script_of(world).read_text("utf-8").splitlines())
    assert run(world, tmp_path) == (0, commands[made:])  # what is measured and trained is no folder of theirs
    assert {"fidelity", "train"} <= {command.split()[0] for command in commands[made:]}
