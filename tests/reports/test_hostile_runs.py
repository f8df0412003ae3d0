"""Whatever a run has written stays text on the page: read by an HTML parser here, by a browser elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dreamgym.reports.page import POLICY
from dreamgym.training.episode_records import write_episodes
from hostile import HOSTILE, NAMED, as_shown
from report_runs import Page, episode, page_of, turn, write_run

# What the template and the charts are made of; a run adds none.
OURS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "nav", "section", "div", "p", "h1",
    "h2", "h3", "h4", "a", "ul", "ol", "li", "span", "b", "i", "mark", "code", "pre", "table", "thead",
    "tbody", "tr", "th", "td", "figure", "figcaption", "details", "summary",
    "svg", "g", "path", "use", "defs", "text", "tspan", "clippath", "rect",
}  # fmt: skip
Hostile = tuple[tuple[str, ...], str, Page]


@pytest.fixture(
    scope="module", params=[HOSTILE[:12], HOSTILE[12:], HOSTILE[1:2]], ids=["some", "others", "alone"]
)
def hostile(request, tmp_path_factory) -> Hostile:
    """A page of runs, each of which has written one hostile text wherever it could."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [write_run(folder / f"run{n}", text=text, iterations=3) for n, text in enumerate(request.param)]
    html = page_of(*runs)
    return request.param, html, Page(html)


def test_it_adds_no_element_and_no_attribute_that_does_anything(hostile: Hostile) -> None:
    _, _, page = hostile
    assert {tag for tag, _ in page.elements} - OURS == set()
    active = ("src", "srcdoc", "action", "background", "data", "formaction", "poster", "ping", "http-equiv")
    found = list(page.attributes(lambda name: name.startswith("on") or name in active))
    assert found == [("meta", "http-equiv", "Content-Security-Policy")]
    links = {value for _, _, value in page.attributes(lambda name: name.endswith("href"))}
    assert all(value and value.startswith("#") for value in links)
    assert page.unbalanced == []
    assert page.stack == []


@pytest.mark.parametrize(
    "around",
    [
        "put {} in shelf.",
        "you see {}.",
        "> shelf 1 = surface; {}",
        "set {}:",
        "eval-{}",
        "task-{}",
        "put a hot {} in",
    ],
)
def test_it_is_read_as_text_wherever_it_was_written(hostile: Hostile, around: str) -> None:
    texts, _, page = hostile
    for text in texts:
        assert around.format(as_shown(text)) in page.text


def test_names_of_metrics_and_settings_are_text_too(hostile: Hostile) -> None:
    texts, _, page = hostile
    for text in texts:
        if max(text) < "\U00010000":  # JSON's pairs of surrogates are no character to YAML
            assert "x." + as_shown(text)[:200] in page.text
        assert "refused: " + as_shown(text).replace("_", " ").replace("/", ": ") in page.text


def test_a_template_in_a_text_is_not_run(hostile: Hostile) -> None:
    texts, html, _ = hostile
    assert html.count("7*7") >= 3 * sum("7*7" in text for text in texts)
    assert "subprocess.Popen" not in html
    assert "uid=" not in html


def test_styles_hold_nothing_of_a_run(hostile: Hostile) -> None:
    texts, html, page = hostile
    style = html.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    for _, _, value in page.attributes(lambda name: name == "style"):
        assert value is not None
        assert "url(" not in value.replace("url(#", "")
        assert not any(text in value for text in texts)


def test_hidden_characters_are_named(hostile: Hostile) -> None:
    texts, html, _ = hostile
    html.encode("utf-8")  # a lone surrogate could not be written
    for character, name in NAMED.items():
        assert character not in html
        assert (name in html) == any(character in text for text in texts)


def test_the_policy_comes_before_everything_that_it_governs(hostile: Hostile) -> None:
    _, html, page = hostile
    assert page.elements[2:4] == [
        ("meta", {"charset": "utf-8"}),
        ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
    ]
    assert "script-src" not in POLICY
    assert "default-src 'none'" in POLICY
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    page = Page(page_of(write_run(tmp_path / "<img src=x onerror=mark()>")))
    assert {tag for tag, _ in page.elements} - OURS == set()
    assert "<img src=x onerror=mark()>" in page.text


def test_observations_of_a_megabyte_are_cut_with_a_note(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    texts = ("<b>" * 350_000, "\x00\u202e" * 500_000, "word " * 200_000)
    huge = [replace(turn(n), answer=text, real_answer=text[1:]) for n, text in enumerate(texts)]
    write_episodes(run / "fidelity.jsonl", [replace(episode(), turns=(one,)) for one in huge])
    assert (run / "fidelity.jsonl").stat().st_size > 6_000_000
    html = page_of(run)
    assert len(html.encode()) < 1_500_000
    assert html.count("characters more)") == 2 * len(texts)
