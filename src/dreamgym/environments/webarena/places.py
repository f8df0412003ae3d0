"""Where a task is played: our own site, MiniWoB++'s pages, a user's own sites."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import TaskUnavailableError
from dreamgym.environments.webarena import miniwob
from dreamgym.environments.webarena.browser.tab import Tab
from dreamgym.environments.webarena.evaluators.evaluate import Evaluator, refusal
from dreamgym.environments.webarena.logins import logins
from dreamgym.environments.webarena.panels import MINIWOB, spec_of
from dreamgym.environments.webarena.site.server import COOKIE, Site
from dreamgym.environments.webarena.sites import Sites, hosts, origin_of
from dreamgym.environments.webarena.specs import TaskSpec
from dreamgym.models.llm_client import LLMClient

Outcome = tuple[bool, float]  # whether the episode is over, and its reward
GOES_ON: Outcome = (False, 0.0)


class Place(Protocol):
    """One episode's place.

    ``repeatable``: the same actions get the same answers, from any reset. ``changes``: what is to be done is
    drawn with the seed, so the agent is told it in every turn.
    """

    repeatable: bool
    changes: bool
    storage_state: str | None

    @property
    def instruction(self) -> str:
        """What is to be done."""
        ...

    @property
    def origins(self) -> frozenset[str]:
        """What the browser may reach."""
        ...

    async def begin(self, tab: Tab, seed: int) -> None:
        """Open the page where it starts."""
        ...

    async def outcome(self, tab: Tab) -> Outcome:
        """After an action."""
        ...

    async def answer(self, tab: Tab, text: str) -> Outcome:
        """After a message to the user."""
        ...

    def shorten(self, url: str) -> str:
        """A URL as the agent reads it."""
        ...

    def end(self) -> None:
        """Free what the episode has; may be called twice."""
        ...


@dataclass(slots=True)
class MiniwobPlace:
    """A page of MiniWoB++, which says what it wants and rewards it; what it punishes is worth 0 here."""

    site: Site
    page: str
    repeatable: bool = True
    changes: bool = True
    storage_state: str | None = None
    instruction: str = ""

    @property
    def origins(self) -> frozenset[str]:
        """See ``Place``."""
        return frozenset({origin_of(self.site.url)})

    async def begin(self, tab: Tab, seed: int) -> None:
        """See ``Place``; a page that is open already is started again, which takes a tenth of the time."""
        url = f"{self.site.url}{miniwob.PREFIX}{self.page}.html"
        if tab.page.url != url or tab.kept != url:
            await tab.clean([self.site.url])
            await tab.go(url)
            await tab.forget_history()
            tab.kept = url
        else:
            tab.guard.begin_episode()
        self.instruction = await miniwob.start(tab, seed)
        await tab.rest()

    async def outcome(self, tab: Tab) -> Outcome:
        """See ``Place``."""
        done, reward = await miniwob.outcome(tab)
        return done, max(0.0, reward) if done else 0.0

    async def answer(self, tab: Tab, text: str) -> Outcome:
        """See ``Place``: nobody listens."""
        return GOES_ON

    def shorten(self, url: str) -> str:
        """See ``Place``."""
        return url.removeprefix(f"{self.site.url}{miniwob.PREFIX}").removesuffix(".html")

    def end(self) -> None:
        """See ``Place``."""


@dataclass(slots=True)
class OwnPlace:
    """A task of our own site, on a database that only this episode knows."""

    site: Site
    spec: TaskSpec
    judge: LLMClient | None
    repeatable: bool = True
    changes: bool = False
    storage_state: str | None = None
    _token: str = field(default="", init=False)

    @property
    def instruction(self) -> str:
        """See ``Place``."""
        return self.spec.intent

    @property
    def origins(self) -> frozenset[str]:
        """See ``Place``."""
        return frozenset({origin_of(self.site.url)})

    async def begin(self, tab: Tab, seed: int) -> None:
        """See ``Place``."""
        self.end()
        assert self.spec.world is not None
        self._token = self.site.open(self.spec.world, logins(self.spec))
        await tab.clean([self.site.url])
        cookie: Any = {"name": COOKIE, "value": self._token, "url": self.site.url, "httpOnly": True}
        await tab.page.context.add_cookies([cookie])
        await tab.go(self._sites().expand(self.spec.start_url))
        await tab.forget_history()

    async def outcome(self, tab: Tab) -> Outcome:
        """See ``Place``."""
        return GOES_ON

    async def answer(self, tab: Tab, text: str) -> Outcome:
        """See ``Place``: the answer is judged."""
        holds = await Evaluator(spec=self.spec, sites=self._sites(), judge=self.judge).holds(tab, text)
        return True, float(holds)

    def shorten(self, url: str) -> str:
        """See ``Place``."""
        return self._sites().shorten(url)

    def end(self) -> None:
        """See ``Place``."""
        self.site.forget(self._token)

    def _sites(self) -> Sites:
        return Sites.own(self.site.url)


@dataclass(slots=True)
class UserPlace:
    """A task on a user's own sites, which nobody sets back: what an episode changes stays changed."""

    spec: TaskSpec
    sites: Sites
    judge: LLMClient | None
    storage_state: str | None = None
    repeatable: bool = False
    changes: bool = False

    @property
    def instruction(self) -> str:
        """See ``Place``."""
        return self.spec.intent

    @property
    def origins(self) -> frozenset[str]:
        """See ``Place``."""
        return self.sites.origins()

    async def begin(self, tab: Tab, seed: int) -> None:
        """See ``Place``."""
        await tab.go(self.sites.expand(self.spec.start_url))

    async def outcome(self, tab: Tab) -> Outcome:
        """See ``Place``."""
        return GOES_ON

    async def answer(self, tab: Tab, text: str) -> Outcome:
        """See ``Place``: the answer is judged."""
        holds = await Evaluator(spec=self.spec, sites=self.sites, judge=self.judge).holds(tab, text)
        return True, float(holds)

    def shorten(self, url: str) -> str:
        """See ``Place``."""
        return self.sites.shorten(url)

    def end(self) -> None:
        """See ``Place``."""


