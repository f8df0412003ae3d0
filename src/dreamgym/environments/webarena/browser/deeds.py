"""The paper's actions as Playwright does them, on an element that the agent has named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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
            await target.drag_to(await _target(tab, call.text(1), elements, OTHER_MARK), timeout=ACTION_MS)
        else:
            await DEEDS[call.name](target, call)
    except playwright().Error as error:
        # A navigation or a closed window may take the element away while it is being acted on.
        if not tab.alive:
            raise
        raise ActionError(_reason(call, str(error))) from None


async def _target(tab: Tab, id: str, elements: Mapping[str, Element], mark: str) -> Locator:
    if id not in elements:
        raise ActionError(f"there is no element [{id[:12]}]")
    if not await tab.mark(elements[id], mark):
        raise ActionError(f"the element [{id}] is gone")
    return tab.page.locator(f"[{mark}]")


def _reason(call: Call, said: str) -> str:
    """Playwright's reason in a few words."""
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


async def _click(target: Locator, call: Call) -> None:
    await target.click(timeout=ACTION_MS, **_how(call))


async def _dblclick(target: Locator, call: Call) -> None:
    await target.dblclick(timeout=ACTION_MS, **_how(call))


def _how(call: Call) -> dict[str, Any]:
    """The button and the keys held, as Playwright wants them."""
    return {"button": (call.choices(1) or ("left",))[0], "modifiers": list(call.choices(2))}


async def _hover(target: Locator, call: Call) -> None:
    await target.hover(timeout=ACTION_MS)


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


DEEDS: Mapping[str, Callable[[Locator, Call], Awaitable[None]]] = {
    "fill": _fill,
    "select_option": _select,
    "click": _click,
    "dblclick": _dblclick,
    "hover": _hover,
    "press": _press,
    "focus": _focus,
    "clear": _clear,
    "upload_file": _upload,
}
