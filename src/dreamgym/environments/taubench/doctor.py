"""What tau-bench needs of this machine: nothing for our own shop, a package for tau2-bench's tasks."""

from __future__ import annotations

from dreamgym.environments.needs import Need
from dreamgym.environments.taubench.tau2_package import MISSING, installed


def needs() -> tuple[Need, ...]:
    """tau2-bench, for those who want it."""
    return (Need(name="tau2-bench (tau2:DOMAIN:solo:ID)", found=installed(), hint=MISSING, optional=True),)
