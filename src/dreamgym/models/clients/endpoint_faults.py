"""What a try of a call can come to other than an answer, and what an HTTP status means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from dreamgym.core.errors import ContextFullError, DreamGymError, EndpointSetupError
from dreamgym.models.clients.secret import Secret

MAX_SHOWN = 200  # characters of what a server says
_FULL = ("context length", "context_length", "context window", "context size", "prompt is too long")


class FaultKind(StrEnum):
    """Why a try gave no answer; every one is counted under its name."""

    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    MALFORMED = "malformed"
    REFUSED = "refused"

    @property
    def is_mendable(self) -> bool:
        """Whether another try may be answered."""
        return self is not FaultKind.REFUSED

    @property
    def may_be_billed(self) -> bool:
        """Whether the model may have worked on it."""
        return self in (FaultKind.TIMEOUT, FaultKind.CONNECTION, FaultKind.MALFORMED)


class Fault(Exception):
    """A try that gave no answer; ``retry_after`` is how many seconds the server asks to wait."""

    def __init__(self, kind: FaultKind, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


def status_error(status: int, headers: Mapping[str, str], body: Any, tried: str) -> Fault | DreamGymError:
    """What an HTTP error means; ``tried`` says what was asked of whom."""
    said = _said(body)
    if status in (401, 403):
        return EndpointSetupError(f"{tried}: the key is missing or not accepted (HTTP {status}): {said}")
    if status in (404, 405):
        return EndpointSetupError(f"{tried}: no such model or URL (HTTP {status}): {said}")
    if status == 429 and "insufficient_quota" in str(body):
        return EndpointSetupError(f"{tried}: the account has no credit left: {said}")
    if status in (400, 413) and any(words in said.lower() for words in _FULL):
        return ContextFullError(f"{tried}: {said}")
    message = f"{tried}: HTTP {status}: {said}"
    if status == 429 or status == 529:  # 529: overloaded, in Anthropic's words
        return Fault(FaultKind.RATE_LIMIT, message, retry_after=retry_after(headers))
    if status >= 500 or status in (408, 409, 425):
        return Fault(FaultKind.SERVER_ERROR, message, retry_after=retry_after(headers))
    return Fault(FaultKind.REFUSED, message)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds that ``Retry-After`` asks for, a number or an HTTP date; None where it says nothing."""
    value = headers.get("retry-after")
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def error_body(text: str, key: Secret) -> Any:
    """The body of an error, as JSON where it is; the key blacked out before anything is cut."""
    hidden = key.hide(text)
    try:
        return json.loads(hidden)
    except (ValueError, RecursionError):
        return hidden


def named_parameter(body: Any) -> str:
    """The parameter that a refusal names, as OpenAI's do; empty where it names none."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    name = inner.get("param") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else ""


def shown(text: str) -> str:
    """The start of an untrusted text, on one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_SHOWN]).split())
    return line[:MAX_SHOWN] or "(nothing)"


def _said(body: Any) -> str:
    """The message in an error's body, of whatever form."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(inner, dict):
        inner = inner.get("message") or inner.get("detail") or inner
    return shown(inner if isinstance(inner, str) else str(inner))
