"""A page that is kept open: going somewhere, acting, waiting until it rests, reading it.

A context of its own keeps its cookies from other tabs; ``clean`` makes it new without opening another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from dreamgym.core.data_structures import StopReason
from dreamgym.core.errors import EnvironmentFailedError, EpisodeError
from dreamgym.environments.webarena.browser.activity import LOAD_S, MAX_PAGE, Activity
from dreamgym.environments.webarena.browser.chromium import CLOSE_S, SharedChromium, playwright, within
from dreamgym.environments.webarena.browser.guard import HOSTS, Guard
from dreamgym.environments.webarena.elements import Element, read_elements, title_of

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page

TURN_S = 15.0
JUDGED_S = 180.0
MAX_TAGS = 30_000
READS = 3
BROWSER_ERROR = "chrome-error://"
SIZE = "() => [document.documentElement.outerHTML.length, document.getElementsByTagName('*').length]"
MARK = """function (name) {
  const element = this.nodeType === 1 ? this : this.parentElement;
  if (!element || !element.isConnected) return null;
  for (const old of document.querySelectorAll(`[${name}]`)) old.removeAttribute(name);
  element.setAttribute(name, '');
  element.scrollIntoView({block: 'nearest', inline: 'nearest'});
  const box = element.getBoundingClientRect();
  const spots = [[.5, .5], [.25, .25], [.75, .25], [.25, .75], [.75, .75], [.1, .5], [.9, .5]];
  for (const [right, down] of spots) {
    const x = right * box.width, y = down * box.height;
    const hit = document.elementFromPoint(box.left + x, box.top + y);
    if (hit && (element.contains(hit) || hit.contains(element)))
      return right === .5 && down === .5 ? [] : [x - element.clientLeft, y - element.clientTop];
  }
  return [];
}"""
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
        self._activity = Activity(page, cdp, guard)
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
                await tab.guard.watch(page)
                await tab._activity.listen()
            except playwright().Error as error:
                raise EnvironmentFailedError(f"no page can be opened: {_first(error)}") from None
            tab._made = made.pop_all()
            return tab

    @property
    def alive(self) -> bool:
        """Whether it can still be used."""
        return not self._activity.crashed and not self.page.is_closed()

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
        await self._activity.over()
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

    async def mark(self, element: Element, name: str) -> tuple[float, ...] | None:
        """Set the attribute ``name`` on ``element``, for a locator to find; None where it has gone.

        Where something lies over its middle: a point of it that can be seen, from its upper left corner.
        """
        try:
            node = await self.cdp.send("DOM.resolveNode", {"backendNodeId": element.node})
            called = await self.cdp.send(
                "Runtime.callFunctionOn",
                {
                    "objectId": node["object"]["objectId"],
                    "functionDeclaration": MARK,
                    "arguments": [{"value": name}],
                    "returnByValue": True,
                },
            )
        except playwright().Error:
            return None
        spot = called["result"].get("value")
        return tuple(map(float, spot)) if isinstance(spot, list) else None

    async def close(self) -> None:
        """Free the context, and the browser where nobody else uses it."""
        await self._made.aclose()

    @asynccontextmanager
    async def turn(self, *, judged: bool = False) -> AsyncIterator[None]:
        """A turn, which has its time; a page that hangs or a browser that dies ends the episode.

        Where the outcome is ``judged``, pages are opened, and a language model may be asked.
        """
        seconds = JUDGED_S if judged else TURN_S
        self.guard.begin_turn()
        self._activity.failed = None
        if not self.alive:
            raise EnvironmentFailedError("the page has crashed")
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            self._activity.crashed = True  # it may hang for good: never used again
            who = "the page, or the judge," if judged else "the page"
            raise TurnTimeoutError(f"{who} did not answer within {seconds:.0f} s") from None
        except playwright().Error as error:
            self._activity.crashed = True
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
        if not self.page.url.startswith(BROWSER_ERROR):
            return
        url, reason = self._activity.failed or (self.page.url, "no answer")
        if self.guard.permits(url):
            raise EnvironmentFailedError(f"{url} cannot be opened ({reason}): is the site up?")
        self.guard.refuse(HOSTS)
        await self.page.go_back(wait_until="load", timeout=1_000 * LOAD_S)


async def _close(context: BrowserContext) -> None:
    await within(CLOSE_S, context.close())


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
