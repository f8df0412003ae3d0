"""What WebArena needs of this machine: is it there, and what would help?"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from dreamgym.environments.needs import Need
from dreamgym.environments.webarena.browser.chromium import (
    INSTALL,
    INSTALL_CHROMIUM,
    executable,
    own_chromium,
)
from dreamgym.environments.webarena.miniwob import folder
from dreamgym.environments.webarena.sites import NAMES, Sites


def needs() -> tuple[Need, ...]:
    """Everything, in the order in which it is needed; the last two are for those who want them."""
    chromium = executable() or own_chromium()
    sites = Sites.from_environment()
    return (
        Need(name="Playwright, which drives the browser", found=_version("playwright"), hint=INSTALL),
        Need(name="Chromium", found=None if chromium is None else str(chromium), hint=INSTALL_CHROMIUM),
        Need(
            name="MiniWoB++'s pages (miniwob:PAGE)",
            found=_version("miniwob") if folder() is not None else None,
            hint=INSTALL,
            optional=True,
        ),
        Need(
            name="WebArena's own sites (webarena:NUMBER)",
            found=None if sites.strange else _listed(sites.urls) or None,
            hint="; ".join(sites.strange.values())
            or f"host them, and set {', '.join(sorted(NAMES))} to their URLs",
            optional=True,
        ),
    )


def _listed(urls: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={url}" for name, url in urls.items())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
