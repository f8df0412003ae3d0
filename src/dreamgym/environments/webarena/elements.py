"""What a page holds, read from Chromium's accessibility tree: elements with a type, a name and a value.

Ids are given in reading order, so that a page that looks the same reads the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_NODES = 200_000
MAX_ELEMENTS = 4_000
INTERACTIVE = {
    "link", "button", "textbox", "searchbox", "combobox", "checkbox", "radio", "switch", "slider",
    "spinbutton", "menuitem", "menuitemcheckbox", "menuitemradio", "tab", "option", "listbox", "treeitem",
    "DisclosureTriangle", "ColorWell", "Date", "DateTime", "InputTime",
}  # fmt: skip
NAMES = {"searchbox": "textbox", "DisclosureTriangle": "button", "ColorWell": "color", "image": "img"}
EDITABLE = {"textbox", "searchbox", "spinbutton"}
CHECKED = {"checkbox", "radio", "switch", "menuitemcheckbox", "menuitemradio"}
ALERTS = {"alert", "status", "alertdialog", "log"}
TABLES = {"table", "grid", "treegrid"}
CELLS = {"cell", "gridcell", "columnheader", "rowheader"}
ASIDE = {"navigation", "banner", "contentinfo", "complementary"}
SPOKEN = {"link", "button"}  # whose texts belong to the sentence around them
PICTURES = {"img", "image", "figure", "graphics-document", "Canvas", "meter", "progressbar"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One thing on a page. ``node`` is Chromium's id of it; ``aside`` lies in a menu, a header, a footer."""

    id: str
    type: str
    name: str
    value: str = ""
    options: tuple[str, ...] = ()
    aside: bool = False
    node: int = 0

    @property
    def interactive(self) -> bool:
        """Whether it is there to be acted on."""
        return self.type in INTERACTIVE or self.type == "color"


@dataclass(slots=True)
class _Reader:
    nodes: Mapping[str, Mapping[str, Any]]
    names: set[str]
    found: list[Element] = field(default_factory=list)

    def add(
        self,
        node: Mapping[str, Any],
        type: str,
        name: str,
        value: str = "",
        options: tuple[str, ...] = (),
        aside: bool = False,
    ) -> None:
        """Note an element, unless it says nothing."""
        backend = node.get("backendDOMNodeId", 0)
        if (name or value or type in INTERACTIVE) and len(self.found) < MAX_ELEMENTS:
            number = str(len(self.found) + 1)
            self.found.append(
                Element(
                    id=number, type=type, name=name, value=value, options=options, aside=aside, node=backend
                )
            )


def title_of(tree: Sequence[Mapping[str, Any]]) -> str:
    """What the page calls itself."""
    return _name(tree[0]) if tree else ""


def read_elements(tree: Sequence[Mapping[str, Any]]) -> list[Element]:
    """The elements of ``Accessibility.getFullAXTree``'s nodes, in reading order."""
    nodes = {node["nodeId"]: node for node in tree[:MAX_NODES]}
    names = {_name(node) for node in nodes.values() if _role(node) in INTERACTIVE}
    reader = _Reader(nodes=nodes, names=names)
    # An explicit stack: a page may nest deeper than Python does.
    stack: list[tuple[Mapping[str, Any], bool, bool]] = [(root, False, False) for root in tree[:1]]
    while stack:
        node, aside, labelled = stack.pop()
        role = _role(node)
        aside, labelled = aside or role in ASIDE, labelled or role == "LabelText"
        if not node.get("ignored") and _read(reader, node, role, aside, labelled):
            continue
        stack += [(child, aside, labelled) for child in reversed(list(_children(nodes, node)))]
    return reader.found


