"""From an accessibility tree to the paper's abstract state, on trees written by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dreamgym.environments.webarena.elements import Element, read_elements, title_of
from dreamgym.environments.webarena.state import SHOWN, abstract, clean, describe, windows
from dreamgym.environments.webarena.view import View

Node = dict[str, Any]


def tree(*nested: Any) -> list[Node]:
    """Nodes of ``(role, name, *children)``; a dict among the children adds to the node."""
    nodes: list[Node] = []

    def add(entry: Any) -> str:
        role, name, *rest = entry
        number = str(len(nodes) + 1)
        node = {
            "nodeId": number,
            "role": {"value": role},
            "name": {"value": name},
            "backendDOMNodeId": int(number),
        }
        nodes.append(node)
        for extra in (part for part in rest if isinstance(part, dict)):
            node.update(extra)
        node["childIds"] = [add(part) for part in rest if not isinstance(part, dict)]
        return number

    add(("RootWebArea", "a page", *nested))
    return nodes


def text(words: str) -> tuple[str, str]:
    return ("StaticText", words)


def lines(*nested: Any) -> list[str]:
    return describe(read_elements(tree(*nested))).splitlines()


def prop(name: str, value: Any) -> Node:
    return {"properties": [{"name": name, "value": {"value": value}}]}


def test_elements_are_told_in_reading_order() -> None:
    assert title_of(tree()) == "a page"
    assert lines(
        ("heading", "shop", text("shop")),
        ("generic", "", ("textbox", "search", {"value": {"value": "red  lamp"}})),
        ("button", "Search", {"properties": [{"name": "disabled", "value": {"value": True}}]}),
        ("link", "", text("next"), text("page")),
        ("checkbox", "new", prop("checked", "true")),
        ("radio", "old", prop("checked", "false")),
        text("the end"),
    ) == [
        '[1] heading: "shop"',
        '[2] textbox: "search" - red lamp',
        '[3] button: "Search" - disabled',
        '[4] link: "next page"',
        '[5] checkbox: "new" - checked',
        '[6] radio: "old" - not checked',
        '[7] text: "the end"',
    ]


def test_what_is_ignored_is_passed_through_and_what_says_nothing_left_out() -> None:
    assert lines(("none", "", {"ignored": True}, text("seen")), ("generic", ""), text("  ")) == [
        '[1] text: "seen"'
    ]


def test_a_table_and_a_chart_are_whole() -> None:
    table = (
        "table", "orders",
        ("row", "", ("columnheader", "item", text("item")), ("columnheader", "price", text("price"))),
        ("row", "", ("cell", "", text("red lamp")), ("cell", "", ("link", "12.50", text("12.50")))),
    )  # fmt: skip
    assert lines(table, ("image", "sold: january 3, february 5")) == [
        '[1] table: "orders" - item, price; red lamp, 12.50',
        '[2] link: "12.50"',
        '[3] chart: "sold: january 3, february 5"',
    ]


def test_a_choice_lists_its_options_once() -> None:
    option = ("option", "red", prop("selected", True))
    choice = (
        "combobox",
        "colour",
        {"value": {"value": "red"}},
        ("MenuListPopup", "", option, ("option", "blue")),
    )
    assert lines(("paragraph", "", ("LabelText", "", text("colour")), choice)) == [
        '[1] combobox: "colour" - red (red | blue)'
    ]


def test_a_paragraph_is_one_text_and_its_controls_are_their_own() -> None:
    price = ("paragraph", "", text("price 12.50, in "), ("link", "toys", text("toys")))
    city = (
        "paragraph",
        "",
        ("LabelText", "", text("city")),
        ("textbox", "city", text("oslo"), {"value": {"value": "oslo"}}),
    )
    assert lines(price, city, ("paragraph", "", ("link", "more", text("more")))) == [
        '[1] text: "price 12.50, in toys"',
        '[2] link: "toys"',
        '[3] textbox: "city" - oslo',
        '[4] link: "more"',
    ]


def test_a_heading_with_a_link_is_told_once() -> None:
    assert lines(("heading", "all posts", text("all"), ("link", "posts", text("posts")))) == [
        '[1] heading: "all posts"',
        '[2] link: "posts"',
    ]


def test_a_tree_deeper_than_python_is_read() -> None:
    nested: Any = text("deep")
    nodes = tree(nested)
    for number in range(3, 5_000):
        nodes.append({"nodeId": str(number), "role": {"value": "generic"}, "childIds": [str(number + 1)]})
    nodes[0]["childIds"] = ["3"]
    nodes.append({"nodeId": "5000", "role": {"value": "StaticText"}, "name": {"value": "bottom"}})
    assert describe(read_elements(nodes)) == '[1] text: "bottom"'


def element(number: int, type: str, name: str, **more: Any) -> Element:
    return Element(id=str(number), type=type, name=name, **more)


def test_the_state_holds_what_matters_and_scrolling_shows_the_rest() -> None:
    page = [element(n, "link", f"menu {n}", aside=True) for n in range(1, 6)]
    page += [element(n, "link", f"entry {n}") for n in range(6, 20)]
    page += [element(20, "text", "some words"), element(21, "button", "Buy"), element(22, "alert", "saved")]
    page += [element(23, "link", "red lamp"), element(24, "table", "items", value="a, b")]
    shown = abstract(page, "Buy the red lamp.")
    assert len(shown) == SHOWN
    assert [e.id for e in shown] == ["6", "7", "8", "9", "10", "11", "21", "22", "23", "24"]
    screens = [abstract(page, "Buy the red lamp.", window) for window in range(windows(page))]
    assert sorted(int(e.id) for screen in screens for e in screen) == list(range(1, 25))


def test_what_shares_words_with_the_task_comes_before_its_like() -> None:
    page = [element(n, "link", f"entry {n}") for n in range(1, 40)]
    page[36] = element(37, "link", "zebra")
    assert "37" in [e.id for e in abstract(page, "open the zebra")]
    assert "37" not in [e.id for e in abstract(page, "open the horse")]


@given(st.text())
def test_a_page_cannot_write_lines_of_its_own(name: str) -> None:
    line = describe([element(1, "link", name, value=name)])
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert line.startswith('[1] link: "')


def test_long_names_are_cut_and_tables_are_not() -> None:
    assert len(describe([element(1, "link", "x" * 10_000)])) < 250
    assert len(describe([element(1, "table", "t", value="x " * 2_000)])) > 3_900
    assert len(clean("x" * 10**7)) == 200


def test_what_can_be_done_is_listed_for_what_is_shown() -> None:
    view = View(whole=False)
    assert view.admissible() == ("noop()",)
