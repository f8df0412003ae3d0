"""The folder of the originals' data: what to say where a person has named another level of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def level_hint(folder: Path, inside: Iterable[str]) -> str:
    """What to do about ``folder``, which is not there, where the named folder around it is of another level.

    ``inside`` are names of which ``folder`` would hold some. Empty where nothing looks like such a mistake.
    """
    named = folder.parent.absolute()
    if folder.exists():
        return ""
    if named.name == folder.name:
        return f"{named} was named, the folder around it is wanted: name {named.parent}"
    if any((named / name).exists() for name in inside):
        return f"{named} holds such files itself: move them into {folder}"
    return ""
