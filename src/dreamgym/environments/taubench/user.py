"""User simulators: who the agent talks to. Scripted ones stand beside the world that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

STOP = "###STOP###"  # what a user says to end the conversation


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the user says, and the user who has said it."""

    text: str
    user: User


class User(Protocol):
    """A user is a value: answering makes another one, so that an episode can go back to where it was."""

    async def open(self) -> Reply:
        """What the user says first. Raises ``UserSimulatorError``."""
        ...

    async def answer(self, content: str) -> Reply:
        """What the user says to ``content``; ``STOP`` in it ends the episode.

        Raises ``UserSimulatorError``.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenUser:
    """Says at once all that it wants, agrees to what it is asked, and leaves when it is told something.

    The scripted user of tasks that somebody wrote in prose: nobody needs to understand them but the agent.
    """

    instruction: str

    async def open(self) -> Reply:
        """See ``User``."""
        return Reply(text=self.instruction, user=self)

    async def answer(self, content: str) -> Reply:
        """See ``User``."""
        return Reply(text="Yes." if "?" in content else STOP, user=self)
