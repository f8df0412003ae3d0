"""Flags, presets and overrides become one configuration; the preset files are what they say."""

import asyncio

import pytest

from dreamgym.core.config import DreamGymConfig, Phase
from dreamgym.core.config_io import load_config
from dreamgym.core.errors import ConfigError
from dreamgym.environments.alfworld.panels import panel
from dreamgym.training.dialogue import opening_prompt
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.settings import PRESETS, RunFlags, resolve


def test_the_default_file_states_the_defaults():
    assert load_config(PRESETS / "default.yaml") == DreamGymConfig()
    assert resolve(RunFlags()) == DreamGymConfig()


def test_flags_stand_for_settings_and_overrides_have_the_last_word():
    flags = RunFlags(
        num_iterations=7,
        batch_size=64,
        seed=3,
        use_wandb=True,
        allow_low_fidelity=True,
        overrides=["rl.clip=0.1"],
    )
    config = resolve(flags)
    training = config.training
    assert (training.num_iterations, training.tasks_per_iteration, training.seed) == (7, 64 // 8, 3)
    assert (training.use_wandb, training.fidelity.gate, config.rl.clip) == (True, False, 0.1)
    assert resolve(RunFlags(seed=3, overrides=["training.seed=4"])).training.seed == 4


def test_the_batch_counts_trajectories_in_groups_of_the_overridden_size():
    config = resolve(RunFlags(batch_size=12, overrides=["rl.group_size=4"]))
    assert config.training.tasks_per_iteration == 3
    with pytest.raises(ConfigError, match=r"--batch-size 12: .* rl.group_size = 8; use a multiple of it"):
        resolve(RunFlags(batch_size=12))


@pytest.mark.parametrize(("number", "expected"), [(100, (98, 2)), (82, (80, 2)), (2, (1, 1)), (3, (2, 1))])
def test_the_number_of_iterations_keeps_the_proportions_of_the_phases(number, expected):
    config = resolve(RunFlags(env="alfworld", num_iterations=number))
    assert config.training.phases == (
        Phase(world="dream", iterations=expected[0]),
        Phase(world="real", iterations=expected[1]),
    )


def test_too_few_iterations_for_the_phases_are_refused():
    with pytest.raises(ConfigError, match="the configuration has 2 phases"):
        resolve(RunFlags(env="alfworld", num_iterations=1))


def test_an_environment_names_its_preset_and_a_misspelt_one_its_neighbour():
    assert resolve(RunFlags(env="webarena")) == load_config(PRESETS / "webarena.yaml")
    with pytest.raises(ConfigError, match=r"unknown environment 'alfwrld', did you mean 'alfworld'\?"):
        resolve(RunFlags(env="alfwrld"))


def test_a_file_wins_over_the_preset(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("rl: {clip: 0.05}\n")
    config = resolve(RunFlags(config=path, env="alfworld"))
    assert (config.rl.clip, len(config.training.phases)) == (0.05, 1)


def test_valid_actions_are_shown_to_the_policy_where_the_setting_says_so() -> None:
    task = panel("valid", 1).tasks[0]

    async def first_prompt(config: DreamGymConfig) -> str:
        make = await open_domain(config.environment).make_real(task, 0)
        environment = make()
        seen = await environment.reset(task, 0)
        await environment.close()
        return opening_prompt(task, seen)

    shown = load_config(None, ["environment.show_admissible=true", "buffer.synthetic_ratio=0"])
    assert "\noptions: " in asyncio.run(first_prompt(shown))
    assert " | look" in asyncio.run(first_prompt(shown))
    assert "\noptions: " not in asyncio.run(first_prompt(DreamGymConfig()))


@pytest.mark.parametrize(
    ("env", "setting", "value", "others"),
    [
        ("taubench", "user", "openai:m", []),
        ("webarena", "judge", "openai:m", ["environment.workers=0"]),
        ("webarena", "auth_dir", "logins", []),
    ],
)
def test_what_one_environment_alone_knows_is_refused_in_another(env, setting, value, others):
    asked = [f"environment.{setting}={value}", *others]
    assert str(getattr(resolve(RunFlags(env=env, overrides=asked)).environment, setting)) == value
    with pytest.raises(ConfigError, match=rf"environment\.name is webshop: leave environment\.{setting} out"):
        resolve(RunFlags(env="webshop", overrides=asked))


@pytest.mark.parametrize(("env", "role"), [("taubench", "user"), ("webarena", "judge")])
def test_a_language_model_is_asked_by_the_runs_own_process_and_not_by_workers(env, role):
    asked = [f"environment.{role}=scripted:x.json", "environment.workers=2"]
    with pytest.raises(
        ConfigError, match=rf"environment\.{role}=scripted:x\.json .*set environment\.workers=0"
    ):
        resolve(RunFlags(env=env, overrides=asked))
