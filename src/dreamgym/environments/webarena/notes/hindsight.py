"""What a logged episode of our own site has shown: the sheet that it must have started from.

It is read off the texts; the site's database is never consulted. Pages that nobody has opened stay unknown,
and so does, unless the episode was won, what the task wants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from dreamgym.core.data_structures import Sheet, Trajectory, Transition
from dreamgym.environments.webarena.actions import ActionError, Call, read_action
from dreamgym.environments.webarena.notes.facts import (
    ANSWER,
    ANY,
    BLANK,
    BUTTON,
    DONE,
    ENDS,
    FIELD,
    FINDING,
    KNOWN,
    LINK,
    NO,
    RIGHT,
    SOME,
    TOLD,
    WHERE,
    YES,
    page_text,
    spoken,
    with_values,
)
from dreamgym.environments.webarena.notes.kinds import Kind, kind_of_task
from dreamgym.environments.webarena.notes.site_map import Document, SiteMap, names_of
from dreamgym.models.sheet import AT, HAND, UNSEEN, make_sheet
from dreamgym.models.slots import UNKNOWN
from dreamgym.utils.seeds import derive_seed

SENT = tuple[Document, str, tuple[str, ...]]


@dataclass(slots=True)
class Walk:
    """An episode read turn by turn: where the agent is, and the last deed that it did."""

    site: SiteMap
    home: Document
    at: Document
    screen: int = 0
    filled: dict[str, str] = field(default_factory=dict)
    age: int = 0
    deeds: dict[str, SENT] = field(default_factory=dict)  # the last one by the name of its button
    said: str = ""

    def read(self, turn: Transition) -> None:
        """Note what a turn has shown."""
        try:
            call = read_action(turn.action.text)
        except ActionError:
            return
        text = page_text(turn.next_state)
        if call.name == "send_msg_to_user":
            self.said = call.text(0)
        elif turn.valid and text:
            self._read(call, text)

    def _read(self, call: Call, text: str) -> None:
        if call.name == "scroll":
            self._scroll(call.numbers()[1], text)
        elif call.name == "noop":
            return
        elif call.name in ("fill", "clear", "select_option"):
            self.filled[call.text(0)] = " ".join(_value(call).split())
            self.screen = 0
        else:
            self._touch(call, text)

    def _scroll(self, down: float, text: str) -> None:
        self.screen = max(0, min(self.screen + (down > 0) - (down < 0), self.at.last))
        if self.screen not in self.at.screens:
            loaded = {id: self.at.things[id].value for id in self.filled if id in self.at.things}
            self.at.show(self.screen, with_values(text, loaded), self.site.new_name())
            self.site.note_menu(self.at)

    def _touch(self, call: Call, text: str) -> None:
        """A click or a key; what leads nowhere shows the page as it is."""
        id, thing = call.text(0), self.at.things.get(call.text(0))
        enters = call.name == "press" and call.text(1) == "Enter"
        if enters and thing is not None and thing.kind == FIELD:
            id = self.at.sender(id)
            thing = self.at.things.get(id)
        leads = enters or call.name in ("click", "dblclick")
        stays = text == with_values(self.at.screens[0], self.filled)
        if not leads or (stays and (thing is None or thing.kind not in (LINK, BUTTON))):
            self.screen = 0
            return
        self._follow(id, text)

    def _follow(self, id: str, text: str) -> None:
        """Another page has come."""
        thing, source = self.at.things.get(id), self.at
        is_deed = thing is not None and thing.kind == BUTTON and thing.name not in FINDING
        if is_deed and thing is not None:
            self.age += 1
            self.deeds[thing.name] = (source, id, source.values(id, self.filled))
        target = self.site.open(text, self.age)
        if id:
            self.site.lead(source, id, self.filled, target, self.age - is_deed)
        self.at, self.screen, self.filled = target, 0, {}


def _value(call: Call) -> str:
    """What an action puts into a field."""
    if call.name == "fill":
        return call.text(1)
    return call.choices(1)[-1] if call.name == "select_option" else ""


def hindsight_sheet(trajectory: Trajectory) -> Sheet:
    """The sheet at the start, as far as the episode tells."""
    site = SiteMap(Random(derive_seed("pages", trajectory.id)))
    return sheet_of(walked(trajectory, site), trajectory)


def walked(trajectory: Trajectory, site: SiteMap) -> Walk:
    """The episode, read to its end into ``site``."""
    opening = trajectory.transitions[0].state if trajectory.transitions else trajectory.task.opening
    home = site.open(page_text(opening), 0)
    walk = Walk(site, home, home)
    for turn in trajectory.transitions:
        walk.read(turn)
    return walk


def sheet_of(walk: Walk, trajectory: Trajectory) -> Sheet:
    """The sheet at the start of the episode, with all that its site's map holds."""
    wanted = _wanted(walk, kind_of_task(trajectory.task.instruction), trajectory.success)
    return make_sheet({AT: walk.home.name, HAND: BLANK, **wanted, **dict(walk.site.facts(walk.home))})


def _wanted(walk: Walk, kind: Kind, won: bool) -> dict[str, str]:
    """What must be said, done and open at the end; only an episode that was won tells it."""
    facts = {
        ANSWER: (spoken(walk.said, kind.exact) if won else UNKNOWN) if kind.said else ANY,
        DONE: NO if kind.deed else YES,
        WHERE: SOME if kind.ends else ANY,
        TOLD: KNOWN if won else UNSEEN,
    }
    if not won:
        return facts
    if kind.deed in walk.deeds:
        source, id, values = walk.deeds[kind.deed]
        source.goals.add((id, values))
    if kind.ends:
        address = walk.at.address
        right = [d for d in walk.site.documents.values() if d.address.startswith(address)]
        facts |= {f"{name} {ENDS}": RIGHT for name in names_of(right)}
    return facts
