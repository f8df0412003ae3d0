"""What a person types: episodes to play, help with examples, and one line for every mistake."""

import json
import lzma
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alfworld_data import DATA, game_file, needs_data, records
from dreamgym.cli.main import app
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.panels import game_of, generated_tasks
from dreamgym.environments.alfworld.players import Expert

COMMANDS = [
    *([], ["train"], ["evaluate"], ["collect"], ["fit"], ["fit", "policy"], ["fidelity"], ["play"]),
    *(["envs"], ["doctor"]),
]


def run(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=text)


def written(tmp_path: Path, value: object) -> str:
    path = tmp_path / "actions.json"
    path.write_text(json.dumps(value))
    return str(path)


def test_play_prints_what_the_engine_says_and_stops_when_it_is_won(tmp_path):
    game = game_of(next(generated_tasks(5)))
    world, expert = World(game), Expert(game, random.Random(0))
    expected, commands = [(world.reset(), world.admissible(), 0.0, False)], []
    expert.see("", expected[0][0])
    while not world.won:
        commands.append(expert.choose(world.admissible))
        outcome = world.step(commands[-1])
        expert.see(commands[-1], outcome.observation)
        expected.append((outcome.observation, world.admissible(), float(outcome.won), outcome.won))

    result = run("play", "--seed", "5", "--json", "--actions", written(tmp_path, [*commands, "look"]))
    turns = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(t["observation"], t["admissible"], t["reward"], t["won"]) for t in turns] == expected
    assert [t["terminated"] for t in turns] == [False] * len(commands) + [True]
    assert not any(t["truncated"] for t in turns)
    assert turns[0].keys() == {"observation", "admissible", "reward", "terminated", "truncated", "won"}


def test_the_same_game_by_its_id(tmp_path):
    task, actions = next(generated_tasks(5)), written(tmp_path, ["look"])
    by_seed = run("play", "--seed", "5", "--json", "--actions", actions)
    assert run("play", "--task", task.id, "--json", "--actions", actions).stdout == by_seed.stdout


def test_the_turn_limit_truncates(tmp_path):
    result = run("play", "--seed", "5", "--json", "--actions", written(tmp_path, ["look"] * 60))
    last = json.loads(result.stdout.splitlines()[-1])
    assert len(result.stdout.splitlines()) == 51
    assert (last["truncated"], last["terminated"], last["won"]) == (True, False, False)


def test_a_huge_action_and_control_characters_are_answered(tmp_path):
    actions = ["x" * 1_000_000, "look\x00\x1b[31m", "\n\n", "", "\ud800"]
    result = run("play", "--seed", "5", "--json", "--actions", written(tmp_path, actions))
    answers = [json.loads(line)["observation"] for line in result.stdout.splitlines()[1:]]
    assert answers == ["Nothing happens."] * 5


