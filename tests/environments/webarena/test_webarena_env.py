"""The environment in a real Chromium: experts win, idlers do not, episodes are apart and repeatable."""

from __future__ import annotations

import asyncio
import contextlib
import json
import lzma
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from typer.testing import CliRunner

from documents import code_blocks, run_blocks
from dreamgym.cli.main import app
from dreamgym.core.data_structures import Origin, StopReason, Task
from dreamgym.core.errors import ConfigError, DataError, EnvironmentFailedError, UnavailableError
from dreamgym.environments.base_env import Environment, Observation, StepResult
from dreamgym.environments.checks import check_env
from dreamgym.environments.gymnasium_view import GymnasiumView
from dreamgym.environments.webarena.browser.chromium import own_chromium
from dreamgym.environments.webarena.doctor import needs
from dreamgym.environments.webarena.env import WebarenaEnv
from dreamgym.environments.webarena.expert import NOTHING, Expert, things
from dreamgym.environments.webarena.panels import panel, task_named
from dreamgym.environments.webarena.players import Mistaken, Randomly
from dreamgym.environments.webarena.serving import borrow_site, give_back_site
from dreamgym.environments.webarena.site.server import COOKIE
from dreamgym.environments.webarena.site.tasks import TEMPLATES
from dreamgym.training.evaluation import play_panel
from dreamgym.training.rollout import EnvironmentMaker
from dreamgym.training.scripted_policy import ScriptedPolicy
from dreamgym.utils.stats import wilson
from webarena_browser import needs_browser, needs_miniwob

ONE_OF_EACH = [task_named(f"site:{100_000 + number}:{name}") for number, name in enumerate(TEMPLATES)]
CART = task_named("site:5:fill_cart")
TWO_BUTTONS = Task(id="miniwob:click-test-2", environment="webarena", instruction="do what the page says")


async def expert_wins(environment: WebarenaEnv, task: Task) -> list[StepResult]:
    player, seen = Expert(task, Random(0)), await environment.reset(task, 0)
    answers: list[StepResult] = []
    while not answers or not (answers[-1].terminated or answers[-1].truncated):
        answers.append(await environment.step(player.choose(seen.text, ())))
        seen = answers[-1].observation
    return answers


class Idler:
    """Ends every episode at once."""

    def act(self, seen: Observation) -> str:
        return NOTHING


def test_it_is_a_real_environment() -> None:
    environment = WebarenaEnv()
    assert isinstance(environment, Environment)
    assert (environment.name, environment.origin, environment.sheet) == ("webarena", Origin.REAL, None)
    with pytest.raises(ConfigError, match="wanted one of abstract, full"):
        WebarenaEnv(state="pixels")
    with pytest.raises(TypeError, match="no snapshot"):
        environment.restore(7)
    with pytest.raises(RuntimeError, match="call reset first"):
        asyncio.run(environment.step("noop()"))


@needs_browser
def test_the_expert_wins_every_kind_of_task_and_doing_nothing_none() -> None:
    async def play() -> None:
        environment = WebarenaEnv()
        try:
            for task in ONE_OF_EACH:
                last = (await expert_wins(environment, task))[-1]
                assert (last.won, last.reward, last.terminated) == (True, 1.0, True), task.id
                await environment.reset(task, 0)
                idle = await environment.step(NOTHING)
                assert (idle.won, idle.reward, idle.terminated) == (False, 0.0, True), task.id
        finally:
            await environment.close()

    asyncio.run(play())


@needs_browser
def test_two_episodes_see_neither_cookies_nor_rows_of_each_other() -> None:
    async def play() -> tuple[list[str], set[str]]:
        one, other = WebarenaEnv(), WebarenaEnv()
        try:
            await asyncio.gather(one.reset(CART, 0), other.reset(CART, 0))
            cookies = {jar[0]["value"] for jar in [await cookies_of(one), await cookies_of(other)]}
            await expert_wins(one, CART)  # its cart is full
            seen = [(await other.step("click('2')")).observation.text]
            await one.reset(CART, 0)  # a new episode in the same page
            seen.append((await one.step("click('2')")).observation.text)
            return seen, cookies | {jar["value"] for jar in await cookies_of(one)}
        finally:
            await one.close()
            await other.close()

    seen, cookies = asyncio.run(play())
    assert ["the cart is empty" in text for text in seen] == [True, True]
    assert len(cookies) == 3


async def cookies_of(environment: WebarenaEnv) -> list[Any]:
    assert environment._tab is not None
    return list(await environment._tab.page.context.cookies())


