"""What an episode is made of: the script that the user follows and the world in which it is played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dreamgym.environments.taubench.calls import RESPOND, CallError, ToolCall
from dreamgym.environments.taubench.database import Base, Changes, Database
from dreamgym.environments.taubench.tools import Toolbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A task as its author wrote it; the agent sees nothing of it.

    ``instruction`` tells a user simulator who it is and what it wants, ``calls`` are the reference solution,
    ``outputs`` what the agent must have said to the user.
    """

    id: str
    instruction: str
    calls: tuple[ToolCall, ...]
    outputs: tuple[str, ...] = ()


def reference_changes(base: Base, toolbox: Toolbox, calls: Sequence[ToolCall]) -> Changes:
    """What the reference solution changes in the database; its refused calls change nothing."""
    database = Database(base)
    for call in calls:
        if call.name == RESPOND:
            continue
        try:
            toolbox.run(database, call)
        except CallError:  # some reference solutions of tau-bench try what the shop refuses
            continue
    return database.changes()
