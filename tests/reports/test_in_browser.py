"""Hostile runs in a real browser: nothing runs, nothing is asked for, the texts are read as texts.

The same observer sees what happens on a page that trusts them, so that it is known to see something.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from markupsafe import escape

from dreamgym.reports.page import POLICY
from hostile import HOSTILE, as_shown
from report_runs import page_of, write_run

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="selenium is not installed: pip install '.[dev]'"
)
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (BROWSER and DRIVER),
        reason="no Chromium with its driver: apt-get install chromium chromium-driver",
    ),
]
WATCH = "window.marked = 0; window.mark = () => { window.marked += 1; };"
PROVOKE = """
for (const details of document.querySelectorAll('details')) details.open = true;
for (const name of ['mouseover', 'focus', 'load', 'error', 'begin'])
  for (const element of document.querySelectorAll('*')) element.dispatchEvent(new Event(name));
"""
LOADED = (
    "document.readyState === 'complete' ? arguments[0]() : addEventListener('load', () => arguments[0]())"
)
COUNT = (
    "return ['script', 'img', 'iframe', 'form', 'link', 'base'].map(n => document.querySelectorAll(n).length)"
)


@dataclass(frozen=True)
class Seen:
    """What a page did: calls of ``mark``, messages in the console, requests beside the page itself."""

    marked: int
    console: list[str]
    requests: list[str]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    yield driver
    driver.quit()


def visit(browser: webdriver.Chrome, html: str, path: Path) -> Seen:
    path.write_text(html, encoding="utf-8")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(path.as_uri())  # an open dialog would make the next command fail
    # One time in ten ``get`` comes back from a long page before its end.
    browser.execute_async_script(LOADED)
    browser.execute_script(PROVOKE)
    browser.execute_async_script("setTimeout(arguments[0], 300)")
    marked = browser.execute_script("return window.marked")
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    messages = [entry["message"] for entry in browser.get_log("browser")]
    return Seen(marked, messages, [url for url in asked if url != path.as_uri()])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("runs")
    runs = [write_run(folder / f"run{n}", text=text, iterations=2) for n, text in enumerate(HOSTILE)]
    named = write_run(folder / "<img src=x onerror=mark()>", text=HOSTILE[1], iterations=2)
    return [page_of(*runs[:12]), page_of(*runs[12:]), page_of(named)]


@pytest.mark.parametrize("walls", ["both walls", "escaping alone"])
def test_nothing_runs_and_nothing_is_asked_for(
    browser: webdriver.Chrome, pages: list[str], tmp_path: Path, walls: str
) -> None:
    for html in pages:
        if walls == "escaping alone":
            html = html.replace(str(escape(POLICY)), "").replace("Content-Security-Policy", "x-none")
            assert "default-src" not in html
        assert visit(browser, html, tmp_path / "page.html") == Seen(0, [], [])
        assert browser.execute_script(COUNT) == [0] * 6
        assert browser.current_url.startswith("file://")


def test_a_page_that_trusts_them_is_seen_to_fail(browser: webdriver.Chrome, tmp_path: Path) -> None:
    trusting = "<!DOCTYPE html><meta charset=utf-8><body>" + HOSTILE[0] + HOSTILE[2] + HOSTILE[11]
    seen = visit(browser, trusting, tmp_path / "page.html")
    assert seen.marked >= 2
    assert "http://127.0.0.1:9/x" in seen.requests
    policed = trusting.replace(
        "<body>", f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><body>'
    )
    seen = visit(browser, policed, tmp_path / "policed.html")
    assert seen.marked == 0  # the second wall holds alone, and says so
    assert any("Content Security Policy" in message for message in seen.console)


def test_the_texts_are_read_as_texts(browser: webdriver.Chrome, pages: list[str], tmp_path: Path) -> None:
    answers: set[str] = set()
    for html in pages:
        visit(browser, html, tmp_path / "page.html")
        answers |= set(
            browser.execute_script("return [...document.querySelectorAll('.answer')].map(e => e.innerText)")
        )
        assert browser.execute_script("return getComputedStyle(document.body).backgroundImage") == "none"
    for text in HOSTILE:
        assert f"On the shelf 1, you see {as_shown(text)}." in answers


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen(browser: webdriver.Chrome, pages: list[str], tmp_path: Path, width: int) -> None:
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    long = write_run(tmp_path / ("n" * 100), text="w" * 500, iterations=2)
    for html in (*pages, page_of(long), page_of(long, write_run(tmp_path / "other", iterations=2))):
        visit(browser, html, tmp_path / "page.html")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_it_follows_the_readers_light(browser: webdriver.Chrome, pages: list[str], tmp_path: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        visit(browser, pages[2], tmp_path / "page.html")
        line = "getComputedStyle(document.querySelector('svg path[style*=\"--c0\"]')).stroke"
        colours.append(
            browser.execute_script(f"return [getComputedStyle(document.body).backgroundColor, {line}]")
        )
    assert colours == [["rgb(253, 253, 251)", "rgb(0, 104, 168)"], ["rgb(20, 24, 29)", "rgb(92, 179, 240)"]]


def test_the_keyboard_reaches_everything(browser: webdriver.Chrome, pages: list[str], tmp_path: Path) -> None:
    visit(browser, pages[2], tmp_path / "page.html")
    keys = webdriver.Keys
    browser.find_element("tag name", "body").send_keys(keys.TAB)
    active = "return document.activeElement"
    assert browser.execute_script(f"{active}.className") == "skip"
    reached = set()
    for _ in range(40):
        browser.switch_to.active_element.send_keys(keys.TAB)
        reached.add(browser.execute_script(f"{active}.tagName"))
    assert {"A", "SUMMARY", "DIV"} <= reached
