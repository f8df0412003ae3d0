"""What stands for a page in a browser: pages of our own site opened, filled in, sent and asked.

The site's own handlers answer; a browser's part (forms, redirects, the elements that are read) is done here.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from urllib.parse import urlencode, urljoin

from dreamgym.environments.webarena.actions import ActionError, Call
from dreamgym.environments.webarena.browser.deeds import UPLOADS
from dreamgym.environments.webarena.elements import Element, read_elements
from dreamgym.environments.webarena.site.server import ask
from dreamgym.environments.webarena.still.page_tree import (
    Node,
    accessibility,
    is_file,
    read_html,
    title_of,
    value_of,
)

HOST = "http://127.0.0.1"
_TEXT = re.compile(
    r"document\.querySelector\((?P<quote>['\"])(?P<path>.*)(?P=quote)\)\.(?P<what>outerText|value)"
)
_LAST_ROW = re.compile(r"document\.querySelector\('(?P<path>.*):last-child'\)\.outerText")
_COUNT = re.compile(r"document\.querySelectorAll\('(?P<path>.*)'\)\.length")
_STEP = re.compile(r"(?P<tag>\w*)(?:#(?P<id>[\w]+)|\.(?P<name>[\w]+)|\[name=\"(?P<field>\w+)\"\])?")


class StillTab:
    """The page that is open in one episode's database; it is its own ``page``, as evaluators ask for one."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.url = HOST
        self.root = read_html("")
        self.values: dict[int, str] = {}

    def copy(self, db: sqlite3.Connection) -> StillTab:
        """Another one at the same page."""
        tab = StillTab(db)
        tab.url, tab.root, tab.values = self.url, self.root, dict(self.values)
        return tab

    @property
    def page(self) -> StillTab:
        """See ``Tab``."""
        return self

    async def go(self, url: str) -> None:
        """Open ``url``."""
        self.open("GET", url, {})

    async def read(self) -> tuple[str, list[Element]]:
        """See ``Tab``."""
        return " ".join(title_of(self.root).split()), read_elements(accessibility(self.root, self.values))

    def open(self, method: str, url: str, form: dict[str, str]) -> None:
        """Send a request and follow where it leads."""
        response = ask(self.db, method, url.removeprefix(HOST), form)
        while response.location:
            url = urljoin(url, response.location)
            response = ask(self.db, "GET", url.removeprefix(HOST), {})
        self.url, self.root, self.values = url, read_html(response.body), {}

    def perform(self, call: Call, node: Node | None) -> None:
        """Do what an action says to an element.

        Raises:
            ActionError: the element does not take it.
        """
        id = call.text(0)
        if node is None:
            raise ActionError(f"there is no element [{id[:12]}]")
        if call.name in ("fill", "clear"):
            if node.tag != "input" or is_file(node):
                raise ActionError(f"[{id}] takes no text")
            self.values[node.number] = call.text(1) if call.name == "fill" else ""
        elif call.name == "select_option":
            options = [option.text for option in node.find("option")] if node.tag == "select" else []
            if call.choices(1)[-1] not in options:
                raise ActionError(f"[{id}] has no such option")
            self.values[node.number] = call.choices(1)[-1]
        elif call.name == "upload_file":
            missing = f"there is no such file, the files are {', '.join(UPLOADS)}"
            raise ActionError(f"[{id}] takes no file" if call.text(1) in UPLOADS else missing)
        elif call.name in ("click", "dblclick"):
            self.follow(node)
        elif call.name == "press" and call.text(1) == "Enter" and not is_file(node):
            self._enter(node)

    def _enter(self, node: Node) -> None:
        """The key that sends a field's form."""
        if node.tag != "input" or node.form is None:
            self.follow(node)
        elif button := next(node.form.find("button"), None):
            self.follow(button)

    def follow(self, node: Node) -> None:
        """Click a link, or a button."""
        if node.tag == "a":
            self.open("GET", urljoin(self.url, node.attributes["href"]), {})
        elif node.tag == "button" and node.form is not None:
            form, sent = node.form.attributes, dict(self._fields(node.form))
            url = urljoin(self.url, form.get("action") or self.url)
            if form.get("method") == "post":
                self.open("POST", url, sent)
            else:
                self.open("GET", f"{url.partition('?')[0]}?{urlencode(sent)}", {})

    def _fields(self, form: Node) -> Iterator[tuple[str, str]]:
        for node in form.walk():
            if node.tag in ("input", "select"):
                value = "" if is_file(node) else self.values.get(node.number, value_of(node))
                yield node.attributes["name"], _option(node, value)

    async def evaluate(self, script: str) -> str:
        """What a locator of the site's tasks finds; empty where it finds nothing."""
        locator = script.removeprefix("() => ")
        if match := _COUNT.fullmatch(locator):
            return str(len(self._select(match["path"])))
        if match := _LAST_ROW.fullmatch(locator):
            return "".join(node.text for node in self._select(match["path"])[-1:])
        match = _TEXT.fullmatch(locator)
        if match is None:
            raise ValueError(f"the locator {locator!r} is none of the site's tasks")
        found = self._select(match["path"])[:1]
        return "".join(self._now(node) if match["what"] == "value" else node.text for node in found)

    def _now(self, node: Node) -> str:
        return _option(node, self.values.get(node.number, value_of(node)))

    def _select(self, path: str) -> list[Node]:
        """The elements of a path such as ``#cart .quantity``."""
        found = [self.root]
        for step in path.split():
            match = _STEP.fullmatch(step)
            assert match is not None
            found = [node for above in found for node in above.walk() if node.tag and _is(node, match)]
        return found


def _is(node: Node, step: re.Match[str]) -> bool:
    attributes = node.attributes
    return (
        step["tag"] in ("", node.tag)
        and step["id"] in (None, attributes.get("id"))
        and (step["name"] is None or step["name"] in attributes.get("class", "").split())
        and step["field"] in (None, attributes.get("name"))
    )


def _option(node: Node, text: str) -> str:
    """What a list sends for the option that shows ``text``."""
    chosen = (option for option in node.find("option") if option.text == text)
    return next((option.attributes.get("value", text) for option in chosen), text)
