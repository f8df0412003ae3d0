"""What a page is doing, as the browser tells it: loading, asking, failing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dreamgym.environments.webarena.browser.chromium import playwright
from dreamgym.environments.webarena.browser.guard import Guard

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page, Request

LOAD_S = 10.0
BEGIN_S = 0.5  # from the wish to go somewhere to going there
QUIET_S = 3.0  # how long requests that a page makes after it has loaded are waited for
MAX_PAGE = 8_000_000  # bytes of a page that is loaded, characters of one that is read


class Activity:
    """Follows one page. ``failed`` is the last page that did not come: its URL, and why."""

    def __init__(self, page: Page, cdp: CDPSession, guard: Guard) -> None:
        self._page, self._cdp, self._guard = page, cdp, guard
        self._event = asyncio.Event()
        self._busy: set[Request] = set()
        self._loading = self._expected = False
        self._frame = ""
        self.failed: tuple[str, str] | None = None
        self.crashed = False

    async def listen(self) -> None:
        """Begin to follow."""
        page, cdp = self._page, self._cdp
        page.on("request", self._on_request)
        page.on("requestfinished", self._on_finished)
        page.on("requestfailed", self._on_failed)
        page.on("crash", self._on_crash)
        cdp.on("Page.windowOpen", self._guard.on_window)
        cdp.on("Page.downloadWillBegin", self._guard.on_download)
        cdp.on("Page.frameRequestedNavigation", self._on_requested)
        cdp.on("Page.frameStartedLoading", self._on_loading)
        cdp.on("Page.frameStoppedLoading", self._on_stopped)
        cdp.on("Fetch.requestPaused", self._on_answer)
        await cdp.send("Page.enable")
        documents = {"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"}
        await cdp.send("Fetch.enable", {"patterns": [documents]})
        tree = await cdp.send("Page.getFrameTree")
        self._frame = tree["frameTree"]["frame"]["id"]

    async def over(self) -> None:
        """Wait until a page that was asked for has loaded, and what it asks for itself is answered."""
        await self._until(lambda: self._loading or not self._expected, BEGIN_S)
        self._expected = False
        await self._until(lambda: not self._loading, LOAD_S)
        await self._until(lambda: not self._busy, QUIET_S)
        self._busy.clear()

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Let events arrive until something holds, no longer than ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds() and not self.crashed:
                    self._event.clear()
                    await self._event.wait()

    def _on_request(self, request: Request) -> None:
        self._busy.add(request)

    def _on_finished(self, request: Request) -> None:
        self._busy.discard(request)
        self._event.set()

    def _on_failed(self, request: Request) -> None:
        self._busy.discard(request)
        self._event.set()
        main = request.is_navigation_request() and request.frame == self._page.main_frame
        if main and request.failure != "net::ERR_ABORTED":
            self.failed = (request.url, request.failure or "no answer")

    async def _on_answer(self, event: Mapping[str, Any]) -> None:
        """The head of a page has come: is the rest wanted?"""
        main = event.get("frameId") == self._frame
        wanted = self._guard.takes(event, MAX_PAGE, main=main)
        try:
            if wanted:
                await self._cdp.send("Fetch.continueResponse", {"requestId": event["requestId"]})
            else:  # "Aborted" stays on the page that is open
                reason = {"requestId": event["requestId"], "errorReason": "Aborted"}
                await self._cdp.send("Fetch.failRequest", reason)
        except playwright().Error:
            return  # the page went before it was answered

    def _on_crash(self, page: Page) -> None:
        self.crashed = True
        self._event.set()

    def _on_requested(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame and event["disposition"] == "currentTab":
            self._expected = event["url"].startswith(("http:", "https:"))
        elif event["disposition"] in ("newTab", "newWindow"):
            self._guard.on_window(event)

    def _on_loading(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._loading, self._expected = True, False
            self._event.set()

    def _on_stopped(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._loading = False
            self._event.set()
