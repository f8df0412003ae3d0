"""Our engine beside the stock one (extra ``[alfworld]``), on the same random commands."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from alfworld_data import game_file, needs_data, records
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.official import load_game_file

REASON = "the stock engine is not installed: pip install -e '.[alfworld]'"
textworld = pytest.importorskip("textworld", reason=REASON)
stock = pytest.importorskip("alfworld.agents.environment.alfred_tw_env", reason=REASON)
pytestmark = [needs_data, pytest.mark.slow]
NONSENSE = (
    "",
    " ",
    "dance",
    "take",
    "go to",
    "go to nowhere 1",
    "take apple 1 from",
    "\x00",
    "l\x1bok",
    "look " * 200_000,
)


@pytest.mark.parametrize("index", [0, 400, 1200, 2000, 2800, 3500])
def test_both_engines_answer_alike(index: int, tmp_path: Path) -> None:
    record = records("train", index + 1)[index]
    assert play_both(record, tmp_path / "game.tw-pddl", seed=index, turns=40) == 40


def play_both(record: dict[str, Any], path: Path, *, seed: int, turns: int) -> int:
    """Play ``turns`` random commands in both engines and assert that every answer is the same."""
    engine = _stock_engine(record, path)
    world = World(load_game_file(path))
    state = engine.reset()
    assert (world.reset(), world.admissible()) == (state.feedback, state["admissible_commands"])
    rng = random.Random(seed)
    seen: set[str] = set()
    for turn in range(turns):
        seen.update(world.admissible())
        command = random_command(rng, world.admissible(), sorted(seen))
        state, score, done = engine.step(command)
        outcome = world.step(command)
        ours = (outcome.observation, world.admissible(), outcome.score, outcome.done, outcome.won)
        theirs = (state.feedback, state["admissible_commands"], score, done, state["won"])
        assert ours == theirs, f"{record['id']}, seed {seed}, turn {turn}: {command[:80]!r}"
    return turns


def random_command(rng: random.Random, admissible: list[str], seen: list[str]) -> str:
    """Mostly a valid command, every verb as likely as any other; else a stale, bent or senseless one."""
    chance = rng.random()
    if chance < 0.05:
        return rng.choice(NONSENSE)
    if chance < 0.15:
        return rng.choice(seen)
    verb = rng.choice(sorted({command.split()[0] for command in admissible} - {"help"}))
    command = rng.choice([command for command in admissible if command.startswith(verb)])
    if chance < 0.25:
        bend = rng.choice(
            [str.upper, str.title, lambda text: f" \t{text}\r\n", lambda text: text.replace(" ", "  ")]
        )
        return bend(command)
    if chance < 0.3:
        words = command.split()
        return " ".join(words[: rng.randrange(len(words))])
    return command


def _stock_engine(record: dict[str, Any], path: Path) -> Any:
    path.write_text(game_file(record), encoding="utf-8")
    infos = textworld.EnvInfos(admissible_commands=True, won=True)
    return textworld.start(str(path), infos, wrappers=[stock.AlfredDemangler(shuffle=False)])
