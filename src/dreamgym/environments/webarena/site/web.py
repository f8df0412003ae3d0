"""What a page of the site is made from: a request, its database, templates that escape everything."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

PAGE_SIZE = 4
MAX_TEXT = 200  # characters of anything that a form stores
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["money"] = lambda cents: f"{cents / 100:.2f}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request; ``form`` holds the fields of a POST, an uploaded file's name among them."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    db: sqlite3.Connection

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """What the database answers."""
        return self.db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row:
        """The one row; a page that is not there without it."""
        found = self.db.execute(sql, values).fetchone()
        if found is None:
            raise NotFoundError
        row: sqlite3.Row = found
        return row

    def text(self, name: str) -> str:
        """A field of the form, cut to what is stored."""
        return self.form.get(name, "").strip()[:MAX_TEXT]

    def number(self, name: str, highest: int = 10_000) -> int | None:
        """A field of the form as a whole number from 0 to ``highest``."""
        text = self.form.get(name, "").strip()
        return int(text) if re.fullmatch(r"\d{1,6}", text, re.ASCII) and int(text) <= highest else None

    def person(self, site: str) -> str | None:
        """Who is logged in."""
        found = self.db.execute("SELECT person FROM login WHERE site = ?", (site,)).fetchone()
        return None if found is None else str(found["person"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """A page, or a redirect to ``location``."""

    body: str = ""
    status: int = 200
    location: str = ""


Handler = Callable[..., Response]
Routes = Sequence[tuple[str, str, Handler]]


class NotFoundError(Exception):
    """There is no such page."""


def page(
    template: str, site: str, request: Request, values: Mapping[str, Any], status: int = 200
) -> Response:
    """A template with ``values``, and what every page of ``site`` shows."""
    common = {"site": site, "person": request.person(site), "path": request.path}
    return Response(body=_TEMPLATES.get_template(template).render({**common, **values}), status=status)


def go(location: str) -> Response:
    """See another page, after a form."""
    return Response(status=303, location=location)


def cut(rows: Sequence[Any], request: Request) -> dict[str, Any]:
    """The rows of the page that the query asks for, and where it stands among the pages."""
    asked = request.query.get("page", "1")
    pages = max(1, math.ceil(len(rows) / PAGE_SIZE))
    number = min(int(asked), pages) if re.fullmatch(r"[1-9]\d{0,5}", asked, re.ASCII) else 1
    return {
        "rows": rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        "number": number,
        "pages": pages,
        "total": len(rows),
    }


def answer(routes: Routes, request: Request) -> Response:
    """What the handler of the path answers.

    Raises:
        NotFoundError: there is none, or it knows no such page.
    """
    for method, pattern, handler in routes:
        match = re.fullmatch(pattern, request.path, re.ASCII)
        if match and method == request.method:
            return handler(request, *match.groups())
    raise NotFoundError


def log_in(site: str, request: Request, home: str, names: str) -> Response:
    """The page that asks who one is, and the answer to it; ``names`` is the query for a password."""
    if request.method == "GET":
        return page("login.html", site, request, {"problem": ""})
    found = request.db.execute(names, (request.text("name"),)).fetchone()
    if found is None or found["password"] != request.text("password"):
        return page("login.html", site, request, {"problem": "wrong name or password"})
    request.db.execute("REPLACE INTO login VALUES (?, ?)", (site, request.text("name")))
    return go(home)
