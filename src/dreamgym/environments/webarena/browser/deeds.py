"""The paper's actions as Playwright does them, on an element that the agent has named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dreamgym.environments.webarena.actions import ActionError, Call
from dreamgym.environments.webarena.browser.chromium import playwright
from dreamgym.environments.webarena.browser.tab import Tab
from dreamgym.environments.webarena.elements import Element

if TYPE_CHECKING:
    from playwright.async_api import Locator

ACTION_MS = 2_500  # for an element to be seen, to hold still, and to take the action
MARK, OTHER_MARK = "data-dreamgym", "data-dreamgym-other"
# What an agent may upload: made here, never a file of this machine.
UPLOADS = {"notes.txt": b"some notes\n", "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}


async def perform(tab: Tab, call: Call, elements: Mapping[str, Element]) -> None:
    """Do ``call``.

    Raises:
        ActionError: the page does not hold what it names, or does not take it.
    """
    if call.name == "noop":
        await asyncio.sleep(sum(call.numbers()) / 1_000)
        return
    if call.name == "scroll":
        await tab.page.mouse.wheel(*call.numbers())
        return
    target = await _target(tab, call.text(0), elements, MARK)
    try:
        if call.name == "drag_and_drop":
            other = await _target(tab, call.text(1), elements, OTHER_MARK)
            await target.locator.drag_to(other.locator, timeout=ACTION_MS)
        elif call.name in POINTED:
            await POINTED[call.name](target, call)
        else:
            await DEEDS[call.name](target.locator, call)
    except playwright().Error as error:
        if not tab.alive:
            raise
        raise ActionError(_reason(call)) from error


@dataclass(frozen=True, slots=True)
class _Target:
    """An element, and the point to point at where it is not its middle."""

    locator: Locator
    spot: tuple[float, ...]

    def pointing(self, call: Call) -> dict[str, Any]:
        """The point, the button and the keys held, as Playwright wants them."""
        how: dict[str, Any] = {"modifiers": list(call.choices(2)), "timeout": ACTION_MS}
        if self.spot:
            how["position"] = {"x": self.spot[0], "y": self.spot[1]}
        return how


async def _target(tab: Tab, id: str, elements: Mapping[str, Element], mark: str) -> _Target:
    if id not in elements:
        raise ActionError(f"there is no element [{id[:12]}]")
    spot = await tab.mark(elements[id], mark)
    if spot is None:
        raise ActionError(f"the element [{id}] is gone")
    return _Target(tab.page.locator(f"[{mark}]"), spot)


def _reason(call: Call) -> str:
    """Why it could not be done, in a few words."""
    id = call.text(0)
    if call.name == "press":
        return f"the key {call.text(1)[:40]!r} cannot be pressed on [{id}]"
    known = {
        "fill": f"[{id}] takes no text",
        "clear": f"[{id}] takes no text",
        "select_option": f"[{id}] has no such option",
        "upload_file": f"[{id}] takes no file",
    }
    return known.get(call.name, f"[{id}] cannot be reached: it is hidden, covered or moving")


async def _fill(target: Locator, call: Call) -> None:
    await target.fill(call.text(1), timeout=ACTION_MS)


async def _select(target: Locator, call: Call) -> None:
    await target.select_option(list(call.choices(1)), timeout=ACTION_MS)


async def _click(target: _Target, call: Call) -> None:
    await target.locator.click(button=_button(call), **target.pointing(call))


async def _dblclick(target: _Target, call: Call) -> None:
    await target.locator.dblclick(button=_button(call), **target.pointing(call))


async def _hover(target: _Target, call: Call) -> None:
    await target.locator.hover(**target.pointing(call))


def _button(call: Call) -> Any:
    return (call.choices(1) or ("left",))[0]


async def _press(target: Locator, call: Call) -> None:
    await target.press(call.text(1), timeout=ACTION_MS)


async def _focus(target: Locator, call: Call) -> None:
    await target.focus(timeout=ACTION_MS)


async def _clear(target: Locator, call: Call) -> None:
    await target.clear(timeout=ACTION_MS)


async def _upload(target: Locator, call: Call) -> None:
    name = call.text(1)
    if name not in UPLOADS:
        raise ActionError(f"there is no such file, the files are {', '.join(UPLOADS)}")
    kind = "text/plain" if name.endswith(".txt") else "image/svg+xml"
    payload: Any = {"name": name, "mimeType": kind, "buffer": UPLOADS[name]}
    await target.set_input_files([payload], timeout=ACTION_MS)


POINTED: Mapping[str, Callable[[_Target, Call], Awaitable[None]]] = {
    "click": _click,
    "dblclick": _dblclick,
    "hover": _hover,
}
DEEDS: Mapping[str, Callable[[Locator, Call], Awaitable[None]]] = {
    "fill": _fill,
    "select_option": _select,
    "press": _press,
    "focus": _focus,
    "clear": _clear,
    "upload_file": _upload,
}
