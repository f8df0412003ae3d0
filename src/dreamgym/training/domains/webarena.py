"""WebArena: a real browser on a small site of our own, on MiniWoB++, or on the sites that a user runs."""

from __future__ import annotations

from dreamgym.core.config import EnvironmentConfig
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import plugged

NAME = "webarena"


def webarena(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/webarena``."""
    return plugged(NAME, "WebarenaEnv", config)
