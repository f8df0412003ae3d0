"""A person at the prompt of ``dreamgym play``: told what is to be done, and let go at the first Ctrl-C."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from alfworld_data import DATA, needs_data
from dreamgym.cli.main import app
from terminal import Terminal
from webarena_browser import needs_browser


def play(*arguments: str, text: str) -> Result:
    return CliRunner().invoke(app, ["play", *arguments], input=text)


@pytest.mark.parametrize("env", ["alfworld", "taubench", pytest.param("webarena", marks=needs_browser)])
def test_one_interrupt_ends_it_and_leaves_nothing(env: str) -> None:
    with Terminal("play", "--env", env) as terminal:
        terminal.read_until("\n> ")
        assert terminal.running()
        terminal.type("\x03")
        assert terminal.wait() == 130
        assert "interrupted" in terminal.screen
        assert "Traceback" not in terminal.screen
        assert terminal.left() == []


def test_so_does_one_after_a_turn() -> None:
    with Terminal("play", "--env", "alfworld") as terminal:
        terminal.read_until("\n> ")
        terminal.type("look\n")
        terminal.read_until("\n> ", times=2)
        terminal.type("\x03")
        assert terminal.wait() == 130


def test_the_shop_says_its_calls_before_the_first_turn() -> None:
    result = play("--env", "taubench", "--seed", "4", text="?\n\n")
    told, _, asked = result.stderr.partition("> ")
    assert "find_user name code; get_order order;" in told
    assert "find_user" not in result.stdout
    assert "respond done" in asked  # what is possible is listed, as before
    assert "One call a turn" not in asked


@needs_data
def test_pages_of_policy_are_shown_when_they_are_asked_for() -> None:
    arguments = ["--env", "taubench", "--task", "retail:test:7", f"environment.data_dir={DATA}"]
    told, _, asked = play(*arguments, text="?\n\n").stderr.partition("> ")
    assert "? shows it" in told
    assert "Retail agent policy" not in told
    assert "# Retail agent policy" in asked
    assert "exchange_delivered_order_items(order_id: string" in asked
    assert 'Each turn is one call, as JSON: {"name": …, "arguments": {…}}' in asked


@pytest.mark.parametrize(("env", "goal"), [("alfworld", "Your task is to: "), ("webshop", "Find me ")])
def test_a_goal_that_the_first_state_shows_is_said_once(env: str, goal: str) -> None:
    result = play("--env", env, "--seed", "4", text="\n")
    assert goal in result.stdout
    assert result.stderr == "Type a command, ? for what is possible, an empty line to leave.\n\n> "


def test_a_dream_that_lists_nothing_says_the_goal_again() -> None:
    result = play("--seed", "5", "--dream", text="?\n\n")
    goal = result.stdout.partition("Your task is to: ")[2].strip()
    assert goal in result.stderr


def test_a_program_is_told_the_episode_alone(tmp_path) -> None:
    (tmp_path / "calls.json").write_text('["respond done"]')
    for arguments in (["--actions", str(tmp_path / "calls.json")], ["--json"]):
        result = play("--env", "taubench", "--seed", "4", *arguments, text="\n")
        assert "find_user" not in result.output