def test_a_person_plays_until_an_empty_line():
    result = run("play", "--seed", "5", text="?\nlook\n\n")
    assert "Your task is to:" in result.stdout
    assert "go to " in result.stderr
    assert result.stdout.count("You are in the middle of a room.") == 2


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert " ".join(["dreamgym", *command]) in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "No such command 'trian'. Did you mean 'train'?"),
        (["train", "--num-iteration", "3"], "No such option: --num-iteration"),
        (["train", "--num-iterations", "many"], "Invalid value for '--num-iterations'"),
        (["train", "rl.clpi=0.1"], "unknown key, did you mean 'rl.clip'?"),
        (["train", "--config", "nowhere.yaml"], "cannot read the configuration nowhere.yaml"),
        (["train", "--env", "alfwrld"], "unknown environment 'alfwrld', did you mean 'alfworld'?"),
        (["train", "--batch-size", "9"], "in groups of rl.group_size = 8; use a multiple of it"),
        (
            ["evaluate", "--checkpoint", "nowhere/policy_iter_0100.json"],
            "no checkpoint nowhere/policy_iter_0100.json",
        ),
        (["evaluate"], "Missing option '--checkpoint'"),
        (["play", "--task", "nowhere"], "no ALFWorld game 'nowhere'"),
        (["play", "--seed", "1", "--task", "x"], "give one of them"),
        (["play", "--game", "nowhere.tw-pddl"], "nowhere.tw-pddl: cannot be read"),
        (["play", "--actions", "nowhere.json"], "cannot read the actions nowhere.json"),
        (["play", "--env", "webshop", "--game", "x"], "--game is a file of ALFWorld's, and --env is webshop"),
        (["play", "--env", "traces"], "traces cannot be played by hand"),
        (["collect", "--env", "traces", "environment.offline_data=x"], "has no players"),
        (["collect", "--share", "exprt=1"], "no player 'exprt': choose among expert,"),
        (["train", "environment.workers=-1"], "environment.workers"),
        (["collect", "--fresh-tasks", "9"], "--fresh-tasks 9: wanted FROM:TO, such as 0:100"),
        (["collect", "--fresh-tasks", "9:9"], "--fresh-tasks 9:9: wanted FROM:TO"),
        (["collect", "--share", "expert"], "--share expert: wanted PLAYER=SHARE, such as expert=0.2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_answered_in_one_line_with_exit_code_2(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.startswith("Usage:") or result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "play", "collect"])
def test_an_environment_that_this_version_has_not_is_one_line(command, tmp_path, monkeypatch):
    monkeypatch.setattr("dreamgym.training.domains.registry.is_present", lambda name: name == "alfworld")
    monkeypatch.chdir(tmp_path)
    result = run(command, "--env", "webarena")
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "the environment 'webarena' is not in this version yet, only alfworld, traces" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1", "line 1: not JSON"),
        ("[" * 100_000, "wanted a list of commands"),
        (f"[{'9' * 5000}]", "wanted a list of commands"),
        ('{"a": 1}', 'found a dict, wanted a list such as ["look", "inventory"]'),
        ('["look", 3]', "command 2: found 3, wanted a string"),
    ],
)
def test_wrong_actions_are_refused_before_anything_is_played(tmp_path, text, message):
    path = tmp_path / "actions.json"
    path.write_text(text)
    result = run("play", "--json", "--actions", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_an_interrupt_exits_with_130(monkeypatch):
    def interrupted(flags):
        raise KeyboardInterrupt

    monkeypatch.setattr("dreamgym.training.train.resolve", interrupted)
    assert run("train").exit_code == 130


def test_a_full_disk_is_one_line(monkeypatch):
    def full(flags):
        raise OSError(28, "No space left on device", "data/checkpoints/x")

    monkeypatch.setattr("dreamgym.training.train.resolve", full)
    result = run("train")
    assert (result.exit_code, result.stderr) == (
        2,
        "error: cannot write (data/checkpoints/x): No space left on device; "
        "make room or choose another folder\n",
    )


def test_a_defect_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("dreamgym.training.train.resolve", lambda flags: 1 / 0)
    assert isinstance(run("train").exception, ZeroDivisionError)


def test_help_does_not_load_torch():
    code = "import sys; from dreamgym.cli.main import app; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout == "False\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["collect", "--episodes", "1", "--share", "expert=1"], "thesis.txt, which would be lost"),
        (["collect", "--output", "thesis.txt", "--share", "expert=1"], "it is a file, wanted a folder"),
        (["collect", "--share", "expert=nan"], "the share of expert is nan: use 0 or more"),
        (["play", "--seed", "1000000"], "use 0 to 999999"),
        (["evaluate", "--checkpoint", "x.json", "--output", "."], "is a folder, wanted a file such as"),
        (["train", "training.output_dir=/proc/nowhere/run"], "cannot write (/proc/nowhere"),
        (["train", "rl.clip=inf"], "rl.clip"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_nothing_is_lost_and_nothing_is_a_traceback(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thesis.txt").write_text("mine")
    if arguments[0] == "collect" and "--output" not in arguments:
        arguments = [*arguments, "--output", str(tmp_path)]
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_standard_output_holds_the_episode_alone():
    result = run("play", "--seed", "5", "--json", text="?\nlook\n\n")
    assert [json.loads(line)["reward"] for line in result.stdout.splitlines()] == [0.0, 0.0]
    assert "> " in result.stderr
    assert "go to " in result.stderr


@needs_data
def test_a_recorded_trace_comes_back_from_the_command_line(tmp_path):
    with lzma.open(DATA / "alfworld" / "train_traces_60_games.json.xz", "rt") as file:
        trace = json.load(file)[1]
    record = next(record for record in records("train") if record["id"] == trace["id"])
    game = tmp_path / record["id"] / "game.tw-pddl"
    game.parent.mkdir(parents=True)
    game.write_text(game_file(record))
    actions = written(tmp_path, [step["a"] for step in trace["steps"]])
    result = run("play", "--env", "alfworld", "--game", str(game), "--actions", actions, "--json")
    turns = [json.loads(line) for line in result.stdout.splitlines()]
    first, *rest = turns
    assert (first["observation"], first["admissible"]) == (trace["reset"]["obs"], trace["reset"]["adm"])
    assert len(rest) == len(trace["steps"]) == 25
    for turn, step in zip(rest, trace["steps"], strict=True):
        assert (turn["observation"], turn["admissible"]) == (step["obs"], step["adm"])
        assert (turn["reward"], turn["terminated"], turn["won"]) == (step["score"], step["done"], step["won"])


def test_a_person_plays_the_shipped_dream(tmp_path):
    result = run("play", "--seed", "5", "--dream", "--actions", written(tmp_path, ["look", "fly away"]))
    assert result.exit_code == 0, result.output
    assert "Nothing happens." in result.stdout
    assert "  | fail" in result.stdout  # its reasoning
