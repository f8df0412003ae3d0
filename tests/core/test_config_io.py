"""A configuration is read, overridden, refused with a place and a remedy, and written back the same."""

from pathlib import Path

import pytest

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import differences, dump_config, load_config
from dreamgym.core.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"


def from_text(tmp_path: Path, text: str, *overrides: str) -> DreamGymConfig:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return load_config(path, overrides)


def test_without_a_file_the_defaults_stand():
    assert load_config() == DreamGymConfig()


def test_overrides_win_over_the_file(tmp_path):
    config = from_text(
        tmp_path, "rl:\n  clip: 0.3\n  group_size: 4\n", "rl.clip=1e-3", "buffer.synthetic_ratio=0.0"
    )
    assert (config.rl.clip, config.rl.group_size, config.buffer.synthetic_ratio) == (0.001, 4, 0.0)


def test_a_section_with_every_key_commented_out_is_empty(tmp_path):
    assert from_text(tmp_path, "rl:\n  # clip: 0.3\n") == DreamGymConfig()


def test_the_resolved_configuration_reads_back_the_same(tmp_path):
    config = load_config(
        None, ["rl.clip=0.1", "training.phases=[{world: dream, iterations: 3}, {world: real}]"]
    )
    assert from_text(tmp_path, dump_config(config)) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rl:\n  clipp: 0.1\n", "rl.clipp (FILE, line 2): unknown key, did you mean 'rl.clip'?"),
        ("rll:\n  clip: 0.1\n", "rll (FILE, line 1): unknown key, did you mean 'rl'?"),
        ("rl:\n\n  clip: high\n", "rl.clip (FILE, line 3): found 'high', wanted a number"),
        ("rl:\n  clip: true\n", "rl.clip (FILE, line 2): found true, wanted a number"),
        (
            "training:\n  phases:\n    - {iterations: true}\n",
            "training.phases.0.iterations (FILE, line 3): found true, wanted a number",
        ),
        ("rl:\n  group_size: 2.5\n", "rl.group_size (FILE, line 2): found 2.5, wanted a whole number"),
        ("rl: 3\n", "rl (FILE, line 1): found 3, wanted a section: its keys, indented, below it"),
        ("rl:\n  clip: 1\n  clip: 2\n", "FILE, line 3: 'rl.clip' stands twice, keep one"),
        ("- rl\n", "FILE: found a list, wanted sections such as 'rl:'"),
        ("rl: [\n", "FILE, line 2: not YAML: expected the node content, but found '<stream end>'"),
        ("1: {}\n", "FILE, line 1: found the key '1', wanted a name"),
        (
            "training:\n  phases:\n  - word: real\n",
            "training.phases.0.word (FILE, line 3): unknown key, did you mean 'training.phases.0.world'?",
        ),
        (
            "rl:\n  group_size: 1\n",
            "rl.group_size is 1: GRPO compares the rollouts of a group, use 2 or more",
        ),
    ],
)
def test_a_refusal_says_where_and_what_to_write(tmp_path, text, message):
    with pytest.raises(ConfigError) as refusal:
        from_text(tmp_path, text)
    assert str(refusal.value).replace(str(tmp_path / "run.yaml"), "FILE") == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rl.clpi=0.1", "rl.clpi (override 'rl.clpi=0.1'): unknown key, did you mean 'rl.clip'?"),
        ("rl.clip", "override 'rl.clip': wanted section.key=value, such as rl.clip=0.1"),
        ("rl.clip=[", "override 'rl.clip=[': '[' is not a YAML value, quote it"),
        ("rl.clip=0", "rl.clip (override 'rl.clip=0'): found 0, wanted greater than 0"),
    ],
)
def test_a_wrong_override_is_named(override, message):
    with pytest.raises(ConfigError) as refusal:
        load_config(None, [override])
    assert str(refusal.value) == message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*nowhere.yaml: No such file"):
        load_config(tmp_path / "nowhere.yaml")


def test_differences_are_dotted_keys_with_both_values():
    old, new = {"rl": {"clip": 0.2, "gamma": 1.0}, "x": 1}, {"rl": {"clip": 0.1, "gamma": 1.0}, "x": 1}
    assert list(differences(old, new)) == [("rl.clip", 0.2, 0.1)]


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_file_of_the_repository_loads(path):
    load_config(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rl.clip=.inf", "rl.clip"),
        ("rl.learning_rate=.nan", "rl.learning_rate"),
        ("training.phases=[]", "training.phases"),
        ("buffer.capacity=1000000000000", "buffer.capacity"),
        ("environment.show_admissible=true", "a dream cannot list the valid actions"),
    ],
)
def test_what_could_only_fail_later_is_refused_at_once(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, [override])
    load_config(None, ["environment.show_admissible=true", "buffer.synthetic_ratio=0"])


def test_an_override_is_blamed_for_what_it_says_and_not_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("training:\n  phases:\n    - {world: dream, iterations: 3}\n")
    with pytest.raises(ConfigError) as error:
        load_config(file, ["training.phases=[{world: drem}]"])
    assert "a.yaml" not in str(error.value)
    assert "override 'training.phases=[{world: drem}]'" in str(error.value)