@needs_browser
def test_an_error_leaves_the_page_and_the_actions_do_what_they_say() -> None:
    async def play() -> list[StepResult]:
        environment = WebarenaEnv(state="full", show_admissible=True)
        try:
            await environment.reset(task_named("site:13:set_price"), 0)
            actions = [
                "click('2')",
                "click('99')",
                "fill('4', 'x')",
                "select_option('5', 'x')",
                "press('5', 'NoKey')",
            ]
            actions += ["fill('5', 'white rake')", "press('5', 'Enter')", "click('7')"]
            actions += ["clear('5')", "fill('5', '90.50')", "upload_file('7', '/etc/passwd')"]
            actions += [
                "upload_file('7', 'notes.txt')",
                "hover('8')",
                "focus('5')",
                "scroll(0, 100)",
                "noop(5)",
            ]
            actions += ["dblclick('4')", "drag_and_drop('4', '8')", "click('8')"]
            return [await environment.step(action) for action in actions]
        finally:
            await environment.close()

    answers = asyncio.run(play())
    texts = [answer.observation.text for answer in answers]
    assert [i for i, answer in enumerate(answers) if not answer.valid] == [1, 2, 3, 4, 10]
    assert texts[1] == f"error: there is no element [99]\n{texts[0]}"
    assert texts[2] == f"error: [4] takes no text\n{texts[0]}"
    assert texts[4].startswith("error: the key 'NoKey' cannot be pressed on [5]")
    assert "error: there is no such file, the files are notes.txt, picture.svg" in texts[10]
    assert '[5] textbox: "price"\n' in texts[8] + "\n"
    assert "notes.txt" in texts[11]
    assert "page: SHOPPING_ADMIN/products/" in texts[-1]
    assert '[5] alert: "saved"' in texts[-1]
    assert '"price" - 90.50' in texts[-1]
    assert '"notes.txt"' in texts[-1]
    admissible = answers[0].observation.admissible
    assert admissible is not None
    assert {"click('1')", "clear('5')", "noop()"} <= set(admissible)


@needs_browser
def test_a_snapshot_continues_in_another_environment() -> None:
    async def play() -> tuple[list[str], list[str]]:
        environment, other = WebarenaEnv(), WebarenaEnv()
        try:
            await environment.reset(CART, 0)
            await environment.step("fill('6', 'black desk')")
            snapshot = environment.snapshot()
            first = [(await environment.step("click('7')")).observation.text]
            other.restore(snapshot)
            assert other.snapshot() == snapshot
            return first, [(await other.step("click('7')")).observation.text]
        finally:
            await environment.close()
            await other.close()

    first, second = asyncio.run(play())
    assert first == second
    assert "search?q=black+desk" in first[0]


@needs_browser
@needs_miniwob
def test_miniwobs_pages_reward_as_they_compute() -> None:
    async def play() -> tuple[list[StepResult], list[str]]:
        environment, texts = WebarenaEnv(), []
        try:
            answers = []
            for seed in range(4):
                texts.append((await environment.reset(TWO_BUTTONS, seed)).text)
                buttons = {thing.name: thing.id for thing in things(texts[-1]) if thing.type == "button"}
                asked = texts[-1].partition("goal: Click button ")[2].partition(".")[0]
                other = ({"ONE", "TWO"} - {asked}).pop()
                answers.append(await environment.step(f"click('{buttons[other if seed == 3 else asked]}')"))
            texts.append((await environment.reset(TWO_BUTTONS, 0)).text)
            return answers, texts
        finally:
            await environment.close()

    answers, texts = asyncio.run(play())
    assert [answer.reward for answer in answers[:3]] == [1.0] * 3
    assert all(answer.terminated for answer in answers)
    assert answers[3].reward == 0.0  # the page says -1, which is no success
    assert texts[4] == texts[0]
    assert "\npage: click-test-2 - " in texts[0]


@needs_browser
def test_everything_is_freed() -> None:
    site = borrow_site()
    try:

        async def play() -> None:
            environments = [WebarenaEnv() for _ in range(3)]
            await asyncio.gather(*(environment.reset(CART, 0) for environment in environments))
            assert len(site) == 3
            for environment in environments:
                await environment.close()
                await environment.close()

        asyncio.run(play())
        assert len(site) == 0
    finally:
        give_back_site()


def refused(task: Task) -> str:
    """Why a task cannot be begun."""
    environment = WebarenaEnv()

    async def start() -> None:
        try:
            await environment.reset(task, 0)
        finally:
            await environment.close()

    with pytest.raises((UnavailableError, DataError)) as caught:
        asyncio.run(start())
    return str(caught.value)


