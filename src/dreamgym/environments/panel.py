"""A panel: tasks in a fixed order, and the digest by which two runs know that they play the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from dreamgym.core.data_structures import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Tasks in a fixed order, and the SHA-256 of what they are played in."""

    name: str
    tasks: tuple[Task, ...]
    digest: str
