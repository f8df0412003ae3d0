"""tau-bench: tools and a user, in a world of our own or in the original domains."""

from __future__ import annotations

from dreamgym.core.config import EnvironmentConfig
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import plugged

NAME = "taubench"


def taubench(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/taubench``."""
    return plugged(NAME, "TaubenchEnv", config)
