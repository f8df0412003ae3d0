"""Where the sites of WebArena's tasks are: ``__SHOPPING__`` and so on stand for base URLs.

A user's own come from the environment variables that WebArena itself reads: SHOPPING, SHOPPING_ADMIN, REDDIT,
GITLAB, MAP, WIKIPEDIA, HOMEPAGE.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dreamgym.core.errors import TaskUnavailableError

NAMES = ("SHOPPING_ADMIN", "SHOPPING", "REDDIT", "GITLAB", "MAP", "WIKIPEDIA", "HOMEPAGE")
_PLACEHOLDER = re.compile(r"__([A-Z_]+?)__")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sites:
    """Base URLs without a slash at the end, by name; ``strange`` says what is wrong with those of no use."""

    urls: Mapping[str, str]
    strange: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls) -> Sites:
        """The user's own; a variable that holds no URL troubles only who needs that site."""
        given = {name: os.environ[name] for name in NAMES if os.environ.get(name)}
        good = {name: url for name, url in given.items() if _is_url(url)}
        strange = {
            name: f"the environment variable {name} is {url!r}: wanted a URL such as http://localhost:7770"
            for name, url in given.items()
            if name not in good
        }
        return cls(urls={name: url.rstrip("/") for name, url in good.items()}, strange=strange)

    @classmethod
    def own(cls, url: str) -> Sites:
        """Our own site, served at ``url``."""
        return cls(
            urls={"SHOPPING_ADMIN": f"{url}/admin", "SHOPPING": f"{url}/shop", "REDDIT": f"{url}/forum"}
        )

    def expand(self, text: str) -> str:
        """``text`` with URLs for placeholders.

        Raises:
            TaskUnavailableError: a site is nowhere, or its variable holds no URL.
        """
        return _PLACEHOLDER.sub(lambda match: self._url(match[1]), text)

    def shorten(self, url: str) -> str:
        """``url`` as the agent reads it: the site's name for its base, so that no port changes a text."""
        for name, base in sorted(self.urls.items(), key=lambda entry: -len(entry[1])):
            if url == base or url.startswith((f"{base}/", f"{base}?")):
                return name + url[len(base) :]
        return url

    def origins(self) -> frozenset[str]:
        """What the agent's browser may reach."""
        return frozenset(origin_of(url) for url in self.urls.values())

    def _url(self, name: str) -> str:
        if name in self.strange:
            raise TaskUnavailableError(self.strange[name])
        if name not in self.urls:
            raise TaskUnavailableError(
                f"the task needs the site {name}, and nothing says where it is: set the environment variable "
                f"{name} to its URL"
            )
        return self.urls[name]


def origin_of(url: str) -> str:
    """``scheme://host:port`` of a URL; empty where it has no host."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443, "ws": 80, "wss": 443}.get(parts.scheme, 0)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname else ""


def hosts(origins: Iterable[str]) -> tuple[str, ...]:
    """The host names of origins, sorted."""
    return tuple(sorted({urlsplit(origin).hostname or "" for origin in origins} - {""}))


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://")) and bool(origin_of(text))
