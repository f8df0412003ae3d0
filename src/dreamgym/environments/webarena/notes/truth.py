"""The whole sheet of a task of our own site, to measure a dream beside the real one; training never sees it.

What the task wants is what an episode of the expert has shown; the pages are all that can be reached from
the first one, and where every form leads that is sent as it has loaded. What was done is not remembered by
pages that look as they did before.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from random import Random
from typing import cast
from urllib.parse import urlencode

from dreamgym.core.data_structures import Action, Origin, Sheet, StopReason, Task, Trajectory, Transition
from dreamgym.environments.webarena.browser.tab import Tab
from dreamgym.environments.webarena.expert import Expert
from dreamgym.environments.webarena.notes.facts import FINDING, sent_key
from dreamgym.environments.webarena.notes.hindsight import Walk, sheet_of, walked
from dreamgym.environments.webarena.notes.site_map import Document, SiteMap
from dreamgym.environments.webarena.panels import spec_of
from dreamgym.environments.webarena.site.tasks import ADMIN, SHOP
from dreamgym.environments.webarena.site.words import STATUSES, words_of
from dreamgym.environments.webarena.still.page_tree import Node
from dreamgym.environments.webarena.still.still_episode import StillEpisode
from dreamgym.environments.webarena.still.still_tab import HOST, StillTab
from dreamgym.environments.webarena.view import View
from dreamgym.utils.run_sync import at_once

MOST_TURNS = 30
DEEDS_IN_A_ROW = 2
SPARE = 12  # names that are kept for the screens of a page that is being read


@lru_cache(maxsize=512)
def true_sheet(task: Task) -> Sheet:
    """Everything that can be reached."""
    episode = StillEpisode(spec_of(task))
    played = expert_episode(task, episode)
    site = SiteMap(Random(0))
    walk = walked(played, site)
    _Explorer(task, site).explore(walk, episode.tab)
    return sheet_of(walk, played)


def expert_episode(task: Task, episode: StillEpisode) -> Trajectory:
    """The expert's play of ``task``."""
    player, text = Expert(task, Random(0)), episode.opening
    turns: list[Transition] = []
    while not (turns and turns[-1].terminated) and len(turns) < MOST_TURNS:
        action = player.choose(text, ())
        said = episode.act(action)
        turns.append(
            Transition(
                state=text,
                action=Action(text=action),
                next_state=said.text,
                reward=said.reward,
                terminated=said.over,
                valid=said.valid,
            )
        )
        text = said.text
    return Trajectory(
        id=f"{task.id}/expert",
        task=task,
        transitions=tuple(turns),
        origin=Origin.REAL,
        stop_reason=StopReason.TERMINATED,
    )


class _Explorer:
    """Opens whatever can be reached, and writes it into the site's map."""

    def __init__(self, task: Task, site: SiteMap) -> None:
        self._task, self._site = task, site
        self._episode = StillEpisode(spec_of(task))
        self._age = 1_000  # every deed leaves a site of its own

    def explore(self, walk: Walk, last: StillTab) -> None:
        """All pages as they are at the start, then what deeds lead to; ``last`` is where the expert ended."""
        if walk.age:
            list(self._follow_links(walk.at, last, walk.age))
        start = self._episode.tab
        seen = {walk.home: start} | dict(self._finds(start.db))
        pending = deque(seen.items())
        while pending and self._site.room > SPARE:
            for document, tab in self._follow_links(*pending.popleft(), 0):
                if document not in seen:
                    seen[document] = tab
                    pending.append((document, tab))
        for document, tab in seen.items():
            self._do_deeds(document, tab, 0, DEEDS_IN_A_ROW)

    def _document(self, tab: StillTab, age: int) -> Document:
        """The page that is open, with all its screens."""
        view = View(whole=False)

        def read() -> str:
            address = self._episode.sites.shorten(tab.url)
            return at_once(view.read(cast(Tab, tab), [], self._task.instruction, address))

        document = self._site.open(read(), age)
        for number in range(1, document.last + 1):
            view.turn_page(1)
            if number not in document.screens:
                document.show(number, read(), self._site.new_name())
        return document

    def _finds(self, db: sqlite3.Connection) -> Iterator[tuple[Document, StillTab]]:
        """What is found by usual words."""
        spec = self._episode.spec
        site, words = spec.sites[0], words_of(spec.world or 0)
        names = [f"{colour} {noun}" for colour in words.colours for noun in words.every_noun]
        items = (*names, *words.every_noun, *words.colours, "")
        asked = {
            SHOP: [("/shop/search", "q", text) for text in items],
            ADMIN: [("/admin/products", "q", text) for text in items]
            + [("/admin/orders", "status", text) for text in (*STATUSES, "")],
        }
        for path, name, text in asked.get(site, ()):
            tab = StillTab(db)
            tab.open("GET", f"{HOST}{path}?{urlencode({name: text})}", {})
            document = self._document(tab, 0)
            shown = "all" if (name, text) == ("status", "") else text
            word = FINDING["Search" if name == "q" else "Show"]
            self._site.finds.setdefault(sent_key(word, (shown,)), document)
            yield document, tab

    def _follow_links(
        self, document: Document, tab: StillTab, age: int
    ) -> Iterator[tuple[Document, StillTab]]:
        """Every link of a page, and the pages that they lead to."""
        for id, node in self._controls(tab, "link"):
            if self._site.room <= SPARE:
                return
            opened = tab.copy(tab.db)
            opened.follow(node)
            target = self._document(opened, age)
            self._site.lead(document, id, {}, target, age)
            yield target, opened

    def _do_deeds(self, document: Document, tab: StillTab, age: int, deeds: int) -> None:
        """Every form of a page that changes something, sent as it has loaded, and what comes after it."""
        for id, node in self._controls(tab, "button"):
            if self._site.room <= SPARE or node.form is None or node.form.attributes.get("method") != "post":
                continue
            opened = tab.copy(copied(tab.db))
            opened.follow(node)
            self._age += 1
            known = self._site.room
            target = self._document(opened, self._age)
            self._site.lead(document, id, {}, target, age)
            if self._site.room < known and deeds > 1:
                for _ in self._follow_links(target, opened, self._age):
                    pass
                self._do_deeds(target, opened, self._age, deeds - 1)

    def _controls(self, tab: StillTab, type: str) -> list[tuple[str, Node]]:
        """The links, or the buttons, of a page by their ids."""
        nodes = {node.number: node for node in tab.root.walk()}
        _, found = at_once(tab.read())
        return [(element.id, nodes[element.node]) for element in found if element.type == type]


def copied(db: sqlite3.Connection) -> sqlite3.Connection:
    """A database with the same rows."""
    db.commit()  # what is not committed is not serialized
    other = sqlite3.connect(":memory:", check_same_thread=False)
    other.deserialize(db.serialize())
    other.row_factory = sqlite3.Row
    return other
