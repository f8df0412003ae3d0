"""WebShop: shopping in a generated catalogue, or in the original's where its files are at hand."""

from __future__ import annotations

from dreamgym.core.config import EnvironmentConfig
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import plugged

NAME = "webshop"


def webshop(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/webshop``."""
    return plugged(NAME, "WebshopEnv", config)
