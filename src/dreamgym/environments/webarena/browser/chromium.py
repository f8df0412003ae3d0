"""One Chromium per event loop and set of allowed hosts: started with its first user, closed with its last.

What the machine must have is Playwright and a Chromium: Playwright's own, or one on the path. Chromium is
told that no host has an address but the allowed ones, so what slips past a page's guard leads nowhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from dreamgym.core.errors import UnavailableError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "pip install 'dreamgym[browser]'"
INSTALL_CHROMIUM = "apt-get install chromium, or: playwright install chromium"
SHELL = "chromium-headless-shell"
SHELL_PROGRAMS = ("chrome-headless-shell", "headless_shell")
CLOSE_S = 5.0
FLAGS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-proxy-server",  # a proxy would look names up for it
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-external-intent-requests",
    "--deny-permission-prompts",
)


class SharedChromium:
    """A browser with the number of those who use it."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = hosts
        self._users = 0
        self._lock = asyncio.Lock()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def borrow(self) -> Browser:
        """The browser; one that has crashed is started anew.

        Raises:
            UnavailableError: there is no Playwright, or no Chromium.
        """
        async with self._lock:
            if self._browser is None or not self._browser.is_connected():
                await self._stop()
                await self._start()
            self._users += 1
            assert self._browser is not None
            return self._browser

    async def give_back(self) -> None:
        """One user less; the last one closes it."""
        async with self._lock:
            self._users -= 1
            if self._users == 0:
                await self._stop()

    async def _start(self) -> None:
        playwright_api = playwright()
        self._playwright = await playwright_api.async_playwright().start()
        try:
            self._browser = await self._playwright.chromium.launch(
                executable_path=executable(), args=[*FLAGS, _resolver(self._hosts)]
            )
        except playwright_api.Error as error:
            await self._stop()
            line = str(error).strip().splitlines()[0]
            raise UnavailableError(f"Chromium does not start ({line}): {INSTALL_CHROMIUM}") from None

    async def _stop(self) -> None:
        browser, self._browser = self._browser, None
        engine, self._playwright = self._playwright, None
        if browser is not None and browser.is_connected():
            await within(CLOSE_S, browser.close())
        if engine is not None:
            await within(CLOSE_S, engine.stop())


_SHARED: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], SharedChromium]] = (
    WeakKeyDictionary()
)


def chromium(hosts: tuple[str, ...]) -> SharedChromium:
    """This loop's browser for ``hosts``."""
    shared = _SHARED.setdefault(asyncio.get_running_loop(), {})
    return shared.setdefault(hosts, SharedChromium(hosts))


def playwright() -> Any:
    """Playwright's asynchronous API.

    Raises:
        UnavailableError: it is not installed.
    """
    try:
        from playwright import async_api
    except ImportError:
        raise UnavailableError(
            f"the browser is driven by Playwright, which is not installed: {INSTALL}"
        ) from None
    return async_api


def executable() -> str | None:
    """A Chromium on the path; None leaves it to Playwright, which may have its own."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def own_chromium() -> Path | None:
    """The Chromium that Playwright would start: the one without windows, of the revision that it wants."""
    found = find_spec("playwright")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent / "driver" / "package"
    if not (list_file := package / "browsers.json").is_file():
        return None
    listed = json.loads(list_file.read_text(encoding="utf-8"))["browsers"]
    revision = next((browser["revision"] for browser in listed if browser["name"] == SHELL), None)
    folder = _browsers(package) / f"{SHELL.replace('-', '_')}-{revision}"
    programs = (path for path in sorted(folder.glob("*/*")) if path.stem in SHELL_PROGRAMS)
    return next((path for path in programs if path.is_file() and os.access(path, os.X_OK)), None)


def _browsers(package: Path) -> Path:
    """The folder where Playwright looks for the browsers that it has installed."""
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if named:
        return package / ".local-browsers" if named == "0" else Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"


async def within(seconds: float, work: Any) -> None:
    """Wait for something that may hang because a page does, no longer than ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except (TimeoutError, playwright().Error):
        return  # what hangs or is gone dies with its browser


def _resolver(hosts: tuple[str, ...]) -> str:
    return "--host-resolver-rules=" + ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {host}" for host in hosts)])
