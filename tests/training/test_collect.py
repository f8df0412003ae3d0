"""Offline data: real, labelled, repeatable, apart from evaluation, whole on disk."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alfworld_data import DATA, needs_data
from dreamgym.cli.main import app
from dreamgym.core.data_structures import Action, Origin, Sheet, StopReason, Task, Trajectory
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.core.serialization import encode
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.mistake_kinds import KINDS
from dreamgym.environments.alfworld.notes import NOTHING
from dreamgym.environments.alfworld.panels import game_of, generated_tasks, panel, scene_of
from dreamgym.environments.base_env import Observation
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import (
    collect_trajectories,
    is_heldout,
    mistakes_of,
    player_of,
    without_mistakes,
)
from dreamgym.training.domains.household import Household
from dreamgym.training.offline_data import (
    collect_offline_data,
    read_manifest,
    read_trajectories,
    write_offline_data,
)

TASKS = list(islice(generated_tasks(2000), 80))
PINNED = {"train": "2578be14f23c4af4", "heldout": "7683336efe6cd063"}
COLLECTED = list(collect_trajectories(TASKS, CollectSettings(), cast=Household(), seed=1))


class Parrot:
    """A policy that says the same at every turn, and asks for the tokens' record to be kept."""

    version = 3

    def start(self, task: Task, seed: int) -> Parrot:
        return self

    async def act(self, observation: Observation) -> Action:
        return Action(text="go to garbagecan 1", token_ids=(1, 2), logprobs=(-0.5, -0.5))

    def close(self) -> None:
        pass


def test_a_seed_is_the_same_data() -> None:
    assert list(collect_trajectories(TASKS, CollectSettings(), cast=Household(), seed=1)) == COLLECTED
    assert list(collect_trajectories(TASKS[:5], CollectSettings(), cast=Household(), seed=2)) != COLLECTED[:5]


def test_the_record_is_what_the_engine_answers() -> None:
    for trajectory in COLLECTED:
        world = World(game_of(trajectory.task))
        state = world.reset()
        for turn in trajectory.transitions:
            outcome = world.step(turn.action.text)
            assert (turn.state, turn.next_state) == (state, outcome.observation)
            assert (turn.reward, turn.terminated) == (float(outcome.won), outcome.won)
            state = outcome.observation
        last = trajectory.transitions[-1]
        assert trajectory.success == last.terminated
        assert last.truncated != last.terminated
        assert len(trajectory.transitions) <= 50
        assert trajectory.origin is Origin.REAL


def test_labelled_mistakes_are_refused_and_many() -> None:
    turns = [turn for trajectory in COLLECTED for turn in trajectory.transitions]
    kinds = Counter[str]()
    for trajectory in COLLECTED:
        for index, kind in mistakes_of(trajectory).items():
            kinds[kind] += 1
            assert trajectory.transitions[index].next_state == NOTHING
    assert set(kinds) <= set(KINDS)
    assert len(kinds) > 25
    refused = sum(turn.next_state == NOTHING for turn in turns) / len(turns)
    assert 0.25 < refused < 0.5


def test_mistakes_can_be_left_out_and_taken_out() -> None:
    clean = list(
        collect_trajectories(TASKS[:20], CollectSettings(mistake_rate=0.0), cast=Household(), seed=1)
    )
    assert not any(mistakes_of(trajectory) for trajectory in clean)
    for trajectory in COLLECTED:
        bare = without_mistakes(trajectory)
        assert len(bare.transitions) == len(trajectory.transitions) - len(mistakes_of(trajectory))
        assert player_of(bare) == player_of(trajectory)
        states = [turn.state for turn in bare.transitions] + [bare.transitions[-1].next_state]
        answers = [trajectory.task.opening] + [turn.next_state for turn in bare.transitions]
        assert states == answers


def test_shares_decide_who_plays() -> None:
    settings = CollectSettings(shares={"expert": 3, "random": 1}, mistake_rate=0)
    players = Counter(
        player_of(found) for found in collect_trajectories(TASKS, settings, cast=Household(), seed=4)
    )
    assert set(players) == {"expert", "random"}
    assert 0.6 < players["expert"] / len(TASKS) < 0.9


def test_a_policy_plays_its_share() -> None:
    settings = CollectSettings(shares={"policy": 1, "expert": 1}, max_turns=5, mistake_rate=0)
    found = list(collect_trajectories(TASKS[:20], settings, cast=Household(), seed=1, policy=Parrot()))
    assert [trajectory.task for trajectory in found] == TASKS[:20]
    played = [trajectory for trajectory in found if player_of(trajectory) == "policy"]
    assert 5 <= len(played) <= 15
    for trajectory in played:
        assert [turn.action for turn in trajectory.transitions] == [Action(text="go to garbagecan 1")] * 5
        assert trajectory.policy_version == 3
        assert trajectory.stop_reason is StopReason.TURN_LIMIT
    with pytest.raises(ConfigError, match="no policy was given"):
        collect_trajectories(TASKS, settings, cast=Household(), seed=1)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"weak": -1}, "-1"),
        ({"weak": 0}, "nobody"),
    ],
)
def test_wrong_shares_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CollectSettings(shares=shares)


