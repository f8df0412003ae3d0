"""Scripted players of our own site: an expert, a mistaken, a careless and a random one.

They read what an agent reads, the text of a turn, and nothing else; the expert is told, besides, what the
task was made from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Protocol

from dreamgym.core.data_structures import Task
from dreamgym.environments.webarena.actions import Call, quoted, read_action
from dreamgym.environments.webarena.expert import Expert, Thing, things
from dreamgym.utils.draws import choose

MISTAKES = 0.35
EARLY, MISREAD, ASTRAY, OTHERWISE = "early", "misread", "astray", "otherwise"
FAULTS = (EARLY, MISREAD, MISREAD, ASTRAY, OTHERWISE)
_NUMBER = re.compile(r"\d+")
_PART = re.compile(r"[,:;-] ")


class Player(Protocol):
    """Plays one episode."""

    def choose(self, observation: str, admissible: Sequence[str]) -> str:
        """The next action."""
        ...


class Mistaken:
    """An expert that often acts on another thing, or on one that is not there."""

    def __init__(self, task: Task, rng: Random) -> None:
        self._expert = Expert(task, rng)
        self._rng = rng

    def choose(self, observation: str, admissible: Sequence[str]) -> str:
        """See ``Player``."""
        if self._rng.random() >= MISTAKES:
            return self._expert.choose(observation, admissible)
        seen = things(observation)
        draw = self._rng.random()
        if not seen or draw < 0.25:
            return f"click('{len(seen) + 5 + int(40 * self._rng.random())}')"
        thing = choose(self._rng, seen)
        if draw < 0.5:
            return f"fill('{thing.id}', {quoted(choose(self._rng, seen).name[:20])})"
        return f"click('{thing.id}')" if draw < 0.9 else f"press('{thing.id}', 'Enter')"


class Careless:
    """An expert that gets one thing wrong.

    It ends ``early``, has ``misread`` what it says, ends where it went ``astray``, or fills something in
    ``otherwise``.
    """

    def __init__(self, task: Task, rng: Random) -> None:
        self._expert = Expert(task, rng)
        self._rng = rng
        self._fault = choose(rng, FAULTS)
        self._read: list[str] = []  # texts of the pages so far
        self._last = ""  # what is said after a walk astray

    def choose(self, observation: str, admissible: Sequence[str]) -> str:
        """See ``Player``."""
        seen = things(observation)
        self._read += [text for thing in seen for text in _texts(thing)]
        if self._last:
            return self._last
        if self._fault == EARLY and self._rng.random() < MISTAKES:
            return self._say(choose(self._rng, ["done", *self._read]))
        action = self._expert.choose(observation, admissible)
        call = read_action(action)
        if call.name == "send_msg_to_user":
            return self._end(action, call.text(0), seen)
        if self._fault == OTHERWISE:
            return self._otherwise(action, call, seen)
        return action

    def _otherwise(self, action: str, call: Call, seen: Sequence[Thing]) -> str:
        """Another text for an element; what leads to no such thing ends in words."""
        if call.name == "scroll":
            return self._say(choose(self._rng, ["done", *self._read]))
        if call.name not in ("fill", "select_option"):
            return action
        id, right = call.text(0), call.choices(1)[-1]
        options = [option for thing in seen if thing.id == id for option in thing.options if option]
        if self._rng.random() < MISTAKES:
            options = []  # what is chosen need not be offered
        return f"{call.name}({quoted(id)}, {quoted(self._like(right, options or self._read))})"

    def _end(self, action: str, right: str, seen: Sequence[Thing]) -> str:
        """The last thing that is said, or the way astray before it."""
        links = [thing for thing in seen if thing.type == "link"]
        if self._fault == ASTRAY and links:
            self._last = action
            return f"click('{choose(self._rng, links).id}')"
        return self._say(self._like(right, self._read)) if self._fault == MISREAD else action

    def _like(self, text: str, texts: Sequence[str]) -> str:
        """One of ``texts`` that looks like ``text``, another number, or any of them; never ``text``."""
        others = [other for other in texts if other != text]
        alike = [other for other in others if _form(other) == _form(text)]
        if not alike and text[0].isdigit():
            return f"{choose(self._rng, [digit for digit in '123456789' if digit != text[0]])}{text[1:]}"
        return choose(self._rng, alike or others or ["no"])

    def _say(self, text: str) -> str:
        return f"send_msg_to_user({quoted(text)})"


class Randomly:
    """Anything that is possible."""

    def __init__(self, task: Task, rng: Random) -> None:
        self._rng = rng

    def choose(self, observation: str, admissible: Sequence[str]) -> str:
        """See ``Player``."""
        return choose(self._rng, admissible) if admissible else "noop()"


PLAYERS: dict[str, Callable[[Task, Random], Player]] = {
    "expert": Expert,
    "mistaken": Mistaken,
    "careless": Careless,
    "random": Randomly,
}


def _texts(thing: Thing) -> Iterator[str]:
    """What an element says that an answer could be: parts of its name, and single words."""
    parts = [part for part in _PART.split(thing.name) if part]
    yield from parts
    yield from (word for part in parts if " " in part for word in part.split())


def _form(text: str) -> str:
    """How a text looks: its numbers, or how many words it has."""
    return _NUMBER.sub("0", text) if _NUMBER.search(text) else "a" * len(text.split())
