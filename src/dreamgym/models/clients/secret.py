"""A key to an API: from the environment, into the header, and nowhere else."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from typing import TypeVar

E = TypeVar("E", bound=Exception)
HIDDEN = "[key]"
# They log requests, some with headers, where a program switches all debugging on.
for _chatty in ("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Secret:
    """A key; empty where none is set."""

    value: str = field(repr=False)

    @classmethod
    def from_environment(cls, name: str) -> Secret:
        """The key in the variable ``name``."""
        return cls(os.environ.get(name, "").strip())

    def hide(self, text: str) -> str:
        """``text`` with the key blacked out: servers echo what they were sent."""
        return text.replace(self.value, HIDDEN) if self.value else text

    def hide_in(self, error: E) -> E:
        """``error`` with the key blacked out in what it says."""
        error.args = tuple(self.hide(str(argument)) for argument in error.args)
        return error