def place_of(
    task: Task, site: Site, *, data_dir: Path | None, judge: LLMClient | None, auth_dir: Path | None
) -> Place:
    """Where ``task`` is played.

    Raises:
        DataError: nothing knows the task.
        TaskUnavailableError: its site, its login or its evaluator is not here; the message says what to do.
        UnavailableError: the package or the files that it is made of are not there.
    """
    if task.id.startswith(f"{MINIWOB}:"):
        miniwob.page_names()
        return MiniwobPlace(site=site, page=task.id.removeprefix(f"{MINIWOB}:"))
    spec = spec_of(task, data_dir)
    if reason := refusal(spec, has_judge=judge is not None, own=spec.world is not None):
        raise TaskUnavailableError(f"the task {task.id} cannot be played: {reason}")
    if spec.world is not None:
        return OwnPlace(site=site, spec=spec, judge=judge)
    sites = Sites.from_environment()
    for text in spec.texts_with_sites:
        sites.expand(text)  # what is missing is told before anything is played
    return UserPlace(spec=spec, sites=sites, judge=judge, storage_state=_login_of(spec, auth_dir))


def chromium_hosts(place: Place) -> tuple[str, ...]:
    """The hosts that a browser for ``place`` may find."""
    return hosts(place.origins)


def _login_of(spec: TaskSpec, auth_dir: Path | None) -> str | None:
    """The file of cookies that WebArena's own login script has made for a task's sites."""
    if not spec.require_login or spec.storage_state is None:
        return None
    file = Path(spec.storage_state).name
    if auth_dir is None or not (auth_dir / file).is_file():
        found = "" if auth_dir is None else f", which is not in {auth_dir}"
        raise TaskUnavailableError(
            f"the task {spec.id} needs the login {file}{found}: set environment.auth_dir to the folder in "
            "which WebArena's auto_login.py has put it"
        )
    return str(auth_dir / file)