def test_a_player_that_nobody_knows_is_refused_before_anything_is_played() -> None:
    settings = CollectSettings(shares={"experts": 1.0})
    with pytest.raises(ConfigError, match="no player 'experts': choose among expert,"):
        collect_trajectories(TASKS, settings, cast=Household(), seed=1)


@pytest.mark.parametrize("wrong", [{"mistake_rate": 1.5}, {"most_mistakes": 0}, {"max_turns": 0}])
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="use "):
        CollectSettings(**wrong)


def test_scenes_are_held_out_whole() -> None:
    tasks = list(islice(generated_tasks(0, per_scene=2), 1000))
    held, kept = ({scene_of(t) for t in tasks if is_heldout(t) is answer} for answer in (True, False))
    assert not held & kept
    assert 0.06 < len(held) / 500 < 0.14
    assert not any(is_heldout(task, 0.0) for task in tasks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set."""
    path = tmp_path_factory.mktemp("data") / "offline"
    collect_offline_data(
        path, episodes=60, settings=CollectSettings(), cast=Household(), seed=7, heldout_share=0.3
    )
    return path


def test_fresh_tasks_are_played_in_turn(tmp_path: Path) -> None:
    collect_offline_data(
        tmp_path / "fresh",
        episodes=5,
        settings=CollectSettings(shares={"expert": 1.0}),
        cast=Household(),
        seed=7,
        fresh=range(3, 5),
        heldout_share=0.0,
    )
    fourth, fifth = (task.id for task in Household().fresh_tasks(range(3, 5)))
    played = read_trajectories(tmp_path / "fresh" / "train.jsonl.gz")
    assert [trajectory.task.id for trajectory in played] == [fourth, fifth, fourth, fifth, fourth]


def test_a_data_set_that_is_included_comes_first_and_keeps_its_splits(folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    manifest = collect_offline_data(
        more,
        episodes=4,
        settings=CollectSettings(shares={"random": 1.0}),
        cast=Household(),
        seed=8,
        heldout_share=0.0,
        include=folder,
    )
    before, after = (
        [list(read_trajectories(where / f"{name}.jsonl.gz")) for name in ("train", "heldout")]
        for where in (folder, more)
    )
    assert after[1] == before[1]
    assert after[0][:-4] == before[0]
    assert len({trajectory.id for trajectory in after[0]}) == len(after[0])
    assert manifest["splits"]["train"]["trajectories"] == len(before[0]) + 4


def collect_one(folder: Path, **chosen: Any) -> None:
    collect_offline_data(folder, episodes=1, settings=CollectSettings(), cast=Household(), seed=8, **chosen)


def test_numbers_that_no_fresh_task_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Household, "fresh_tasks", lambda self, numbers: iter(()))
    with pytest.raises(ConfigError, match="--fresh-tasks 7:9: no task has these numbers"):
        collect_one(tmp_path / "none", fresh=range(7, 9))
    assert not (tmp_path / "none").exists()


def test_a_data_set_that_is_not_there_cannot_be_included(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        collect_one(tmp_path / "more", include=tmp_path / "nowhere")
    assert not (tmp_path / "more").exists()


def test_what_is_written_is_read(folder: Path) -> None:
    tasks = islice(generated_tasks(0, per_scene=2), 60)
    played = list(collect_trajectories(tasks, CollectSettings(), cast=Household(), seed=7))
    for name, is_held in (("train", False), ("heldout", True)):
        found = list(read_trajectories(folder / f"{name}.jsonl.gz"))
        assert found == [trajectory for trajectory in played if is_heldout(trajectory.task, 0.3) is is_held]
        assert found


def test_the_manifest_counts_what_is_there(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert (manifest["seed"], manifest["shares"]) == (7, CollectSettings().shares)
    for name, counted in manifest["splits"].items():
        found = list(read_trajectories(folder / f"{name}.jsonl.gz"))
        assert counted["trajectories"] == len(found)
        assert counted["turns"] == sum(len(trajectory.transitions) for trajectory in found)
        assert counted["successes"] == sum(trajectory.success for trajectory in found)
        assert counted["mistakes"] == Counter(kind for t in found for kind in mistakes_of(t).values())
        players = Counter(player_of(trajectory) for trajectory in found)
        assert {player: counts["trajectories"] for player, counts in counted["players"].items()} == players


def test_the_data_is_the_same_to_the_last_bit_as_ever(folder: Path) -> None:
    """The hashes were taken when only ALFWorld could be collected; of the text, since zlibs differ."""
    texts = {name: gzip.decompress((folder / f"{name}.jsonl.gz").read_bytes()) for name in PINNED}
    assert {name: hashlib.sha256(text).hexdigest()[:16] for name, text in texts.items()} == PINNED


def test_no_scene_is_in_both_files_and_none_is_evaluated_on(folder: Path) -> None:
    splits = {name: list(read_trajectories(folder / f"{name}.jsonl.gz")) for name in ("train", "heldout")}
    scenes = {name: {scene_of(found.task) for found in splits[name]} for name in splits}
    tasks = {name: {found.task.id for found in splits[name]} for name in splits}
    valid = panel("valid").tasks
    assert not scenes["train"] & scenes["heldout"]
    assert not tasks["train"] & tasks["heldout"]
    assert not (scenes["train"] | scenes["heldout"]) & {scene_of(task) for task in valid}
    assert not (tasks["train"] | tasks["heldout"]) & {task.id for task in valid}


@needs_data
def test_no_official_scene_is_in_the_data(folder: Path) -> None:
    official = panel("valid_seen", data_dir=DATA).tasks
    layouts = {task.opening.partition("Your task")[0] for task in official}
    for name in ("train", "heldout"):
        for trajectory in read_trajectories(folder / f"{name}.jsonl.gz"):
            assert scene_of(trajectory.task) not in {scene_of(task) for task in official}
            assert trajectory.task.opening.partition("Your task")[0] not in layouts
    played = collect_trajectories(official[:1], CollectSettings(), cast=Household(DATA), seed=0)
    with pytest.raises(ValueError, match="must not hold what is evaluated on"):
        write_offline_data(folder.parent / "official", played, about={})


def test_evaluation_tasks_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    played = collect_trajectories(panel("valid", 2).tasks, CollectSettings(), cast=Household(), seed=0)
    with pytest.raises(ValueError, match="must not hold what is evaluated on"):
        write_offline_data(tmp_path / "data", played, about={})
    assert list(tmp_path.iterdir()) == []


def test_a_crash_keeps_the_old_data(tmp_path: Path) -> None:
    def breaks() -> Iterator[Trajectory]:
        yield COLLECTED[0]
        raise OSError("no space left on device")

    write_offline_data(tmp_path / "data", COLLECTED[:3], about={})
    before = (tmp_path / "data" / "train.jsonl.gz").read_bytes()
    with pytest.raises(OSError, match="no space"):
        write_offline_data(tmp_path / "data", breaks(), about={})
    assert (tmp_path / "data" / "train.jsonl.gz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_foreign_folder_is_told_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "mixed").mkdir()

    def never() -> Iterator[Trajectory]:
        raise AssertionError("played for nothing")
        yield

    with pytest.raises(FileExistsError, match="holds mixed, which would be lost"):
        write_offline_data(tmp_path, never(), about={})


def test_the_same_trajectories_are_the_same_file(tmp_path: Path) -> None:
    one = write_offline_data(tmp_path / "one", COLLECTED[:5], about={})
    other = write_offline_data(tmp_path / "other", COLLECTED[:5], about={})
    assert one == other


def test_a_sheet_is_not_written(tmp_path: Path) -> None:
    task = replace(COLLECTED[0].task, sheet=Sheet(facts=(("mug 1", "in fridge 1"),)))
    write_offline_data(tmp_path / "data", [replace(COLLECTED[0], task=task)], about={}, heldout_share=0)
    assert list(read_trajectories(tmp_path / "data" / "train.jsonl.gz")) == [COLLECTED[0]]


def written(path: Path, lines: list[str]) -> Path:
    path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
    return path


def test_a_corrupt_line_is_named(tmp_path: Path) -> None:
    good = json.dumps(encode(COLLECTED[0]))
    for bad, message in (
        (good[:-9], "line 2 is no JSON"),
        ("[]", "line 2: found"),
        (good.replace('"reward"', '"rewrad"', 1), "unknown field 'rewrad', do you mean 'reward'"),
    ):
        found = read_trajectories(written(tmp_path / "bad.jsonl.gz", [good, bad]))
        assert next(found) == COLLECTED[0]
        with pytest.raises(DataError, match=message) as caught:
            next(found)
        assert "line 2" in str(caught.value)


def test_a_cut_or_foreign_or_missing_file_is_told(tmp_path: Path) -> None:
    lines = [json.dumps(encode(trajectory)) for trajectory in COLLECTED]
    path = written(tmp_path / "cut.jsonl.gz", lines)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match=r"cannot be read after line \d+"):
        list(read_trajectories(path))
    path.write_text("plain text")
    with pytest.raises(DataError, match="cannot be read after line 0"):
        list(read_trajectories(path))
    with pytest.raises(DataError, match="does not exist: make it with `dreamgym collect`"):
        list(read_trajectories(tmp_path / "none.jsonl.gz"))
    with pytest.raises(DataError, match="does not exist"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="is no JSON"):
        read_manifest(tmp_path)


def test_nothing_held_out_is_an_empty_file_and_a_line(tmp_path):
    arguments = ["collect", "--episodes", "2", "--heldout-share", "0", "--share", "expert=1"]
    result = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "data")])
    assert result.exit_code == 0, result.output
    assert "heldout  0 episodes, 0 turns" in result.stdout
    assert list(read_trajectories(tmp_path / "data" / "heldout.jsonl.gz")) == []
