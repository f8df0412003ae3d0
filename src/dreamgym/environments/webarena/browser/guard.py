"""What keeps the agent's browser where it belongs, and counts what it refused.

Requests to other hosts are stopped at the network layer; downloads, new windows, ``file:`` and
``javascript:`` links are refused. A dialog is answered at once, its text told to the agent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from dreamgym.environments.webarena.browser.chromium import playwright
from dreamgym.environments.webarena.sites import origin_of
from dreamgym.environments.webarena.state import clean

if TYPE_CHECKING:
    from playwright.async_api import ConsoleMessage, Dialog, Page, Request, Route

HOSTS, DOWNLOADS, FILES, WINDOWS, SCRIPTS = (
    "other hosts",
    "downloads",
    "file: links",
    "new windows",
    "javascript: links",
)
RESOURCES = "requests of pages to other hosts"  # images and the like: no deed of the agent's
DEEDS = (HOSTS, DOWNLOADS, FILES, WINDOWS, SCRIPTS)
MARK = "dreamgym refuses a javascript: link"
NOT_ALLOWED = "Not allowed to load local resource: file:"
# A page's own code may run; a link whose address is code may not.
INIT = f"""
for (const kind of ['click', 'auxclick', 'submit']) window.addEventListener(kind, event => {{
  const path = event.composedPath();
  const url = kind === 'submit'
    ? event.submitter?.getAttribute('formaction') ?? event.target.getAttribute('action')
    : path.find(node => node instanceof Element && node.matches('a[href], area[href]'))?.href;
  if (typeof url === 'string' && url.trim().toLowerCase().startsWith('javascript:')) {{
    event.preventDefault(); event.stopImmediatePropagation(); console.info('{MARK}');
  }}
}}, true);
"""
MAX_SAID = 300


@dataclass  # without slots: Playwright notes its handlers on it
class Guard:
    """Watches one page of the agent's. ``counts`` grow over an episode, ``notes`` are of the last turn."""

    allowed: frozenset[str]
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    deeds: int = 0

    async def watch(self, page: Page) -> None:
        """Guard ``page`` and everything that it opens."""
        await page.context.add_init_script(INIT)
        await page.context.route("**/*", self._route)
        page.context.on("page", self._window)
        page.on("dialog", self._dialog)
        page.on("console", self._console)

    def begin_turn(self) -> None:
        """Forget the notes of the turn before."""
        self.notes, self.deeds = [], 0

    def begin_episode(self) -> None:
        """Forget everything."""
        self.begin_turn()
        self.counts.clear()

    def refuse(self, kind: str) -> None:
        """Count something, and tell the agent where it was its own deed."""
        self.counts[kind] += 1
        if kind in DEEDS:
            self.deeds += 1
            if (note := f"refused: {kind} cannot be opened") not in self.notes:
                self.notes.append(note)

    def permits(self, url: str) -> bool:
        """Whether ``url`` may be asked for."""
        return origin_of(url) in self.allowed

    def takes(self, event: Mapping[str, Any], most: int, *, main: bool) -> bool:
        """Whether the rest of a page may come whose head is ``event`` (CDP's Fetch.requestPaused).

        Not where it leads to another host, nor where it says that it is larger than ``most`` bytes.
        """
        head = {entry["name"].lower(): entry["value"] for entry in event.get("responseHeaders", ())}
        status, length = event.get("responseStatusCode", 0), head.get("content-length", "")
        target = urljoin(event["request"]["url"], head.get("location", ""))
        if 300 <= status < 400 and not self.permits(target):
            self.refuse(HOSTS if main else RESOURCES)
            return False
        if length.isascii() and length.isdigit() and int(length) > most:
            self.notes.append(f"error: the page is too large to be read: {int(length):,} bytes")
            self.deeds += main
            return False
        return True

    async def _route(self, route: Route, request: Request) -> None:
        try:
            if self.permits(request.url):
                await route.continue_()
                return
            navigation = request.is_navigation_request()
            self.refuse(HOSTS if navigation and request.frame.parent_frame is None else RESOURCES)
            await route.abort("aborted" if navigation else "blockedbyclient")  # "aborted" stays where it is
        except playwright().Error:
            return  # the page went before it was answered

    async def _window(self, page: Page) -> None:
        """Close what was opened; ``on_window`` has counted it, which comes in time for the turn."""
        try:
            await page.close()
        except playwright().Error:
            return  # it has closed itself

    def on_window(self, event: Mapping[str, Any]) -> None:
        """A window is about to be opened (CDP's Page.windowOpen, or a navigation into a new one)."""
        self.refuse(WINDOWS)

    def on_download(self, event: Mapping[str, Any]) -> None:
        """A download is about to begin (CDP's Page.downloadWillBegin), which the context does not take."""
        self.refuse(DOWNLOADS)

    async def _dialog(self, dialog: Dialog) -> None:
        if dialog.type != "beforeunload" and len(self.notes) < 10:
            self.notes.append(f'the page said: "{clean(dialog.message, MAX_SAID)}"')
        try:
            await (dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())
        except playwright().Error:
            return  # the page went first

    def _console(self, message: ConsoleMessage) -> None:
        if message.text == MARK:
            self.refuse(SCRIPTS)
        elif message.type == "error" and message.text.startswith(NOT_ALLOWED):
            self.refuse(FILES)
