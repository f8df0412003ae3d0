"""An episode of our own site without a browser: the same texts, refusals and rewards."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import cast

from dreamgym.environments.webarena.actions import ActionError, Call, read_action
from dreamgym.environments.webarena.browser.tab import Tab
from dreamgym.environments.webarena.evaluators.evaluate import Evaluator
from dreamgym.environments.webarena.logins import logins
from dreamgym.environments.webarena.site.world import open_world
from dreamgym.environments.webarena.sites import Sites
from dreamgym.environments.webarena.specs import TaskSpec
from dreamgym.environments.webarena.state import MAX_OBSERVATION, clean
from dreamgym.environments.webarena.still.page_tree import Node
from dreamgym.environments.webarena.still.still_tab import HOST, StillTab
from dreamgym.environments.webarena.view import View
from dreamgym.utils.run_sync import at_once

ANSWER, OVER = "send_msg_to_user", "the episode is over"
MAX_GOAL = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a turn is answered by."""

    text: str
    valid: bool = True
    reward: float = 0.0
    over: bool = False


class StillEpisode:
    """A task of our own site, on a database of its own."""

    def __init__(self, spec: TaskSpec) -> None:
        assert spec.world is not None
        self.spec = spec
        self.db: sqlite3.Connection = open_world(spec.world)
        self.db.executemany("INSERT INTO login VALUES (?, ?)", logins(spec).items())
        self.tab, self.sites = StillTab(self.db), Sites.own(HOST)
        self.view = View(whole=False)
        at_once(self.tab.go(self.sites.expand(self.spec.start_url)))
        self.opening = f"goal: {clean(self.spec.intent, MAX_GOAL)}\n{self.read()}"

    def read(self) -> str:
        """The page that is open, as the agent reads it."""
        address = self.sites.shorten(self.tab.url)
        return at_once(self.view.read(cast(Tab, self.tab), [], self.spec.intent, address))

    def act(self, action: str) -> Said:
        """One turn."""
        try:
            call = read_action(action)
            if call.name == ANSWER:
                holds = self.holds(call.text(0))
                return Said(text=OVER, reward=float(holds), over=True)
            self._act(call)
        except ActionError as error:
            return Said(text=f"error: {error}\n{self.read()}"[:MAX_OBSERVATION], valid=False)
        return Said(text=self.read())

    def holds(self, answer: str) -> bool:
        """Whether the task is done, were ``answer`` said now."""
        tab = self.tab.copy(self.db)  # judging leaves the page
        return at_once(Evaluator(spec=self.spec, sites=self.sites).holds(cast(Tab, tab), answer))

    def _act(self, call: Call) -> None:
        if call.name == "scroll":
            self.view.turn_page(call.numbers()[1])
        elif call.name != "noop":
            self.tab.perform(call, self.node(call.text(0)))
            self.view.rewind()

    def node(self, id: str) -> Node | None:
        """The element that the agent has named."""
        element = self.view.elements.get(id)
        if element is None:
            return None
        return next(node for node in self.tab.root.walk() if node.number == element.node)

    def close(self) -> None:
        """Free the database."""
        self.db.close()


def opening_of(spec: TaskSpec) -> str:
    """What the agent reads first."""
    episode = StillEpisode(spec)
    try:
        return episode.opening
    finally:
        episode.close()
