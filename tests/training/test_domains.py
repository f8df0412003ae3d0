"""Any environment whose folder keeps the seams is collected, played, evaluated and trained in."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

import dreamgym.environments
import dreamgym.training.domains.registry as registry
from dreamgym.cli.main import app
from dreamgym.core.config import DreamGymConfig, EnvironmentConfig
from dreamgym.core.config_io import load_config
from dreamgym.core.data_structures import Origin, StopReason
from dreamgym.core.errors import ConfigError, DataError, UnavailableError
from dreamgym.environments.checks import check_env
from dreamgym.environments.players import RandomPlayer
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories, mistakes_of, player_of
from dreamgym.training.domains.alfworld import ENVIRONMENT
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import is_present, plugged
from dreamgym.training.domains.real_worlds import pool_of, spec_of
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.fit import is_cloned
from dreamgym.training.grounds import offline_folder
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.rollout import collect
from dreamgym.training.scripted_policy import ScriptedPolicy
from standin.players import PLAYERS, Walker

TESTS = Path(__file__).parents[1]


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corridor of ``tests/standin`` in the place of WebShop, wherever that is asked for by its name."""
    monkeypatch.setattr(dreamgym.environments, "__path__", [*dreamgym.environments.__path__, str(TESTS)])
    domains = {
        **registry.DOMAINS,
        "webshop": lambda config: plugged("standin", "StandinEnv", config, PLAYERS),
    }
    monkeypatch.setattr(registry, "DOMAINS", domains)
    monkeypatch.setattr(registry, "available", lambda: ["alfworld", "webshop"])


@pytest.fixture
def corridor(standin: None) -> Domain:
    return open_domain(EnvironmentConfig(name="webshop", max_turns=12))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_an_environment_gives_is_a_domain(corridor: Domain) -> None:
    assert len(corridor.panels("train", None)) == 30
    assert corridor.task_named("garden:3").id == "valid/3-4"
    assert corridor.generated(7).id == "train/7-3"
    with pytest.raises(DataError, match="there are garden:0 to garden:7"):
        corridor.task_named("garden:99")
    with pytest.raises(ConfigError, match="--seed 30: the panel train has 30 tasks, not 31"):
        corridor.generated(30)
    with pytest.raises(
        ConfigError, match=r"the panel valid has 8 tasks, not 20: lower training\.eval_episodes"
    ):
        corridor.panels("valid", 20)


def test_the_stand_in_keeps_the_protocol(corridor: Domain) -> None:
    task = corridor.panels("valid", 1)[0]
    make = asyncio.run(corridor.real_world(task, 0))
    assert not check_env(make, task, actions=["walk to 1", "open"]).failures


def test_its_players_are_collected_with_slips_that_the_world_refused(corridor: Domain) -> None:
    assert corridor.cast is not None
    settings = CollectSettings(shares=corridor.cast.shares, mistake_rate=0.4, max_turns=12)
    found = list(collect_trajectories(corridor.cast.tasks(60), settings, cast=corridor.cast, seed=3))
    assert list(collect_trajectories(corridor.cast.tasks(60), settings, cast=corridor.cast, seed=3)) == found
    assert [trajectory.id for trajectory in found] == [f"offline-{number:06d}" for number in range(60)]
    kinds = Counter[str]()
    for trajectory in found:
        for turn, kind in mistakes_of(trajectory).items():
            kinds[kind] += 1
            assert trajectory.transitions[turn].next_state == "That cannot be done."
            assert not trajectory.transitions[turn].valid
    assert set(kinds) == {"nonsense", "stale", "typo"}
    walkers = [trajectory for trajectory in found if player_of(trajectory) == "walker"]
    assert 15 < len(walkers) < 45
    # The walker hears nothing of what slips in between, and still arrives: slips only make its way longer.
    assert sum(trajectory.success for trajectory in walkers) > 0.6 * len(walkers)


def test_a_player_without_slips_takes_the_shortest_way(corridor: Domain) -> None:
    groups = asyncio.run(
        collect(
            corridor.panels("valid", None),
            ScriptedPolicy(make=Walker),
            corridor.real_world,
            origin=Origin.REAL,
            seed=0,
            label="walk",
        )
    )
    for group in groups:
        (trajectory,) = group.trajectories
        assert trajectory.stop_reason is StopReason.TERMINATED
        assert len(trajectory.transitions) == int(group.task.id[-1]) + 1


