"""Scripted players that any environment may bring along: told what they see, they say what to do.

Players of other manners are shown as such by ``Listener`` and ``Reader``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from dreamgym.core.data_structures import Task
from dreamgym.environments.base_env import Observation
from dreamgym.utils.draws import choose

LOST = "look"  # where a world lists nothing that could be done


class Player(Protocol):
    """Plays one episode."""

    def act(self, seen: Observation) -> str:
        """The next action, after what was answered to the last one; the first time after the reset."""
        ...


PlayerMaker = Callable[[Task, Random], Player]


class RandomPlayer:
    """Any admissible action, in a world that lists them."""

    def __init__(self, task: Task, rng: Random) -> None:
        self._rng = rng

    def act(self, seen: Observation) -> str:
        """See ``Player``."""
        return choose(self._rng, seen.admissible) if seen.admissible else LOST


class Hearing(Protocol):
    """A player that is told the answer to every action, then asked for its choice."""

    def see(self, action: str, observation: str) -> None:
        """Take note of the answer to ``action``; the opening has the empty one."""
        ...

    def choose(self, admissible: Callable[[], Sequence[str]]) -> str:
        """The next action; ``admissible`` lists what the world would accept now."""
        ...


class Listener:
    """A ``Hearing`` player."""

    def __init__(self, player: Hearing) -> None:
        self._player = player
        self._said = ""

    def act(self, seen: Observation) -> str:
        """See ``Player``."""
        self._player.see(self._said, seen.text)
        self._said = self._player.choose(lambda: seen.admissible or ())
        return self._said


class Reading(Protocol):
    """A player that is shown the text and the admissible actions."""

    def choose(self, observation: str, admissible: Sequence[str]) -> str:
        """The next action."""
        ...


class Reader:
    """A ``Reading`` player."""

    def __init__(self, player: Reading) -> None:
        self._player = player

    def act(self, seen: Observation) -> str:
        """See ``Player``."""
        return self._player.choose(seen.text, seen.admissible or ())


def draw_slip(seen: Observation, past: Sequence[str], rng: Random) -> tuple[str, str]:
    """A kind of mistake, and an action of that kind: plausible, and most likely refused here.

    What is refused is for the world to say; a slip that it accepts was none.
    """
    now = set(seen.admissible or ())
    stale = [action for action in past if action not in now]
    kinds = ["nonsense", *(["stale"] if stale else []), *(["typo"] if now or past else [])]
    words = seen.text.split()
    kinds += ["mixed"] if words and (now or past) else []
    kind = choose(rng, kinds)
    if kind == "stale":
        return kind, choose(rng, stale)
    if kind == "typo":
        return kind, _mistyped(choose(rng, sorted(now) or list(past)), rng)
    if kind == "mixed":
        return kind, _mixed(choose(rng, sorted(now) or list(past)), words, rng)
    return kind, choose(rng, ("", "help", "do it", "ok", "done", "try again", "think about the task"))


def _mixed(action: str, words: Sequence[str], rng: Random) -> str:
    """``action`` with words that are seen before, behind or in it, or in its place: a half-learned tongue."""
    some = " ".join(choose(rng, words) for _ in range(1 + int(rng.random() * 3)))
    at = int(rng.random() * max(1, len(action)))
    return choose(rng, (f"{some} {action}", f"{action} {some}", f"{action[:at]}{some}{action[at:]}", some))


def _mistyped(action: str, rng: Random) -> str:
    """``action`` with a letter missing, doubled or in the wrong place."""
    at = int(rng.random() * max(1, len(action)))
    return choose(
        rng,
        (
            action[:at] + action[at + 1 :],
            action[: at + 1] + action[at : at + 1] + action[at + 1 :],
            action[at:] + action[:at],
        ),
    )
