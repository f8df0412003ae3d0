"""Actions of a tool world: tool calls, as JSON or, where a world's tools allow it, as one short line.

``{"name": "cancel_order", "arguments": {"order": "order 17", "reason": "late"}}`` and
``cancel_order order 17 late`` are the same call. What an agent writes is read as data and never evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

RESPOND = "respond"
CONTENT = "content"
MAX_ACTION = 20_000  # characters; the longest recorded call has 1,100
SHOWN = 80  # characters of an agent's own words that an error repeats
WANTED = 'want a tool call such as {"name": "respond", "arguments": {"content": "hello"}}'
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class CallError(Exception):
    """A call that cannot be made; the message is the world's answer to the agent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """A tool by its name, with its arguments as JSON has them."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The call as an action."""
        return json.dumps({"name": self.name, "arguments": dict(self.arguments)})


@dataclass(frozen=True, kw_only=True, slots=True)
class LineForm:
    """How a call of one tool is written on a line: its name, then each argument, which fits its pattern."""

    name: str
    arguments: tuple[tuple[str, str], ...] = ()
    example: str = ""

    def read(self, line: str) -> ToolCall | None:
        """The call that ``line`` is; None where an argument is missing, too many, or of another kind."""
        pattern = "".join(f" (?P<{name}>{fits})" for name, fits in self.arguments)
        match = re.fullmatch(re.escape(self.name) + pattern, line)
        return ToolCall(name=self.name, arguments=match.groupdict()) if match else None

    def write(self, call: ToolCall) -> str:
        """The line of ``call``."""
        return " ".join([self.name, *(str(call.arguments[name]) for name, _ in self.arguments)])


def respond(content: str) -> ToolCall:
    """The call that says ``content`` to the user."""
    return ToolCall(name=RESPOND, arguments={CONTENT: content})


def parse_call(action: str, forms: Sequence[LineForm] = ()) -> ToolCall:
    """The call that ``action`` is; lines are read where ``forms`` say how.

    Raises ``CallError`` with the world's answer where it is none. The arguments are not checked here.
    """
    if len(action) > MAX_ACTION:
        raise CallError(f"Error: an action of {len(action)} characters, at most {MAX_ACTION} are read")
    if _SURROGATE.search(action):
        raise CallError("Error: the action is not valid Unicode text")
    text = action.strip()
    if text.startswith("{"):
        return _json_call(text)
    line = " ".join(text.split())
    for form in forms:
        if line == form.name or line.startswith(f"{form.name} "):
            if call := form.read(line):
                return call
            raise CallError(f"Error: {form.name} is written like this: {form.example}")
    # A world with lines is one that small models dream: what it says repeats nothing that they never saw.
    raise CallError(
        "Error: that is no call." if forms else f"Error: {shown(text)!r} is no tool call: {WANTED}"
    )


def shown(text: str) -> str:
    """The beginning of an agent's own words, printable, for an error that repeats them."""
    cut = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return printable(cut)


def printable(text: str) -> str:
    """``text`` with each control character but line breaks and tabs as a visible one."""
    return _UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in "\n\t" else "\N{REPLACEMENT CHARACTER}", text
    )


def _json_call(text: str) -> ToolCall:
    try:
        record = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:  # also of integers with thousands of digits
        raise CallError(f"Error: the tool call is not JSON ({shown(str(error))}): {WANTED}") from None
    if not isinstance(record, dict):
        raise CallError(f"Error: a JSON object was wanted: {WANTED}")
    name, arguments = record.get("name"), record.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict) or set(record) - {"name", "arguments"}:
        raise CallError(f"Error: a tool call has a name and arguments: {WANTED}")
    if not _is_text(arguments) or not _is_text(name):
        raise CallError("Error: the arguments are not valid Unicode text")
    return ToolCall(name=name, arguments=arguments)


def _not_finite(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _finite(number: str) -> float:
    value = float(number)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{number[: SHOWN // 2]} is too large")
    return value


def _is_text(value: object) -> bool:
    """Whether every text in ``value`` could be written as UTF-8; JSON escapes may name half a character."""
    if isinstance(value, str):
        return not _SURROGATE.search(value)
    if isinstance(value, dict):
        return all(_is_text(key) and _is_text(inner) for key, inner in value.items())
    return all(map(_is_text, value)) if isinstance(value, list) else True
