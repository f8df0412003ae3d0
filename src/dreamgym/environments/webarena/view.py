"""What the agent reads in a turn: notes, where it is, and the elements of the page."""

from __future__ import annotations

from dreamgym.environments.webarena.actions import quoted
from dreamgym.environments.webarena.browser.tab import Tab, TooLargeError
from dreamgym.environments.webarena.elements import Element
from dreamgym.environments.webarena.state import MAX_OBSERVATION, abstract, clean, describe, windows

CLICKED = {"link", "button", "checkbox", "radio", "switch", "tab", "menuitem", "option", "treeitem"}


class View:
    """The page as it was last read; ``whole`` shows all of it, else the ``window`` of what matters."""

    def __init__(self, *, whole: bool) -> None:
        self.elements: dict[str, Element] = {}
        self._shown: list[Element] = []
        self._whole = whole
        self._window = 0
        self._screens = 1

    def turn_page(self, down: float) -> None:
        """Show what comes after, or before."""
        step = (down > 0) - (down < 0)
        self._window = max(0, min(self._window + step, self._screens - 1))

    def rewind(self) -> None:
        """Show the best again."""
        self._window = 0

    async def read(self, tab: Tab, notes: list[str], instruction: str, address: str) -> str:
        """The text of the page that is open."""
        try:
            title, found = await tab.read()
        except TooLargeError as error:
            self.elements, self._shown = {}, []
            return "\n".join([*notes, f"error: {error}"])
        self.elements = {element.id: element for element in found}
        self._screens = windows(found)
        self._window = min(self._window, self._screens - 1)
        self._shown = found if self._whole else abstract(found, instruction, self._window)
        lines = [*notes, f"page: {clean(address, 500)} - {clean(title)}"]
        if self._shown:
            lines.append(describe(self._shown, whole=self._whole))
        if len(self._shown) < len(found):
            lines.append(f"more: {len(found) - len(self._shown)}, scroll to see them")
        return "\n".join(lines)[:MAX_OBSERVATION]

    def admissible(self) -> tuple[str, ...]:
        """What can be done with what is shown; the texts of ``fill`` and of messages are the agent's own."""
        actions = [action for element in self._shown for action in _possible(element)]
        if self._screens > 1 and not self._whole:
            actions += ["scroll(0, 500)"] * (self._window + 1 < self._screens)
            actions += ["scroll(0, -500)"] * (self._window > 0)
        return (*actions, "noop()")


def _possible(element: Element) -> list[str]:
    id = quoted(element.id)
    if element.type == "combobox" and element.options:
        return [f"select_option({id}, {quoted(option)})" for option in element.options]
    if element.type in ("textbox", "spinbutton"):
        return [f"clear({id})"]
    return [f"click({id})"] if element.type in CLICKED else []
