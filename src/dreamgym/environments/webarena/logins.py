"""Who is logged in to our own site when a task begins."""

from __future__ import annotations

from dreamgym.environments.webarena.site import words
from dreamgym.environments.webarena.site.tasks import customer
from dreamgym.environments.webarena.site.world import open_world
from dreamgym.environments.webarena.specs import TaskSpec


def logins(spec: TaskSpec) -> dict[str, str]:
    """Who is logged in to our own site when a task begins."""
    if not spec.require_login:
        return {}
    assert spec.world is not None
    db = open_world(spec.world)
    try:
        person = customer(db)
    finally:
        db.close()
    return {"shop": person, "forum": person, "admin": words.ADMIN}
