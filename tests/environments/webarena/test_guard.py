"""The agent's browser reaches what it may and nothing else: each way out is tried in a real Chromium."""

from __future__ import annotations

import asyncio
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamgym.core.data_structures import StopReason, Task
from dreamgym.core.errors import EnvironmentFailedError, EpisodeError
from dreamgym.environments.base_env import StepResult
from dreamgym.environments.webarena.browser import tab
from dreamgym.environments.webarena.browser.guard import DOWNLOADS, FILES, HOSTS, RESOURCES, SCRIPTS, WINDOWS
from dreamgym.environments.webarena.env import WebarenaEnv
from dreamgym.environments.webarena.panels import task_named
from webarena_browser import Pages, needs_browser, served

pytestmark = needs_browser
TRAP = """<!DOCTYPE html><title>trap</title><body>
<a href="http://example.com/">name</a> <a href="http://93.184.216.34/">number</a>
<a href="/away">redirect</a> <a href="/elsewhere">elsewhere</a>
<a href="/attached">attachment</a> <a href="data:text/plain,x" download="x.txt">made here</a>
<a href="file:///etc/passwd">file</a> <a href="javascript:document.title='code ran'">code</a>
<a href="/inside" target="_blank">window</a> <button onclick="window.open('/inside')">opener</button>
<form action="javascript:document.title='code ran'"><button>code form</button></form>
<button onclick="fetch('http://example.com/leak').catch(() => document.title = 'no leak')">fetch</button>
<button onclick="document.title = String(new WebSocket('ws://example.com/').url)">socket</button>
<button onclick="for (;;) {}">loop</button> <button onclick="alert('an &quot;alert&quot;')">alert</button>
<button onclick="document.title = String(confirm('sure?'))">confirm</button>
<a href="/huge">huge</a> <a href="/inside">inside</a> <a href="/gone">gone</a>
<img src="http://example.com/pixel.png" alt="pixel">
</body>"""
INSIDE = "<!DOCTYPE html><title>inside</title><p>you are inside</p><a href='/'>back</a>"


def data_of(folder: Path, start: str = "__SHOPPING__") -> tuple[Path, Task]:
    """A data folder with one task, which begins on the trap."""
    evaluation = {"eval_types": ["url_match"], "reference_answers": None, "reference_url": "__SHOPPING__/inside"}
    record = {"task_id": 0, "sites": ["shopping"], "start_url": start, "intent": "get out", "require_login": False}
    (folder / "webarena").mkdir()
    with lzma.open(folder / "webarena" / "webarena_test.raw.json.xz", "wt") as file:
        json.dump([record | {"eval": evaluation | {"program_html": []}}], file)
    return folder, task_named("webarena:0", folder)


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with served({"/outside": "<title>outside</title>"}) as other:
        pages = {"": TRAP, "/": TRAP, "/inside": INSIDE, "/away": "-> http://example.com/", "/attached": "secret"}
        with served(pages | {"/elsewhere": f"-> {other.url}/outside"}) as site:
            site.pages["/huge"] = "<p>" + "x" * 50_000_000
            monkeypatch.setenv("SHOPPING", site.url)
            yield site


async def _do(task: Task, folder: Path, names: list[str]) -> tuple[list[StepResult], dict[str, int]]:
    """Click on the elements with these names, one after the other."""
    environment = WebarenaEnv(data_dir=folder, state="full")
    try:
        text, answers = (await environment.reset(task, 0)).text, list[StepResult]()
        for name in names:
            (id,) = [line.split("]")[0][1:] for line in text.splitlines() if line.endswith(f': "{name}"')]
            answers.append(await environment.step(f"click('{id}')"))
            text = answers[-1].observation.text
        return answers, environment.refused
    finally:
        await environment.close()


def click(trap: Pages, folder: Path, *names: str) -> tuple[list[StepResult], dict[str, int]]:
    folder, task = data_of(folder)
    return asyncio.run(_do(task, folder, list(names)))


def test_an_allowed_link_leads_where_it_says(trap: Pages, tmp_path: Path) -> None:
    """The negative control: the browser is not simply dead."""
    (result,), refused = click(trap, tmp_path, "inside")
    assert "page: SHOPPING/inside - inside" in result.observation.text
    assert result.valid
    assert refused == {RESOURCES: 1}  # the trap's own picture


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("name", HOSTS),
        ("number", HOSTS),
        ("redirect", HOSTS),
        ("attachment", DOWNLOADS),
        ("made here", DOWNLOADS),
        ("file", FILES),
        ("code", SCRIPTS),
        ("code form", SCRIPTS),
        ("window", WINDOWS),
        ("opener", WINDOWS),
    ],
)
def test_every_way_out_is_refused_and_counted(trap: Pages, tmp_path: Path, name: str, kind: str) -> None:
    answers, refused = click(trap, tmp_path, name, "inside")
    assert not answers[0].valid
    assert answers[0].observation.text.startswith(f"refused: {kind} cannot be opened\npage: SHOPPING")
    assert "trap" in answers[0].observation.text.splitlines()[1]
    assert refused[kind] == 1
    assert "you are inside" in answers[1].observation.text  # and the episode goes on


def test_what_a_page_asks_for_by_itself_goes_nowhere(trap: Pages, tmp_path: Path) -> None:
    answers, refused = click(trap, tmp_path, "fetch")
    assert "no leak" in answers[0].observation.text
    assert answers[0].valid
    assert refused == {RESOURCES: 2 + answers[0].observation.text.count("never")}


def test_dialogs_are_answered_and_told(trap: Pages, tmp_path: Path) -> None:
    answers, _ = click(trap, tmp_path, "alert", "confirm")
    assert answers[0].observation.text.startswith("the page said: \"an \"alert\"\"\npage: ")
    assert 'the page said: "sure?"\npage: SHOPPING - false' in answers[1].observation.text


def test_a_page_of_fifty_megabytes_is_not_read(trap: Pages, tmp_path: Path) -> None:
    answers, _ = click(trap, tmp_path, "huge")
    assert "error: the page is too large to be read" in answers[0].observation.text
    assert answers[0].reward == 0
    assert len(answers[0].observation.text) < 500


def test_a_page_that_hangs_ends_the_episode(
    trap: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tab, "TURN_S", 3.0)
    with pytest.raises(EpisodeError, match="did not answer within 3 s") as caught:
        click(trap, tmp_path, "loop")
    assert caught.value.stop_reason is StopReason.TIMEOUT


def test_a_site_that_is_down_is_no_fault_of_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPPING", "http://127.0.0.1:9999")
    folder, task = data_of(tmp_path)
    with pytest.raises(EnvironmentFailedError, match="is the site up"):
        asyncio.run(_do(task, folder, []))