def test_it_is_played_by_hand_by_name_and_by_seed(standin: None, tmp_path: Path) -> None:
    actions = tmp_path / "actions.json"
    actions.write_text(json.dumps(["walk to 1", "fly", "walk to 2", "open", "open"]))
    said = run("play", "--env", "webshop", "--task", "garden:1", "--actions", str(actions), "--json")
    turns = [json.loads(line) for line in said.splitlines()]
    assert [turn["door"] for turn in turns] == ["0", "1", "1", "2", "2"]  # what only this world reports
    assert [turn["reward"] for turn in turns] == [
        0.0,
        0.0,
        0.0,
        0.0,
        1.0,
    ]  # no report overwrites what all say
    assert turns[0]["admissible"] == ["walk to 1", "open"]
    assert (turns[-1]["won"], turns[-1]["terminated"]) == (True, True)
    said = run("play", "--env", "webshop", "--seed", "0", "--actions", str(actions))
    assert "Find the garden behind door 1." in said


def test_a_data_set_of_it_is_collected_and_grounds_a_run(standin: None, tmp_path: Path) -> None:
    output = tmp_path / "data"
    arguments = (
        "collect",
        "--env",
        "webshop",
        "--episodes",
        "40",
        "--output",
        str(output),
        "--mistake-rate",
        "0",
    )
    assert "next: dreamgym fit experience" in run(*arguments)
    train = list(read_trajectories(output / "train.jsonl.gz"))
    heldout = list(read_trajectories(output / "heldout.jsonl.gz"))
    assert len(train) + len(heldout) == 40
    assert not {t.task.id for t in train} & {t.task.id for t in heldout}
    assert {player_of(t) for t in train if is_cloned(t)} == {"walker"}
    assert {player_of(t) for t in train} == {"walker", "random"}


def test_it_is_trained_in_for_real_and_evaluated(
    standin: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No offline data, no dream, no gate: real rollouts alone, by the shipped policy, a stranger here."""
    monkeypatch.chdir(tmp_path)
    small = (
        *("rl.group_size=2", "training.tasks_per_iteration=2", "rl.minibatches=1", "environment.max_turns=3"),
        *("training.eval_episodes=4", "curriculum.difficulty_increment=0.0", "training.checkpoint_every=1"),
        "training.phases=[{world: dream, iterations: 1}, {world: real, iterations: 1}]",
    )
    run("train", "--env", "webshop", "buffer.synthetic_ratio=0", *small)
    manifests = sorted(tmp_path.glob("data/checkpoints/**/policy_iter_0002.json"))
    assert len(manifests) == 1
    metrics = [json.loads(line) for line in (manifests[0].parent / "metrics.jsonl").read_text().splitlines()]
    assert any("eval/real/success" in line for line in metrics)
    assert not any("eval/dreamed/success" in line for line in metrics)
    said = run("evaluate", "--checkpoint", str(manifests[0]), "--env", "webshop", "--num-episodes", "5")
    assert said.startswith("all ")


def test_a_dream_needs_offline_data_of_its_own(standin: None, tmp_path: Path) -> None:
    wanted = load_config(None, ["environment.name=webshop"])
    with pytest.raises(ConfigError, match="dreamgym collect --env webshop"):
        offline_folder(wanted)
    dreaming = ("buffer.synthetic_ratio=1.0", "training.phases=[{world: dream, iterations: 1}]")
    result = CliRunner().invoke(
        app, ["train", "--env", "webshop", *dreaming, f"training.output_dir={tmp_path / 'run'}"]
    )
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "no offline data of 'webshop' is shipped" in result.stderr
    assert offline_folder(DreamGymConfig()) is not None


def test_offline_data_of_another_environment_is_refused(standin: None) -> None:
    shipped = offline_folder(DreamGymConfig())
    result = CliRunner().invoke(app, ["train", "--env", "webshop", f"environment.offline_data={shipped}"])
    assert result.exit_code == 2
    assert "plays the environment 'alfworld', wanted 'webshop'" in result.stderr


def test_what_this_version_has_not_is_told() -> None:
    for name in ("webshop", "taubench", "webarena"):
        if not is_present(name):
            with pytest.raises(
                UnavailableError, match=f"the environment '{name}' is not in this version yet"
            ):
                open_domain(EnvironmentConfig(name=name))
        else:
            assert open_domain(EnvironmentConfig(name=name)).name == name


def test_the_setting_workers_plays_alfworld_elsewhere_and_alike() -> None:
    """The same seeds give the same trajectories, whichever process plays them."""

    def played(workers: int) -> list[object]:
        config = EnvironmentConfig(max_turns=8, workers=workers, show_admissible=True)
        domain = open_domain(config)
        groups = asyncio.run(
            collect(
                domain.panels("valid", 6),
                ScriptedPolicy(make=RandomPlayer),
                domain.real_world,
                origin=Origin.REAL,
                seed=5,
                label="play",
                group_size=2,
            )
        )
        if workers:
            pool = pool_of(spec_of("alfworld", ENVIRONMENT, config), workers)
            assert len(pool.pids) == workers
            pool.close()
        return groups

    assert played(2) == played(0)
