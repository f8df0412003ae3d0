"""Environments by name. A new one is a file beside this one and a line in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.errors import UnavailableError
from dreamgym.models.llm_client import LLMClient
from dreamgym.training.domains.alfworld import alfworld
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import is_present
from dreamgym.training.domains.taubench import taubench
from dreamgym.training.domains.traces import traces
from dreamgym.training.domains.webarena import webarena
from dreamgym.training.domains.webshop import webshop
from dreamgym.training.settings import TRACES

DOMAINS: dict[str, Callable[[EnvironmentConfig], Domain]] = {
    "alfworld": alfworld,
    "webshop": webshop,
    "taubench": taubench,
    "webarena": webarena,
    TRACES: traces,
}


def available() -> list[str]:
    """The names of the environments that this version has."""
    return [name for name in DOMAINS if name == TRACES or is_present(name)]


def open_domain(config: EnvironmentConfig, client: LLMClient | None = None) -> Domain:
    """The environment ``config.name``; ``client`` is the model ``config.client``, wanted where it is played.

    Raises:
        UnavailableError: this version does not have it yet, or what it needs is not installed.
    """
    if config.name not in available():
        raise UnavailableError(
            f"the environment '{config.name}' is not in this version yet, only {', '.join(available())}: "
            "choose --env alfworld"
        )
    domain = DOMAINS[config.name](config)
    if client is None or domain.asking is None:
        return domain
    return replace(domain, make_real=domain.asking(client))
