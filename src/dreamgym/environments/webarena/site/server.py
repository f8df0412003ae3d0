"""The site as a web server on loopback: one database per episode, told apart by a cookie.

Every episode's rows are its own: the server holds a database in memory for each, and a browser without the
cookie of an episode is shown a page that says so. It also serves the pages of an installed ``miniwob``.
"""

from __future__ import annotations

import mimetypes
import secrets
import sqlite3
import threading
from email import message_from_bytes, policy
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from dreamgym.environments.webarena.site import admin, forum, shop
from dreamgym.environments.webarena.site.web import NotFoundError, Request, Response, answer, page
from dreamgym.environments.webarena.site.world import open_world

COOKIE = "episode"
ROUTES = (*shop.ROUTES, *admin.ROUTES, *forum.ROUTES)
MAX_BODY = 262_144  # bytes of a form, an uploaded file included
MAX_FIELDS = 50
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"
    ),
    "Cache-Control": "no-store",
}


class Site:
    """The server and the databases of the episodes that are played on it."""

    def __init__(self, static: Path | None = None, port: int = 0) -> None:
        self._worlds: dict[str, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        self._static = static
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.site = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name="site"
        )
        self._thread.start()

    def open(self, world: int, logins: dict[str, str]) -> str:
        """A new database of world ``world``, in which people are logged in to sites; its cookie's value."""
        token, db = secrets.token_urlsafe(16), open_world(world)
        db.executemany("INSERT INTO login VALUES (?, ?)", logins.items())
        with self._lock:
            self._worlds[token] = db
        return token

    def forget(self, token: str) -> None:
        """Free an episode's database; may be called twice."""
        with self._lock:
            db = self._worlds.pop(token, None)
            if db is not None:
                db.close()

    def __len__(self) -> int:
        return len(self._worlds)

    def answer(self, method: str, target: str, token: str, form: dict[str, str]) -> Response:
        """The page that a browser of the episode ``token`` asks for."""
        with self._lock:
            db = self._worlds.get(token)
            if db is None:
                return Response(
                    body="<!DOCTYPE html><title>no episode</title>no episode", status=HTTPStatus.FORBIDDEN
                )
            return ask(db, method, target, form)

    def file(self, target: str) -> Path | None:
        """The file of ``miniwob`` that a path names, if it lies in its folder."""
        path = unquote(urlsplit(target).path)
        if self._static is None or not path.startswith("/miniwob-pages/") or "\0" in path:
            return None
        found = (self._static / path.removeprefix("/miniwob-pages/")).resolve()
        return found if found.is_relative_to(self._static.resolve()) and found.is_file() else None

    def close(self) -> None:
        """Stop serving and free all databases; may be called twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for token in list(self._worlds):
            self.forget(token)


def ask(db: sqlite3.Connection, method: str, target: str, form: dict[str, str]) -> Response:
    """What the site answers on the database of one episode."""
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, max_num_fields=MAX_FIELDS))
    request = Request(method=method, path=parts.path, query=query, form=form, db=db)
    try:
        return _guarded(request)
    except NotFoundError:
        return page("missing.html", _site_of(request.path), request, {}, HTTPStatus.NOT_FOUND)


def _guarded(request: Request) -> Response:
    refused = admin.guarded(request) if request.path.startswith("/admin") else None
    return refused or answer(ROUTES, request)


def _site_of(path: str) -> str:
    name = path.split("/")[1]
    return name if name in ("shop", "admin", "forum") else "shop"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a browser keeps its connections open
    site: Site


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"  # connections are kept: a page in a millisecond
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    timeout = 60

    def do_GET(self) -> None:
        """A page, or a file of ``miniwob``."""
        if self.path.startswith("/miniwob-pages/"):
            self._send_file(self.server.site.file(self.path))
        else:
            self._send(self.server.site.answer("GET", self.path, self._token(), {}))

    def do_POST(self) -> None:
        """A form."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self._send(Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body="too large"))
            return
        form = fields(self.headers.get("Content-Type", ""), self.rfile.read(int(length)))
        self._send(self.server.site.answer("POST", self.path, self._token(), form))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: an episode is not the place for an access log."""

    def _token(self) -> str:
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return ""
        return cookies[COOKIE].value if COOKIE in cookies else ""

    def _send(self, response: Response) -> None:
        body = response.body.encode()
        self.send_response(response.status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if response.location:
            self.send_header("Location", response.location)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_file(self, path: Path | None) -> None:
        body = b"" if path is None else path.read_bytes()
        self.send_response(HTTPStatus.NOT_FOUND if path is None else HTTPStatus.OK)
        kind = mimetypes.guess_type(path.name)[0] if path is not None else None
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Cache-Control", "max-age=3600")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def fields(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form; of a file, its name alone."""
    if not content_type.startswith("multipart/form-data"):
        text = body.decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True)[:MAX_FIELDS])
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=policy.HTTP)
    found = {}
    for part in list(message.iter_parts())[:MAX_FIELDS]:
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        found[str(name)] = (
            part.get_filename() or ""
            if part.get_param("filename", header="content-disposition") is not None
            else text
        )
    return found