def _read(reader: _Reader, node: Mapping[str, Any], role: str, aside: bool, labelled: bool) -> bool:
    """Note what a node is; true where its children are told with it."""
    nodes, name = reader.nodes, _name(node)
    if role in INTERACTIVE:
        options = (
            tuple(_name(n) for n in _below(nodes, node) if _role(n) == "option")
            if role in ("combobox", "listbox")
            else ()
        )
        reader.add(
            node, NAMES.get(role, role), name or _text(nodes, node), _state(node, role), options, aside
        )
        return True
    if role == "StaticText":
        if not (labelled and name in reader.names):
            reader.add(node, "text", name, aside=aside)
        return True
    if role == "heading" or role in ALERTS:
        reader.add(node, "alert" if role in ALERTS else role, _text(nodes, node) or name, aside=aside)
        _read_inside(reader, node, aside)
        return True
    if role in PICTURES:
        if role not in ("Canvas", "figure") or name:
            reader.add(
                node, "chart" if ":" in name else NAMES.get(role, role), name, _value(node), aside=aside
            )
        return role != "figure"
    if role in TABLES:
        reader.add(node, "table", name, "; ".join(_lines(nodes, node)), aside=aside)
        _read_inside(reader, node, aside)
        return True
    if role == "paragraph":
        if text := _words(reader, node):
            reader.add(node, "text", text, aside=aside)
        _read_inside(reader, node, aside)
        return True
    return False


def _read_inside(reader: _Reader, node: Mapping[str, Any], aside: bool) -> None:
    """What can be acted on inside something whose text was told whole."""
    for inner in _below(reader.nodes, node, past=INTERACTIVE):
        role = _role(inner)
        if role in INTERACTIVE and not inner.get("ignored"):
            _read(reader, inner, role, aside, False)


def _words(reader: _Reader, node: Mapping[str, Any]) -> str:
    """What a paragraph says, but not what its controls say themselves; nothing where it is but a link."""
    nodes = reader.nodes
    spoken = [
        _text(nodes, inner) if _role(inner) in SPOKEN else _raw(inner)
        for inner in _below(nodes, node, past=INTERACTIVE)
        if _role(inner) in SPOKEN or (_role(inner) == "StaticText" and _name(inner) not in reader.names)
    ]
    own = [
        n
        for n in _below(nodes, node, past=INTERACTIVE)
        if _role(n) == "StaticText" and _name(n) not in reader.names
    ]
    return _joined(spoken) if any(_name(inner) for inner in own) else ""


def _lines(nodes: Mapping[str, Mapping[str, Any]], table: Mapping[str, Any]) -> Iterator[str]:
    for row in _below(nodes, table):
        if _role(row) == "row":
            yield ", ".join(_text(nodes, cell) for cell in _below(nodes, row) if _role(cell) in CELLS)


def _state(node: Mapping[str, Any], role: str) -> str:
    """A control's value, and whether it is checked, open, out of use."""
    properties = {entry["name"]: entry["value"].get("value") for entry in node.get("properties", ())}
    parts = [_value(node)]
    if role in CHECKED:
        parts = ["checked" if properties.get("checked") in ("true", True) else "not checked"]
    if role in ("option", "tab", "treeitem") and properties.get("selected"):
        parts.append("selected")
    if properties.get("expanded") and role != "combobox":
        parts.append("open")
    if properties.get("disabled"):
        parts.append("disabled")
    return ", ".join(part for part in parts if part)


def _below(
    nodes: Mapping[str, Mapping[str, Any]], node: Mapping[str, Any], past: Collection[str] = ()
) -> Iterator[Mapping[str, Any]]:
    """Everything under a node in reading order, but not what is under roles of ``past``."""
    stack = list(reversed(list(_children(nodes, node))))
    while stack:
        inner = stack.pop()
        yield inner
        if _role(inner) not in past:
            stack += reversed(list(_children(nodes, inner)))


def _children(nodes: Mapping[str, Mapping[str, Any]], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (nodes[child] for child in node.get("childIds", ()) if child in nodes)


def _text(nodes: Mapping[str, Mapping[str, Any]], node: Mapping[str, Any]) -> str:
    """The texts inside a node, apart by single spaces."""
    return _joined([_raw(inner) for inner in _below(nodes, node) if _role(inner) == "StaticText"])


def _joined(texts: Sequence[str]) -> str:
    return " ".join(" ".join(texts).split()).replace(" ,", ",")


def _role(node: Mapping[str, Any]) -> str:
    return str(node.get("role", {}).get("value", ""))


def _raw(node: Mapping[str, Any]) -> str:
    return str(node.get("name", {}).get("value", ""))


def _name(node: Mapping[str, Any]) -> str:
    return " ".join(_raw(node).split())


def _value(node: Mapping[str, Any]) -> str:
    return " ".join(str(node.get("value", {}).get("value", "")).split())
