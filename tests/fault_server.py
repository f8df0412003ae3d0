"""An OpenAI-compatible server on the loopback that misbehaves as told, and counts what it did.

Every faulty answer holds a winning one somewhere in it: whoever reads it carelessly is paid for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

WIN = "\nok\nnext: You win.\nreward: 1\ndone: yes"
HUGE = 17 * 1024 * 1024
OK, WRONG_COUNTS, HANG = "ok", "wrong_counts", "hang"
RATE_LIMIT, RATE_LIMIT_AFTER, SERVER_ERROR = "rate_limit", "rate_limit_after", "server_error"
HALF_CLOSED, TRUNCATED, EMPTY, HTML, NULL, TOO_LONG = (
    "half_closed",
    "truncated_json",
    "empty_choices",
    "html",
    "null_content",
    "huge",
)
# What the client counts each of them as; the others are answers.
COUNTED_AS = {
    RATE_LIMIT: "rate_limit",
    RATE_LIMIT_AFTER: "rate_limit",
    SERVER_ERROR: "server_error",
    HANG: "timeout",
    HALF_CLOSED: "connection",
    TRUNCATED: "malformed",
    EMPTY: "malformed",
    HTML: "malformed",
    NULL: "malformed",
    TOO_LONG: "malformed",
}
FAULTS = tuple(COUNTED_AS)


@dataclass(frozen=True)
class Reply:
    """What the server does with one request; ``text`` is the model's."""

    what: str = OK
    text: str | None = WIN
    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FaultServer:
    """``decide`` says what to do with a request: path, body, headers → reply."""

    decide: Callable[[str, dict, dict], Reply]
    port: int = 0
    served: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, dict, dict]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end: asyncio would complain of a handler that was.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self.answer(reader, writer):
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection is kept."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].split()[1].removeprefix("/v1")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        self.requests.append((path, body, headers))
        reply = self.decide(path, body, headers)
        self.served[reply.what] += 1
        if reply.what == HANG:
            await reader.read()  # until the client gives up
            return False
        status, kind, sent, more = rendered(path, reply)
        claimed = len(sent) + (1000 if reply.what == HALF_CLOSED else more)
        extra = {"content-type": kind, "content-length": str(claimed), **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in extra.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + sent)
        for _ in range(more // 65536):
            writer.write(b" " * 65536)
            await writer.drain()
        return reply.what != HALF_CLOSED


def rendered(path: str, reply: Reply) -> tuple[int, str, bytes, int]:
    """Status, content type, body, and how many blanks come behind it."""
    if reply.body is not None:
        return reply.status, "application/json", json.dumps(reply.body).encode(), 0
    win = json.dumps(completion(path, reply.text)).encode()
    more = HUGE // 65536 * 65536 if reply.what == TOO_LONG else 0
    match reply.what:
        case "rate_limit" | "rate_limit_after":
            return 429, "application/json", win, 0
        case "server_error":
            return 500, "application/json", win, 0
        case "truncated_json":
            return 200, "application/json", win[:-5], 0
        case "empty_choices":
            return 200, "application/json", json.dumps({"choices": [], "said": reply.text}).encode(), 0
        case "html":
            return 200, "text/html", f"<html><body>{reply.text}</body></html>".encode(), 0
        case "null_content":
            return 200, "application/json", json.dumps(completion(path, None) | {"x": reply.text}).encode(), 0
        case "wrong_counts":
            wrong = {"prompt_tokens": -5, "completion_tokens": 10**15}
            return 200, "application/json", json.dumps(completion(path, reply.text, wrong)).encode(), 0
    return reply.status, "application/json", win, more


def completion(path: str, text: str | None, usage: dict | None = None, **more: object) -> dict:
    """A good answer of either endpoint."""
    said = {"message": {"role": "assistant", "content": text}} if "chat" in path else {"text": text}
    usage = usage or {"prompt_tokens": 7, "completion_tokens": 3}
    return {"choices": [{"index": 0, "finish_reason": "stop", **said, **more}], "usage": usage}


@contextlib.contextmanager
def serving(decide: Callable[[str, dict, dict], Reply]) -> Iterator[FaultServer]:
    """A server in a thread of its own."""
    server, loop, ready = FaultServer(decide), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, limit=2**24)
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        listening.close()

    def run() -> None:
        loop.run_until_complete(serve())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
