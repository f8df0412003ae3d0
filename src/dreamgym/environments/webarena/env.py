"""WebArena as an environment: tasks of our own site, of MiniWoB++'s pages, of a user's own sites.

Every environment has a page of its own in a context of its own, kept open from episode to episode. An answer
(``send_msg_to_user``) ends an episode of a site and is judged; MiniWoB++'s pages judge themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task
from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.webarena.actions import ActionError, Call, read_action
from dreamgym.environments.webarena.browser.chromium import chromium
from dreamgym.environments.webarena.browser.deeds import perform
from dreamgym.environments.webarena.browser.tab import Tab
from dreamgym.environments.webarena.places import GOES_ON, Place, chromium_hosts, place_of
from dreamgym.environments.webarena.serving import borrow_site, give_back_site
from dreamgym.environments.webarena.site.server import Site
from dreamgym.environments.webarena.state import clean
from dreamgym.environments.webarena.view import View
from dreamgym.models.llm_client import LLMClient

STATES = ("abstract", "full")
ANSWER = "send_msg_to_user"
OVER = "the episode is over"
MAX_GOAL = 2_000
EPISODES_A_PAGE = 40  # Playwright remembers every request of a page for as long as the page is open


@dataclass(frozen=True, kw_only=True, slots=True)
class _Snapshot:
    task: Task
    seed: int
    actions: tuple[str, ...]
    over: bool


@dataclass(slots=True)
class _Episode:
    """What is being played."""

    task: Task
    seed: int
    place: Place
    tab: Tab
    actions: list[str]
    over: bool = False


class WebarenaEnv:
    """The real environment.

    ``state`` is the paper's abstract one, or the whole page ("full"); ``judge`` is the language model that
    fuzzy matches ask; ``auth_dir`` holds the logins of a user's own sites (WebArena's ``.auth``).
    """

    name = "webarena"
    origin = Origin.REAL
    sheet = None

    def __init__(
        self,
        max_turns: int = 30,
        data_dir: Path | None = None,
        *,
        show_admissible: bool = False,
        state: str = "abstract",
        judge: LLMClient | None = None,
        auth_dir: Path | str | None = None,
    ) -> None:
        if state not in STATES:
            raise ConfigError(f"state is {state!r}: wanted one of {', '.join(STATES)}")
        self._max_turns, self._data_dir = max_turns, data_dir
        self._auth_dir = None if auth_dir is None else Path(auth_dir)  # in a worker's spec it is a text
        self._show_admissible, self._judge = show_admissible, judge
        self._view = View(whole=state == "full")
        self._site: Site | None = None
        self._tab: Tab | None = None
        self._hosts: tuple[str, ...] = ()
        self._episodes = 0
        self._episode: _Episode | None = None
        self._restored: _Snapshot | None = None

    @property
    def refused(self) -> dict[str, int]:
        """What the browser was kept from in this episode, by kind, with how often."""
        return {} if self._tab is None else dict(self._tab.guard.counts)

    async def reset(self, task: Task, seed: int) -> Observation:
        """Start ``task``; ``seed`` changes MiniWoB++'s pages, a site's tasks hold no chance.

        Raises:
            TaskUnavailableError: its site, its login or its evaluator is not here.
            UnavailableError: no browser, or no package or file that the task is made of.
            EnvironmentFailedError: the site is down.
        """
        self._restored = None
        self._leave()
        if self._site is None:
            self._site = borrow_site()
        place = place_of(
            task, self._site, data_dir=self._data_dir, judge=self._judge, auth_dir=self._auth_dir
        )
        tab = await self._tab_for(place)
        self._view.rewind()
        async with tab.turn():
            # Noted first, so that a place whose beginning fails is freed with the environment.
            self._episode = _Episode(task=task, seed=seed, place=place, tab=tab, actions=[], over=True)
            await place.begin(tab, seed)
            notes = [*tab.guard.notes, *([] if place.changes else [_goal(place)])]
            text = await self._read(self._episode, notes)
        self._episode.over = False
        return self._observation(text)

    async def step(self, action: str) -> StepResult:
        """Act; what is no action, or cannot be done, is answered by an error."""
        if self._restored is not None and not self._restored.over:
            await self._catch_up(self._restored)
        if self._restored is None and self._episode is None:
            raise RuntimeError("no episode was started: call reset first")
        if self._episode is None or self._episode.over or self._restored is not None:
            raise RuntimeError("the episode is over: call reset before the next step")
        return await self._turn(self._episode, action)

    def snapshot(self) -> object:
        """See ``Environment``; it holds the actions so far, and ``restore`` plays them again.

        Raises:
            UnavailableError: the site is a user's own, which nothing here can set back.
        """
        if self._restored is not None:
            return self._restored
        if self._episode is None:
            raise RuntimeError("no episode was started: call reset first")
        episode = self._episode
        if not episode.place.repeatable:
            raise UnavailableError("a user's own site cannot be set back: an episode on it has no snapshot")
        return _Snapshot(
            task=episode.task, seed=episode.seed, actions=tuple(episode.actions), over=episode.over
        )

    def restore(self, snapshot: object) -> None:
        """See ``Environment``; also in another ``WebarenaEnv``. The next step plays the actions again."""
        if not isinstance(snapshot, _Snapshot):
            raise TypeError(f"{type(snapshot).__name__} is no snapshot of a WebarenaEnv")
        self._restored = snapshot

    async def close(self) -> None:
        """See ``Environment``."""
        self._restored = None
        self._leave()
        await self._drop_tab()
        if self._site is not None:
            self._site = None
            give_back_site()

    async def _turn(self, episode: _Episode, action: str) -> StepResult:
        tab, problem, outcome, text = episode.tab, "", GOES_ON, OVER
        episode.actions.append(action)
        async with tab.turn(judged=action.lstrip().startswith(ANSWER)):
            try:
                outcome = await self._act(episode, read_action(action))
            except ActionError as error:
                problem = f"error: {error}"
            notes = [*tab.guard.notes, *filter(None, [problem])]
            valid = not problem and not tab.guard.deeds
            if not outcome[0]:
                text = await self._read(episode, notes)
        done, reward = outcome
        truncated = not done and len(episode.actions) >= self._max_turns
        episode.over = done or truncated
        return StepResult(
            observation=self._observation(text),
            reward=reward,
            terminated=done,
            truncated=truncated,
            won=done and reward > 0,
            valid=valid,
        )

    async def _act(self, episode: _Episode, call: Call) -> tuple[bool, float]:
        """Do ``call``; whether that ended the episode, and its reward."""
        if call.name == ANSWER:
            return await episode.place.answer(episode.tab, call.text(0))
        try:
            await perform(episode.tab, call, self._view.elements)
        except ActionError:
            await episode.tab.rest()  # it may have been done all the same: a click that ends an episode
            if (outcome := await episode.place.outcome(episode.tab))[0]:
                return outcome
            raise
        await episode.tab.rest()
        if call.name == "scroll":
            self._view.turn_page(call.numbers()[1])
        elif call.name != "noop":
            self._view.rewind()
        return await episode.place.outcome(episode.tab)

    async def _read(self, episode: _Episode, notes: list[str]) -> str:
        place, tab = episode.place, episode.tab
        if place.changes:  # the task's own instruction does not say what this episode asks for
            notes = [*notes, _goal(place)]
        return await self._view.read(tab, notes, place.instruction, place.shorten(tab.page.url))

    def _observation(self, text: str) -> Observation:
        return Observation(text=text, admissible=self._view.admissible() if self._show_admissible else None)

    async def _catch_up(self, snapshot: _Snapshot) -> None:
        """Play again what a restored snapshot holds."""
        await self.reset(snapshot.task, snapshot.seed)
        assert self._episode is not None
        for action in snapshot.actions:
            await self._turn(self._episode, action)

    async def _tab_for(self, place: Place) -> Tab:
        """The page that is open, where it will do; a user's own site gets a new one for every episode."""
        needed = chromium_hosts(place)
        tab = self._tab
        self._episodes += 1
        worn = not place.repeatable or self._episodes > EPISODES_A_PAGE
        if tab is None or not tab.alive or worn or needed != self._hosts:
            # The new one first: the browser stays open as long as somebody uses it.
            tab = await Tab.open(chromium(needed), place.origins, place.storage_state)
            await self._drop_tab()
            self._tab, self._hosts, self._episodes = tab, needed, 1
        tab.guard.allowed = place.origins
        return tab

    async def _drop_tab(self) -> None:
        tab, self._tab = self._tab, None
        if tab is not None:
            await tab.close()

    def _leave(self) -> None:
        """End the episode's place."""
        episode, self._episode = self._episode, None
        if episode is not None:
            episode.place.end()


def _goal(place: Place) -> str:
    return f"goal: {clean(place.instruction, MAX_GOAL)}"
