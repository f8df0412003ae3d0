"""HTTP whose answers are bounded in memory, whoever sends them, and what it means that one did not come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from dreamgym.core.errors import EndpointSetupError
from dreamgym.models.clients.endpoint_faults import Fault, FaultKind, shown

MAX_BYTES = 16 * 1024 * 1024  # of one answer: the longest context as text, many times over

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class TooLongError(httpx2.TransportError):
    """An answer of more than ``MAX_BYTES``, or a packed one, which may unpack to any size."""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Breaks off an answer that grows too long."""

    def __init__(self, proxy: str | None = None) -> None:
        self._inner = httpx2.AsyncHTTPTransport(proxy=proxy)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """As any transport; nothing packed is asked for."""
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        packed = response.headers.get("content-encoding", "identity") != "identity"
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, 0 if packed else MAX_BYTES)
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._left = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise TooLongError(f"the answer is packed, or longer than {MAX_BYTES:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def bounded_client(url: str, timeout_s: float) -> httpx2.AsyncClient:
    """An HTTP client for the server at ``url``, through the proxy that the environment names, if any."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    direct = host in LOOPBACK or proxy_bypass(host)
    proxy = None if direct else getproxies().get(parts.scheme)
    return httpx2.AsyncClient(transport=BoundedTransport(proxy), timeout=timeout_s)


def connection_error(error: Exception, name: str, *, was_reached: bool) -> Fault | EndpointSetupError:
    """What it means that the official client raised ``error`` for want of an answer from ``name``.

    A server that never answered is a wrong URL, or not there; one that did may come back.
    """
    cause = error.__cause__
    reason = shown(f"{type(cause).__name__}: {cause}" if cause else str(error))
    if isinstance(cause, httpx2.TimeoutException):
        return Fault(FaultKind.TIMEOUT, f"{name}: no answer in time ({reason})")
    if isinstance(cause, TooLongError):
        return Fault(FaultKind.MALFORMED, f"{name}: {reason}")
    if isinstance(cause, httpx2.ConnectError | httpx2.UnsupportedProtocol) and not was_reached:
        return EndpointSetupError(f"{name} cannot be reached ({reason}): is it up, and its URL right?")
    return Fault(FaultKind.CONNECTION, f"{name}: the connection broke ({reason})")
