"""A page that is kept open: going somewhere, acting, waiting until it rests, reading it.

A context of its own keeps its cookies from other tabs; ``clean`` makes it new without opening another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from dreamgym.core.data_structures import StopReason
from dreamgym.core.errors import EnvironmentFailedError, EpisodeError
from dreamgym.environments.webarena.browser.chromium import CLOSE_S, SharedChromium, playwright, within
from dreamgym.environments.webarena.browser.guard import HOSTS, Guard
from dreamgym.environments.webarena.elements import Element, read_elements, title_of

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page, Request

TURN_S = 15.0
LOAD_S = 10.0
QUIET_S = 3.0  # how long requests that a page makes after it has loaded are waited for
MAX_PAGE = 8_000_000  # characters of a page that is read
MAX_TAGS = 30_000
READS = 3
BROWSER_ERROR = "chrome-error://"
SIZE = "() => [document.documentElement.outerHTML.length, document.getElementsByTagName('*').length]"
# A form is sent by a task of its own after the click: two rounds let it begin.
ROUNDS = "() => new Promise(done => setTimeout(() => setTimeout(done, 0), 0))"


class TurnTimeoutError(EpisodeError):
    """A page does not answer within the time of a turn."""

    stop_reason = StopReason.TIMEOUT


class TooLargeError(Exception):
    """A page that is not read because of its size; the message is for the agent."""


class Tab:
    """One page in a context of its own."""

    def __init__(self, page: Page, cdp: CDPSession, guard: Guard) -> None:
        self.page, self.cdp, self.guard = page, cdp, guard
        self._made = AsyncExitStack()
        self._busy: set[Request] = set()
        self._loading = False
        self._expected = False
        self._failed: tuple[str, str] | None = None
        self._crashed = False
        self._frame = ""
        self.kept = ""  # a page that is started again instead of loaded

    @classmethod
    async def open(
        cls, shared: SharedChromium, allowed: frozenset[str], storage_state: str | None = None
    ) -> Tab:
        """A new page that reaches ``allowed`` origins, logged in as ``storage_state`` (a file) says."""
        async with AsyncExitStack() as made:
            browser = await shared.borrow()
            made.push_async_callback(shared.give_back)
            try:
                context = await browser.new_context(
                    accept_downloads=False,
                    service_workers="block",
                    storage_state=storage_state,
                    viewport={"width": 1280, "height": 720},
                    locale="en-US",
                )
                made.push_async_callback(_close, context)
                page = await context.new_page()
                cdp = await context.new_cdp_session(page)
                tab = cls(page, cdp, Guard(allowed=allowed))
                await tab._listen()
            except playwright().Error as error:
                raise EnvironmentFailedError(f"no page can be opened: {_first(error)}") from None
            tab._made = made.pop_all()
            return tab

    async def _listen(self) -> None:
        await self.guard.watch(self.page)
        page, cdp = self.page, self.cdp
        page.on("request", self._on_request)
        page.on("requestfinished", self._on_finished)
        page.on("requestfailed", self._on_failed)
        page.on("crash", self._on_crash)
        cdp.on("Page.frameRequestedNavigation", self._on_requested)
        cdp.on("Page.windowOpen", self.guard.on_window)
        cdp.on("Page.downloadWillBegin", self.guard.on_download)
        cdp.on("Page.frameStartedLoading", self._on_loading)
        cdp.on("Page.frameStoppedLoading", self._on_stopped)
        cdp.on("Fetch.requestPaused", self._on_answer)
        await cdp.send("Page.enable")
        documents = {"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"}
        await cdp.send("Fetch.enable", {"patterns": [documents]})
        tree = await cdp.send("Page.getFrameTree")
        self._frame = tree["frameTree"]["frame"]["id"]

    @property
    def alive(self) -> bool:
        """Whether it can still be used."""
        return not self._crashed and not self.page.is_closed()

    async def go(self, url: str) -> None:
        """Open ``url``.

        Raises:
            EnvironmentFailedError: the site does not answer.
        """
        try:
            await self.page.goto(url, wait_until="load", timeout=1_000 * LOAD_S)
        except playwright().Error as error:
            raise EnvironmentFailedError(
                f"{url} cannot be opened ({_first(error)}): is the site up?"
            ) from None
        await self.rest()

    async def clean(self, origins: Sequence[str]) -> None:
        """As new for the page that is opened next: no cookies, nothing stored."""
        self.kept = ""
        await self.page.context.clear_cookies()
        for origin in origins:
            await self.cdp.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        self.guard.begin_episode()

    async def forget_history(self) -> None:
        """There is no way back from the page that is open."""
        await self.cdp.send("Page.resetNavigationHistory")

    async def rest(self) -> None:
        """Wait until what was set off is over: a page has loaded, its requests are answered.

        Raises:
            EnvironmentFailedError: the browser or an allowed site has gone.
        """
        await self._flush()
        await _until(lambda: self._loading or not self._expected, 0.5)
        self._expected = False
        await _until(lambda: not self._loading, LOAD_S)
        await _until(lambda: not self._busy, QUIET_S)
        self._busy.clear()
        if not self.alive:
            raise EnvironmentFailedError("the page has crashed")
        await self._judge_failure()

    async def read(self) -> tuple[str, list[Element]]:
        """The title and the elements of the page.

        Raises:
            TooLargeError: it is too large to be read.
        """
        for _ in range(READS):
            try:
                return await self._read()
            except playwright().Error:
                if not self.alive:
                    raise
                await self.rest()  # another page has come in the meantime
        return await self._read()

    async def _read(self) -> tuple[str, list[Element]]:
        size, tags = await self.page.evaluate(SIZE)
        if size > MAX_PAGE or tags > MAX_TAGS:
            raise TooLargeError(f"the page is too large to be read: {size:,} characters, {tags:,} elements")
        tree = await self.cdp.send("Accessibility.getFullAXTree")
        return title_of(tree["nodes"]), read_elements(tree["nodes"])

    async def mark(self, element: Element, name: str) -> bool:
        """Set the attribute ``name`` on ``element``, for a locator to find; false where it has gone."""
        try:
            node = await self.cdp.send("DOM.resolveNode", {"backendNodeId": element.node})
            called = await self.cdp.send(
                "Runtime.callFunctionOn",
                {
                    "objectId": node["object"]["objectId"],
                    "functionDeclaration": "function (name) { const e = this.nodeType === 1 ? this : this.parentElement;"
                    " if (!e || !e.isConnected) return false; for (const old of document.querySelectorAll(`[${name}]`))"
                    " old.removeAttribute(name); e.setAttribute(name, ''); return true; }",
                    "arguments": [{"value": name}],
                    "returnByValue": True,
                },
            )
        except playwright().Error:
            return False
        return called["result"].get("value") is True

    async def close(self) -> None:
        """Free the context, and the browser where nobody else uses it."""
        await self._made.aclose()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn, which has its time; a page that hangs or a browser that dies ends the episode."""
        self.guard.begin_turn()
        self._failed = None
        try:
            async with asyncio.timeout(TURN_S):
                yield
        except TimeoutError:
            self._crashed = True  # it may hang for good: never used again
            raise TurnTimeoutError(f"the page did not answer within {TURN_S:.0f} s") from None
        except playwright().Error as error:
            self._crashed = True
            raise EnvironmentFailedError(f"the browser failed: {_first(error)}") from None

    async def _flush(self) -> None:
        """Let every event that was set off arrive."""
        try:
            await self.page.evaluate(ROUNDS)
        except playwright().Error:
            if not self.alive:
                raise EnvironmentFailedError("the page has crashed") from None  # else: another page has come

    async def _judge_failure(self) -> None:
        """A page that did not come: the site is down, or it lay behind a redirect to another host."""
        if self._failed is None and not self.page.url.startswith(BROWSER_ERROR):
            return
        url, reason = self._failed or (self.page.url, "no answer")
        self._failed = None
        if not self.page.url.startswith(BROWSER_ERROR):
            return
        if self.guard.permits(url):
            raise EnvironmentFailedError(f"{url} cannot be opened ({reason}): is the site up?")
        self.guard.refuse(HOSTS)
        await self.page.go_back(wait_until="load", timeout=1_000 * LOAD_S)

    def _on_request(self, request: Request) -> None:
        self._busy.add(request)

    def _on_finished(self, request: Request) -> None:
        self._busy.discard(request)

    def _on_failed(self, request: Request) -> None:
        self._busy.discard(request)
        main = request.is_navigation_request() and request.frame == self.page.main_frame
        if main and request.failure != "net::ERR_ABORTED":
            self._failed = (request.url, request.failure or "no answer")

    async def _on_answer(self, event: Mapping[str, Any]) -> None:
        """The head of a page has come: is the rest wanted?"""
        main = event.get("frameId") == self._frame
        wanted = self.guard.takes(event, MAX_PAGE, main=main)
        try:
            if wanted:
                await self.cdp.send("Fetch.continueResponse", {"requestId": event["requestId"]})
            else:  # "Aborted" stays on the page that is open
                reason = {"requestId": event["requestId"], "errorReason": "Aborted"}
                await self.cdp.send("Fetch.failRequest", reason)
        except playwright().Error:
            return  # the page went before it was answered

    def _on_crash(self, page: Page) -> None:
        self._crashed = True

    def _on_requested(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame and event["disposition"] == "currentTab":
            self._expected = event["url"].startswith(("http:", "https:"))
        elif event["disposition"] in ("newTab", "newWindow"):
            self.guard.on_window(event)

    def _on_loading(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._loading, self._expected = True, False

    def _on_stopped(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._loading = False


async def _close(context: BrowserContext) -> None:
    await within(CLOSE_S, context.close())


async def _until(holds: Callable[[], bool], seconds: float) -> None:
    """Let events arrive until something holds, no longer than ``seconds``."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        await asyncio.sleep(0.002)


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
