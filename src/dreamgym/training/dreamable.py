"""What a dream stands on: a model of its environment, and logged episodes. ALFWorld's alone are shipped."""

from __future__ import annotations

from pathlib import Path

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.training.models import ASSETS, EMBEDDED
from dreamgym.training.settings import ALFWORLD, TRACES


def check_dreamable(config: DreamGymConfig) -> None:
    """Refuse a dream that would be nonsense.

    Raises:
        UnavailableError: the experience model is the shipped one, and the environment not its own.
        ConfigError: there is no offline data.
    """
    name = config.environment.name
    if config.reasoning_model.name == EMBEDDED and name != ALFWORLD:
        raise UnavailableError(
            f"no dream of '{name}' is shipped, and the shipped experience model knows ALFWorld alone: "
            + _remedy(name)
        )
    if offline_folder(config) is None:
        raise ConfigError(
            f"no offline data of '{name}' is shipped, and a dream stands on it: name the folder that "
            "reasoning_model.name was fitted on in environment.offline_data"
        )


def offline_folder(config: DreamGymConfig) -> Path | None:
    """The folder of the offline data; None where there is none."""
    if config.environment.offline_data is not None:
        return config.environment.offline_data
    return ASSETS / "offline" if config.environment.name == ALFWORLD else None


def _remedy(name: str) -> str:
    """How to have a dream of the environment ``name``, and what to do without one."""
    if name == TRACES:
        return "`dreamgym train --traces FILE` fits one, and config.yaml in its output folder names it"
    return (
        f"make one with `sh examples/dreams/{name}.sh`, which says how long it takes, and name it with "
        f"`--config configs/{name}_dream.yaml`, or by the settings in that file; without one, "
        f"`dreamgym train --env {name}` trains for real"
    )
