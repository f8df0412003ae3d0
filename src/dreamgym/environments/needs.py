"""What an environment needs of the machine: what is there, what is missing, and how to get it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One thing. ``found`` says which one is there (a version, a path), None that none is; ``hint`` helps.

    What is ``optional`` is for those who want it: the rest works without.
    """

    name: str
    found: str | None
    hint: str
    optional: bool = False
