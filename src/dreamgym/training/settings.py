"""From flags to a configuration: a file or a preset, then the short flags, then dotted overrides."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dreamgym
from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import load_config
from dreamgym.core.errors import ConfigError

_CLONE = Path(dreamgym.__file__).parents[2] / "configs"
PRESETS = _CLONE if _CLONE.is_dir() else Path(sys.prefix) / "share" / "dreamgym" / "configs"
ALFWORLD, TAUBENCH, WEBARENA, WEBSHOP = "alfworld", "taubench", "webarena", "webshop"
TRACES = "traces"  # the environment of users' own traces: it is in files, and nowhere else
KNOWN_ENVIRONMENTS = (ALFWORLD, WEBSHOP, WEBARENA, TAUBENCH, TRACES)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFlags:
    """The flags that stand for settings; None and False leave the file's value."""

    config: Path | None = None
    env: str | None = None
    num_iterations: int | None = None
    batch_size: int | None = None
    seed: int | None = None
    use_wandb: bool = False
    allow_low_fidelity: bool = False
    overrides: Sequence[str] = ()


def resolve(flags: RunFlags) -> DreamGymConfig:
    """The file or the environment's preset, then the flags, then the dotted overrides.

    Raises:
        ConfigError: a value or a name that cannot be used, with what could.
    """
    path = flags.config or preset(flags.env)
    overrides = list(_plain_overrides(flags))
    config = load_config(path, [*overrides, *flags.overrides])
    if flags.num_iterations is not None:
        overrides.append(_iterations(config, flags.num_iterations))
    if flags.batch_size is not None:
        overrides.append(_tasks(config, flags.batch_size))
    return load_config(path, [*overrides, *flags.overrides])


def preset(env: str | None) -> Path | None:
    """The YAML of an environment, or the default one; None (built-in defaults) where it is not installed."""
    if env is not None and env not in KNOWN_ENVIRONMENTS:
        near = difflib.get_close_matches(env, KNOWN_ENVIRONMENTS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(KNOWN_ENVIRONMENTS)}"
        raise ConfigError(f"unknown environment '{env}', {hint}")
    path = PRESETS / f"{env or 'default'}.yaml"
    return path if path.is_file() else None


def _plain_overrides(flags: RunFlags) -> Sequence[str]:
    values = {
        "environment.name": flags.env,
        "training.seed": flags.seed,
        "training.use_wandb": "true" if flags.use_wandb else None,
        "training.fidelity.gate": "false" if flags.allow_low_fidelity else None,
    }
    return [f"{key}={value}" for key, value in values.items() if value is not None]


def _iterations(config: DreamGymConfig, number: int) -> str:
    """Phases of ``number`` iterations in all, in the same proportions, one iteration each at least."""
    phases = config.training.phases
    if number < len(phases):
        raise ConfigError(
            f"--num-iterations {number}: the configuration has {len(phases)} phases, use as many or more"
        )
    left, parts = number, []
    for index, phase in enumerate(phases):
        to_come = sum(later.iterations for later in phases[index:])
        most = left - (len(phases) - index - 1)
        iterations = min(most, max(1, round(left * phase.iterations / to_come)))
        parts.append(f"{{world: {phase.world}, iterations: {iterations}}}")
        left -= iterations
    return f"training.phases=[{', '.join(parts)}]"


def _tasks(config: DreamGymConfig, batch_size: int) -> str:
    group_size = config.rl.group_size
    if batch_size < group_size or batch_size % group_size:
        raise ConfigError(
            f"--batch-size {batch_size}: these are trajectories per iteration, in groups of rl.group_size = "
            f"{group_size}; use a multiple of it"
        )
    return f"training.tasks_per_iteration={batch_size // group_size}"
