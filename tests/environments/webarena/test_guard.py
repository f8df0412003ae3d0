"""The agent's browser reaches what it may and nothing else: each way out is tried in a real Chromium."""

from __future__ import annotations

import asyncio
import json
import lzma
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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
PAGES = {
    "": TRAP,
    "/": TRAP,
    "/inside": INSIDE,
    "/away": "-> http://example.com/",
    "/attached": "secret",
    "/huge": "<p>" + "x" * 50_000_000,
}
WAYS_OUT = {
    "name": HOSTS,
    "number": HOSTS,
    "redirect": HOSTS,
    "elsewhere": HOSTS,
    "attachment": DOWNLOADS,
    "made here": DOWNLOADS,
    "file": FILES,
    "code": SCRIPTS,
    "code form": SCRIPTS,
    "window": WINDOWS,
    "opener": WINDOWS,
}


def data_of(folder: Path, start: str = "__SHOPPING__") -> tuple[Path, Task]:
    """A data folder with one task, which begins on the trap."""
    evaluation = {
        "eval_types": ["url_match"],
        "reference_answers": None,
        "reference_url": "__SHOPPING__/inside",
    }
    record = {
        "task_id": 0,
        "sites": ["shopping"],
        "start_url": start,
        "intent": "get out",
        "require_login": False,
    }
    (folder / "webarena").mkdir()
    with lzma.open(folder / "webarena" / "webarena_test.raw.json.xz", "wt") as file:
        json.dump([record | {"eval": evaluation | {"program_html": []}}], file)
    return folder, task_named("webarena:0", folder)


@dataclass(frozen=True)
class Tried:
    """What came of a click: the answer, and what was refused during it."""

    answer: StepResult
    refused: Counter[str]


async def click(environment: WebarenaEnv, text: str, name: str) -> StepResult:
    """Click on the element with this name of the page that ``text`` shows."""
    (id,) = [line.split("]")[0][1:] for line in text.splitlines() if line.endswith(f': "{name}"')]
    return await environment.step(f"click('{id}')")


async def try_all(task: Task, folder: Path) -> dict[str, Tried]:
    """One click after the other in one episode: what is refused leaves the page as it was."""
    environment, tried = WebarenaEnv(data_dir=folder, state="full", max_turns=100), dict[str, Tried]()
    try:
        text = (await environment.reset(task, 0)).text
        for name in (*WAYS_OUT, "fetch", "alert", "confirm", "inside", "back", "huge"):
            before = Counter(environment.refused)
            answer = await click(environment, text, name)
            tried[name] = Tried(answer, Counter(environment.refused) - before)
            text = answer.observation.text
    finally:
        await environment.close()
    return tried


@pytest.fixture(scope="module")
def outside() -> Iterator[Pages]:
    with served({"/outside": "<title>outside</title>"}) as other:
        yield other


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, outside: Pages) -> Iterator[dict[str, Tried]]:
    pages = PAGES | {"/elsewhere": f"-> {outside.url}/outside"}
    with pytest.MonkeyPatch.context() as patch, served(pages) as site:
        patch.setenv("SHOPPING", site.url)
        folder, task = data_of(tmp_path_factory.mktemp("data"))
        yield asyncio.run(try_all(task, folder))


def test_an_allowed_link_leads_where_it_says(tried: dict[str, Tried]) -> None:
    """The negative control: the browser is not simply dead."""
    inside = tried["inside"]
    assert inside.answer.observation.text.startswith("page: SHOPPING/inside - inside")
    assert inside.answer.valid
    assert not inside.refused


@pytest.mark.parametrize(("name", "kind"), WAYS_OUT.items())
def test_every_way_out_is_refused_and_counted(tried: dict[str, Tried], name: str, kind: str) -> None:
    answer = tried[name].answer
    assert not answer.valid
    assert answer.observation.text.startswith(f"refused: {kind} cannot be opened\npage: SHOPPING")
    assert answer.observation.text.splitlines()[1].endswith(" - trap")
    assert tried[name].refused[kind] == 1
    assert not set(tried[name].refused) - {kind, RESOURCES}


def test_what_a_page_asks_for_by_itself_goes_nowhere(tried: dict[str, Tried]) -> None:
    assert " - no leak" in tried["fetch"].answer.observation.text
    assert tried["fetch"].answer.valid  # no deed of the agent's
    assert tried["fetch"].refused == {RESOURCES: 1}
    assert tried["back"].refused == {RESOURCES: 1}  # the trap's picture


def test_dialogs_are_answered_and_told(tried: dict[str, Tried]) -> None:
    assert tried["alert"].answer.observation.text.startswith('the page said: "an "alert""\npage: SHOPPING')
    assert tried["confirm"].answer.observation.text.startswith('the page said: "sure?"\npage: SHOPPING')
    assert " - false\n" in tried["confirm"].answer.observation.text


def test_a_page_of_fifty_megabytes_is_not_read(tried: dict[str, Tried]) -> None:
    answer = tried["huge"].answer
    note, where = answer.observation.text.splitlines()[:2]
    assert note == "error: the page is too large to be read: 50,000,003 bytes"
    assert where.endswith(" - trap")
    assert (answer.reward, answer.valid) == (0, False)


def test_other_ports_of_this_machine_are_other_hosts(tried: dict[str, Tried], outside: Pages) -> None:
    assert tried["elsewhere"].refused[HOSTS] == 1
    assert outside.asked == []


def test_a_page_that_hangs_ends_the_episode_and_not_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, task = data_of(tmp_path)

    async def play(site: Pages) -> str:
        environment = WebarenaEnv(data_dir=folder, state="full")
        try:
            with pytest.raises(EpisodeError, match="did not answer within 3 s") as caught:
                await click(environment, (await environment.reset(task, 0)).text, "loop")
            assert caught.value.stop_reason is StopReason.TIMEOUT
            again = await click(environment, (await environment.reset(task, 0)).text, "inside")
            return again.observation.text
        finally:
            await environment.close()

    with served(PAGES) as site:
        monkeypatch.setenv("SHOPPING", site.url)
        monkeypatch.setattr(tab, "TURN_S", 3.0)
        assert "you are inside" in asyncio.run(play(site))


def test_a_site_that_goes_down_is_no_fault_of_the_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, task = data_of(tmp_path)

    async def play() -> None:
        environment = WebarenaEnv(data_dir=folder, state="full")
        try:
            with served(PAGES) as site:
                monkeypatch.setenv("SHOPPING", site.url)
                answer = await click(environment, (await environment.reset(task, 0)).text, "inside")
            with pytest.raises(EnvironmentFailedError, match="is the site up"):
                await click(environment, answer.observation.text, "back")
            with pytest.raises(EnvironmentFailedError, match="is the site up"):
                await environment.reset(task, 0)
        finally:
            await environment.close()

    asyncio.run(play())
