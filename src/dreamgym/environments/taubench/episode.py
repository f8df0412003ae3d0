"""One episode of a tool world: calls of tools and words to the user, until somebody ends it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamgym.environments.taubench.calls import (
    CONTENT,
    RESPOND,
    CallError,
    ToolCall,
    parse_call,
    printable,
)
from dreamgym.environments.taubench.database import Database
from dreamgym.environments.taubench.guard import Guard
from dreamgym.environments.taubench.script import reference_changes
from dreamgym.environments.taubench.user import STOP, User
from dreamgym.environments.taubench.world import World

MAX_TEXT = 60_000  # characters of an answer; a search of all flights over one stop has 30,000


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the world says to an action; ``over`` where the episode has ended with it."""

    text: str
    valid: bool = True
    over: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Where an episode stands; ``said`` is all that the agent has told the user."""

    database: Database
    user: User
    guard: Guard
    said: tuple[str, ...] = ()

    def copy(self) -> Moment:
        """The same moment, which the other's future does not change."""
        return replace(self, database=self.database.copy())


class Episode:
    """Plays ``world`` with its user or another one."""

    def __init__(self, world: World, user: User) -> None:
        self.world = world
        self.now = Moment(database=Database(world.base), user=user, guard=world.guard)

    async def open(self) -> str:
        """What the user says first. Raises ``UserSimulatorError``."""
        reply = await self.now.user.open()
        self.now = replace(self.now, user=reply.user)
        return self._spoken(reply.text)

    async def act(self, action: str) -> Answer:
        """Make a call. Whatever is no call, or is refused, is answered by the reason.

        Raises ``UserSimulatorError``.
        """
        try:
            call = parse_call(action, self.world.toolbox.forms)
            if call.name == RESPOND:
                return await self._respond(content_of(call))
            return self._run(call)
        except CallError as refusal:
            return Answer(text=bounded(str(refusal)), valid=False)

    def won(self) -> bool:
        """Whether the database is as the reference solution leaves it, and what had to be said was said."""
        script, now = self.world.script, self.now
        if not all(any(self.world.says(output, said) for said in now.said) for output in script.outputs):
            return False
        wanted = reference_changes(self.world.base, self.world.toolbox, script.calls)
        return now.database.changes() == wanted

    def _run(self, call: ToolCall) -> Answer:
        world, now = self.world, self.now
        world.toolbox.tool_for(call)  # whether it is a call at all, before whether it may be made
        if problem := now.guard.problem(now.database, call):
            raise CallError(f"Error: {problem}")
        text = world.toolbox.run(now.database, call)
        self.now = replace(now, guard=now.guard.called(now.database, call))
        return Answer(
            text=bounded(text),
            valid=not text.startswith("Error"),
            over=call.name in world.toolbox.terminal,
        )

    async def _respond(self, content: str) -> Answer:
        now = self.now
        reply = await now.user.answer(content)
        self.now = replace(
            now,
            user=reply.user,
            guard=now.guard.heard(content, reply.text),
            said=(*now.said, content),
        )
        return Answer(text=self._spoken(reply.text), over=STOP in reply.text)

    def _spoken(self, text: str) -> str:
        return bounded(f"{self.world.speaker}{text}")


def content_of(call: ToolCall) -> str:
    """What a ``respond`` says. Raises ``CallError``."""
    content = call.arguments.get(CONTENT)
    if not isinstance(content, str) or not content.strip() or len(call.arguments) != 1:
        raise CallError(f"Error: {RESPOND} wants one argument, {CONTENT}: the text for the user")
    return content


def bounded(text: str) -> str:
    """``text`` as an observation may be: printable, of a length that a context can hold."""
    clean = printable(text)
    if len(clean) <= MAX_TEXT:
        return clean
    return f"{clean[:MAX_TEXT]}… ({len(clean) - MAX_TEXT} more characters)"