def test_what_cannot_be_played_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = Task(id="site:5:fill_cart", environment="webarena", instruction="another text")
    assert "of another version of the site" in refused(strange)
    monkeypatch.setattr("dreamgym.environments.webarena.miniwob.find_spec", lambda name: None)
    monkeypatch.setattr("dreamgym.environments.webarena.miniwob.page_names", lambda: _missing())
    page = Task(id="miniwob:click-test", environment="webarena", instruction="")
    assert "pip install 'dreamgym[browser]'" in refused(page)


def test_without_playwright_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright", None)
    assert "pip install 'dreamgym[browser]'" in refused(CART)


@needs_browser
def test_without_a_chromium_that_starts_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamgym.environments.webarena.browser.chromium.executable", lambda: "/no/chromium")
    assert "apt-get install chromium" in refused(CART)


@needs_browser
def test_a_task_that_cannot_be_played_here_leaves_the_others_to_be_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A panel of WebArena's holds some that no one can play, and those of sites that a user does not have."""
    monkeypatch.delenv("MAP", raising=False)
    record = {
        "task_id": 7,
        "sites": ["map"],
        "start_url": "__MAP__",
        "intent": "find a lamp",
        "require_login": False,
        "eval": {"eval_types": ["string_match"], "reference_answers": {"exact_match": "yes"}},
    }
    (tmp_path / "webarena").mkdir()
    with lzma.open(tmp_path / "webarena" / "webarena_test.raw.json.xz", "wt") as file:
        json.dump([record], file)
    tasks = [*panel("webarena", None, tmp_path).tasks, CART]

    async def make(task: Task, seed: int) -> EnvironmentMaker:
        return lambda: WebarenaEnv(data_dir=tmp_path)

    policy = ScriptedPolicy(lambda task, rng: Idler())
    evaluation = asyncio.run(
        play_panel(policy, tasks, make, origin=Origin.REAL, seed=0, label="eval", concurrency=2)
    )
    assert [t.stop_reason for t in evaluation.trajectories] == [
        StopReason.ENVIRONMENT_ERROR,
        StopReason.TERMINATED,
    ]
    assert evaluation.success == wilson(0, 1)
    assert evaluation.lines()[-1] == (
        "1 episodes failed and are left out (1 environment_error); the first, webarena:7: the task needs the "
        "site MAP, and nothing says where it is: set the environment variable MAP to its URL"
    )


@needs_browser
@pytest.mark.parametrize("what", ["page", "browser"])
def test_what_crashes_ends_the_episode_and_the_next_one_plays(what: str) -> None:
    async def play() -> str:
        environment = WebarenaEnv()
        try:
            await environment.reset(CART, 0)
            assert environment._tab is not None
            if what == "browser":
                assert environment._tab.page.context.browser is not None
                await environment._tab.page.context.browser.close()
            else:
                with contextlib.suppress(Exception):  # nobody is left to answer
                    await asyncio.wait_for(environment._tab.cdp.send("Page.crash"), 1)
            with pytest.raises(EnvironmentFailedError):
                await environment.step("click('2')")
            await environment.reset(CART, 0)
            return (await environment.step("click('2')")).observation.text
        finally:
            await environment.close()

    assert "the cart is empty" in asyncio.run(play())


def _missing() -> tuple[str, ...]:
    raise UnavailableError("miniwob is not installed: pip install 'dreamgym[browser]'")


def test_the_doctor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOPPING", "REDDIT", "GITLAB", "MAP", "WIKIPEDIA", "HOMEPAGE", "SHOPPING_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("dreamgym.environments.webarena.doctor.executable", lambda: None)
    monkeypatch.setattr("dreamgym.environments.webarena.doctor.own_chromium", lambda: None)
    report = {need.name.partition(",")[0]: need for need in needs()}
    assert report["Chromium"].found is None
    assert "apt-get install chromium" in report["Chromium"].hint
    sites = report["WebArena's own sites (webarena:NUMBER)"]
    assert sites.found is None
    monkeypatch.setenv("GITLAB", "http://h:8023")
    assert needs()[3].found == "GITLAB=http://h:8023"
    monkeypatch.setenv("HOMEPAGE", "ftp://x")
    assert needs()[3].found is None
    assert needs()[3].hint.startswith("the environment variable HOMEPAGE is 'ftp://x': wanted a URL")


