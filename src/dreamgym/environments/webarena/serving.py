"""The site's server, shared by all environments of the process: from the first to the last of them."""

from __future__ import annotations

import threading

from dreamgym.environments.webarena.miniwob import folder
from dreamgym.environments.webarena.site.server import Site

_lock = threading.Lock()
_site: Site | None = None
_users = 0


def borrow_site() -> Site:
    """The server, running."""
    global _site, _users
    with _lock:
        if _site is None:
            _site = Site(static=folder())
        _users += 1
        return _site


def give_back_site() -> None:
    """One user less; the last one closes it."""
    global _site, _users
    with _lock:
        _users -= 1
        if _users == 0 and _site is not None:
            _site.close()
            _site = None
