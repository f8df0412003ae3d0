"""A page of our own site as a tree, and that tree as Chromium's accessibility tree would have it.

It knows the tags of the site's templates and no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "input", "rect"}
ROLES = {
    "nav": "navigation", "main": "main", "a": "link", "button": "button", "select": "combobox",
    "option": "option", "h1": "heading", "p": "paragraph", "table": "table", "tr": "row", "td": "cell",
    "th": "columnheader", "svg": "image", "label": "LabelText", "ul": "list", "li": "listitem",
}  # fmt: skip
NAMED_BY_TEXT = {"a", "button", "option"}
NO_FILE = "No file chosen"
UNREAD = {"head", "style", "title"}


@dataclass(slots=True, eq=False)
class Node:
    """An element of a page, or its text where ``tag`` is empty; ``number`` counts them in reading order."""

    tag: str
    number: int
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None
    words: str = ""

    def walk(self) -> Iterator[Node]:
        """This and all below, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, tag: str) -> Iterator[Node]:
        """Those below of a tag."""
        return (node for node in self.walk() if node.tag == tag)

    @property
    def text(self) -> str:
        """What is written in it, its stretches apart by single spaces."""
        return " ".join(" ".join(node.words for node in self.walk() if node.words).split())

    @property
    def form(self) -> Node | None:
        """The form that it is in."""
        node: Node | None = self
        while node is not None and node.tag != "form":
            node = node.parent
        return node


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", 0)
        self._open = self.root
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See ``HTMLParser``."""
        node = self._add(Node(tag, 0, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See ``HTMLParser``."""
        self._add(Node(tag, 0, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """See ``HTMLParser``."""
        if tag not in VOID and self._open.parent is not None:
            self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        """See ``HTMLParser``."""
        if data.strip():
            self._add(Node("", 0, words=data))

    def _add(self, node: Node) -> Node:
        self._count += 1
        node.number, node.parent = self._count, self._open
        self._open.children.append(node)
        return node


def read_html(body: str) -> Node:
    """The tree of a page."""
    parser = _Parser()
    parser.feed(body)
    return parser.root


def title_of(root: Node) -> str:
    """What the page calls itself."""
    return next((node.text for node in root.find("title")), "")


def value_of(node: Node) -> str:
    """What a field holds when the page has loaded."""
    if node.tag != "select":
        return node.attributes.get("value", "")
    options = list(node.find("option"))
    chosen = next((option for option in options if "selected" in option.attributes), options[0])
    return chosen.text


def accessibility(root: Node, values: dict[int, str]) -> list[dict[str, Any]]:
    """The nodes as ``Accessibility.getFullAXTree`` has them; ``values`` is what fields hold, by number."""
    labels = {node.attributes.get("for", ""): node.text for node in root.find("label")}
    found: list[dict[str, Any]] = []
    top = {"nodeId": "0", "role": {"value": "RootWebArea"}, "name": {"value": title_of(root)}, "childIds": []}
    found.append(top)
    for child in root.children:
        _read(child, top, found, labels, values)
    return found


def _read(
    node: Node,
    parent: dict[str, Any],
    found: list[dict[str, Any]],
    labels: dict[str, str],
    values: dict[int, str],
) -> None:
    if node.tag in UNREAD or "hidden" in node.attributes:
        return
    read: dict[str, Any] = {
        "nodeId": str(node.number),
        "role": {"value": _role(node)},
        "name": {"value": _name(node, labels)},
        "value": {"value": _value(node, values)},
        "backendDOMNodeId": node.number,
        "childIds": [],
    }
    parent["childIds"].append(read["nodeId"])
    found.append(read)
    if node.tag != "svg":
        for child in node.children:
            _read(child, read, found, labels, values)


def _value(node: Node, values: dict[int, str]) -> str:
    if node.tag not in ("select", "input"):
        return ""
    return NO_FILE if is_file(node) else values.get(node.number, value_of(node))


def is_file(node: Node) -> bool:
    """Whether it takes a file."""
    return node.attributes.get("type") == "file"


def _role(node: Node) -> str:
    if not node.tag:
        return "StaticText"
    if node.tag == "input":
        return "button" if is_file(node) else "textbox"
    if node.tag == "svg":
        return "image"
    return node.attributes.get("role") or ROLES.get(node.tag, "generic")


def _name(node: Node, labels: dict[str, str]) -> str:
    if not node.tag:
        return node.words
    if node.tag in NAMED_BY_TEXT:
        return node.text
    given = node.attributes.get("aria-label", "")
    return given or (labels.get(node.attributes.get("id", ""), "") if node.tag in ("input", "select") else "")
