"""What a world refuses that its tools alone would do: calls for people it does not know, or never agreed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Protocol

from dreamgym.environments.taubench.calls import CallError, ToolCall, parse_call
from dreamgym.environments.taubench.database import Database
from dreamgym.environments.taubench.shop_tools import CHANGE_FORMS, CHANGING, TRANSFER, user_of

_OFFER = re.compile(r"\bmay i (.+?)[\s.]*\?", re.IGNORECASE)
_YES = re.compile(r"\s*yes\b", re.IGNORECASE)
_CHANGES = frozenset(tool.name for tool in CHANGING)


class Guard(Protocol):
    """A value: what happens makes another one."""

    def problem(self, database: Database, call: ToolCall) -> str:
        """Why ``call`` may not be made now; an empty text where it may."""
        ...

    def called(self, database: Database, call: ToolCall) -> Guard:
        """After a call that the tools did."""
        ...

    def heard(self, content: str, reply: str) -> Guard:
        """After the user has answered ``reply`` to ``content``."""
        ...


@dataclass(frozen=True, slots=True)
class NoGuard:
    """tau-bench's own domains trust their agents: only the final database tells."""

    def problem(self, database: Database, call: ToolCall) -> str:
        """See ``Guard``."""
        return ""

    def called(self, database: Database, call: ToolCall) -> Guard:
        """See ``Guard``."""
        return self

    def heard(self, content: str, reply: str) -> Guard:
        """See ``Guard``."""
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopGuard:
    """The shop serves the user that was found, and changes what that user said yes to."""

    user: str = ""
    agreed: ToolCall | None = None

    def problem(self, database: Database, call: ToolCall) -> str:
        """See ``Guard``."""
        id = call.arguments.get("order")
        needs_user = isinstance(id, str) or call.name == TRANSFER
        if needs_user and not self.user:
            return "find the user first."
        order = database.table("orders").get(id) if isinstance(id, str) else None
        if order is not None and order["user"] != self.user:
            return f"{id} is not of {self.user}."
        if call.name in _CHANGES and call != self.agreed:
            return "ask first: may i CALL?"
        return ""

    def called(self, database: Database, call: ToolCall) -> Guard:
        """See ``Guard``; what was agreed is agreed once."""
        if call.name == "find_user":
            return replace(self, user=user_of(database, call.arguments))
        return replace(self, agreed=None) if call.name in _CHANGES else self

    def heard(self, content: str, reply: str) -> Guard:
        """See ``Guard``."""
        offer = offered(content)
        return replace(self, agreed=offer if offer is not None and _YES.match(reply) else None)


def offered(content: str) -> ToolCall | None:
    """The change that ``content`` asks for permission to make: ``may i cancel_order order 17 late?``."""
    match = _OFFER.search(content)
    if match is None:
        return None
    try:
        return parse_call(match[1], CHANGE_FORMS)
    except CallError:
        return None