@needs_browser
def test_the_doctor_finds_the_chromium_that_playwright_would_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked the other way round: where Playwright says that it would install one."""
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    (tmp_path / "chromium-1").mkdir()
    assert own_chromium() is None
    asked = [sys.executable, "-m", "playwright", "install", "--dry-run", "chromium"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    (folder,) = re.findall(r"Install location: +(\S+chromium_headless_shell-\S+)", said)
    program = Path(folder) / "chrome-headless-shell-linux64" / "chrome-headless-shell"
    program.parent.mkdir(parents=True)
    program.touch(0o644)
    assert own_chromium() is None  # nobody can start it
    program.chmod(0o755)
    assert own_chromium() == program


@needs_browser
def test_a_task_on_a_users_own_site_is_played_by_the_command_with_a_login_and_a_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own site stands for the user's: who has its cookie is logged in, others are nowhere."""
    site = borrow_site()
    try:
        token = site.open(5, {"admin": "admin"})
        cookie = {"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": "/", "expires": -1}
        cookie |= {"httpOnly": True, "secure": False, "sameSite": "Lax"}
        logins, data = tmp_path / "auth", tmp_path / "webarena"
        logins.mkdir()
        data.mkdir()
        (logins / "admin_state.json").write_text(json.dumps({"cookies": [cookie], "origins": []}))
        task = {
            "task_id": 0,
            "sites": ["shopping_admin"],
            "start_url": "__SHOPPING_ADMIN__/orders",
            "intent": "What is listed here?",
            "require_login": True,
            "storage_state": "./.auth/admin_state.json",
            "eval": {"eval_types": ["string_match"], "reference_answers": {"fuzzy_match": "orders"}},
        }
        with lzma.open(data / "webarena_test.raw.json.xz", "wt") as file:
            json.dump([task], file)
        (tmp_path / "judge.json").write_text(json.dumps({"answer: <<<the orders>>>": "Yes.\nCORRECT"}))
        (tmp_path / "actions.json").write_text(json.dumps(["send_msg_to_user('the orders')"]))
        monkeypatch.setenv("SHOPPING_ADMIN", f"{site.url}/admin")
        command = ["play", "--env", "webarena", "--task", "webarena:0", "--json"]
        command += ["--actions", str(tmp_path / "actions.json"), f"environment.data_dir={tmp_path}"]
        command += [f"environment.auth_dir={logins}", "environment.workers=0"]
        command += [f"environment.judge=scripted:{tmp_path / 'judge.json'}"]
        result = CliRunner().invoke(app, command)
    finally:
        give_back_site()
    assert result.exit_code == 0, result.output
    first, last = map(json.loads, result.stdout.splitlines())
    assert "all orders" in first["observation"]
    assert (last["won"], last["reward"]) == (True, 1.0)


@needs_browser
def test_the_documented_episode_reads_as_documented(capsys: pytest.CaptureFixture[str]) -> None:
    page = "docs/webarena.md"
    run_blocks(page, code_blocks(page, "python"))
    assert capsys.readouterr().out == code_blocks(page, "text")[0]


def test_players_without_a_browser() -> None:
    seen = 'goal: x\npage: SHOPPING - shop\n[6] textbox: "search" - a (b)\n'
    seen += '[7] combobox: "c" - d (d | e)\n[8] link: "l"'
    found = things(seen)
    assert [(t.id, t.type, t.name) for t in found] == [
        ("6", "textbox", "search"),
        ("7", "combobox", "c"),
        ("8", "link", "l"),
    ]
    assert found[1].options == ("d", "e")
    mistakes = [Mistaken(CART, Random(n)).choose(seen, ()) for n in range(40)]
    assert len(set(mistakes)) > 5
    assert Randomly(CART, Random(0)).choose(seen, ("click('8')",)) == "click('8')"
    assert Expert(CART, Random(0)).choose(seen, ()).startswith("fill('6', ")


@needs_browser
@pytest.mark.slow
def test_it_keeps_the_protocol() -> None:
    actions = ["click('3')", "click('4')", "noop()", "scroll(0, 300)"]
    report = check_env(lambda: WebarenaEnv(max_turns=5), CART, actions=actions, max_turns=8)
    assert not report.failures


@needs_browser
@pytest.mark.slow
def test_gymnasium_plays_the_site() -> None:
    tasks = panel("valid", 2).tasks
    gymnasium.register(
        "dreamgym/Webarena-v0", lambda **k: GymnasiumView(WebarenaEnv(max_turns=5), tasks, **k)
    )
    view = gymnasium.make("dreamgym/Webarena-v0")
    gymnasium_check(view.unwrapped)
    text, info = view.reset(seed=0)
    assert f"goal: {info['instruction']}" in text
    view.close()
