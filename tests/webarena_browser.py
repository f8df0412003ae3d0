"""Where a real Chromium is, and how tests that need it are skipped; a server of pages that misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import pytest

from dreamgym.environments.webarena.browser.chromium import executable, own_chromium

MISSING = (
    "Playwright"
    if find_spec("playwright") is None
    else "Chromium" if not (executable() or own_chromium()) else ""
)
needs_browser = pytest.mark.skipif(
    bool(MISSING),
    reason=f"no {MISSING}: pip install 'dreamgym[browser]' and apt-get install chromium",
)
needs_miniwob = pytest.mark.skipif(
    find_spec("miniwob") is None, reason="no miniwob: pip install 'dreamgym[browser]'"
)


class Pages(ThreadingHTTPServer):
    """Serves ``pages`` by path; notes what was asked for. A page may be a redirect (``-> URL``)."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, pages: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = dict(pages)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(self.path)
        page = self.server.pages.get(path)
        body = (page or "").encode()
        self.send_response(404 if page is None else 302 if page.startswith("-> ") else 200)
        if page is not None and page.startswith("-> "):
            self.send_header("Location", page[3:])
        if path == "/attached":
            self.send_header("Content-Disposition", "attachment; filename=x.txt")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            return  # the browser has seen enough

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(pages: Mapping[str, str]) -> Iterator[Pages]:
    """The pages, on loopback."""
    server = Pages(pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
