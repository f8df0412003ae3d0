"""The paper's thirteen actions, read strictly: ``click('12')``, ``fill('3', 'red lamp')`` and so on.

Nothing that an agent writes is evaluated: the text is taken apart here, and what does not fit is an
``ActionError`` whose message is the world's answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_ACTION = 4_096  # characters
MAX_WAIT_MS = 2_000
MAX_SCROLL = 10_000  # pixels
ID, TEXT, NUMBER, CHOICE, BUTTON, MODIFIERS = "id", "text", "number", "choice", "button", "modifiers"
# What each action takes; those after the first ``required`` may be left out.
SIGNATURES: dict[str, tuple[int, tuple[str, ...]]] = {
    "noop": (0, (NUMBER,)),
    "send_msg_to_user": (1, (TEXT,)),
    "scroll": (2, (NUMBER, NUMBER)),
    "fill": (2, (ID, TEXT)),
    "select_option": (2, (ID, CHOICE)),
    "click": (1, (ID, BUTTON, MODIFIERS)),
    "dblclick": (1, (ID, BUTTON, MODIFIERS)),
    "hover": (1, (ID,)),
    "press": (2, (ID, TEXT)),
    "focus": (1, (ID,)),
    "clear": (1, (ID,)),
    "drag_and_drop": (2, (ID, ID)),
    "upload_file": (2, (ID, TEXT)),
}
BUTTONS = ("left", "middle", "right")
KEYS = ("Alt", "Control", "ControlOrMeta", "Meta", "Shift")
Value = str | float | tuple[str, ...]
_CALL = re.compile(r"\s*([a-z_]{1,32})\s*\((.*)\)\s*", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>-?\d{1,9}(?:\.\d{1,9})?)|(?P<sign>[\[\],]))""",
    re.DOTALL | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t"}


class ActionError(Exception):
    """An action that the world does not understand; the message is for the agent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """An action of ``SIGNATURES`` whose arguments fit it."""

    name: str
    arguments: tuple[Value, ...] = ()

    def text(self, index: int) -> str:
        """The argument ``index`` as text."""
        value = self.arguments[index]
        assert isinstance(value, str)
        return value

    def numbers(self) -> tuple[float, ...]:
        """The arguments that are numbers."""
        return tuple(value for value in self.arguments if isinstance(value, float))

    def choices(self, index: int) -> tuple[str, ...]:
        """The argument ``index`` as one or several texts; none where it was left out."""
        if index >= len(self.arguments):
            return ()
        value = self.arguments[index]
        return value if isinstance(value, tuple) else (str(value),)


def read_action(text: str) -> Call:
    """The action that ``text`` is.

    Raises:
        ActionError: it is none of the thirteen, or its arguments do not fit.
    """
    if len(text) > MAX_ACTION:
        raise ActionError(f"an action has at most {MAX_ACTION} characters")
    match = _CALL.fullmatch(text)
    if match is None or match[1] not in SIGNATURES:
        raise ActionError("that is no action, an action reads like click('3')")
    name, values = match[1], _values(match[2])
    required, kinds = SIGNATURES[name]
    if not required <= len(values) <= len(kinds):
        raise ActionError(f"{name} takes {', '.join(kinds[:required]) or 'nothing'}")
    arguments = tuple(_fitting(name, kind, value) for kind, value in zip(kinds, values, strict=False))
    return Call(name=name, arguments=arguments)


def quoted(text: str) -> str:
    """``text`` as an argument of an action."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return f"'{escaped}'"


def _values(text: str) -> list[Value]:
    """The arguments between the brackets."""
    tokens = _tokens(text)
    values: list[Value] = []
    at = 0
    while at < len(tokens):
        if values:
            _want(tokens[at] == ("sign", ","))
            at += 1
        _want(at < len(tokens))
        value, at = _value(tokens, at)
        values.append(value)
    return values


def _value(tokens: list[tuple[str, str]], at: int) -> tuple[Value, int]:
    kind, text = tokens[at]
    if kind == "string":
        return _unquoted(text), at + 1
    if kind == "number":
        return float(text), at + 1
    _want(text == "[")
    items: list[str] = []
    at += 1
    while at < len(tokens) and tokens[at][0] == "string":
        items.append(_unquoted(tokens[at][1]))
        at += 1
        if at < len(tokens) and tokens[at] == ("sign", ","):
            at += 1
            _want(at < len(tokens) and tokens[at][0] == "string")
    _want(at < len(tokens) and tokens[at] == ("sign", "]"))
    return tuple(items), at + 1


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ActionError("cannot read the arguments, texts stand in quotes: fill('3', 'red lamp')")
        kind = match.lastgroup
        assert kind is not None
        found.append((kind, match[kind]))
        at = match.end()
    return found


def _want(condition: bool) -> None:
    if not condition:
        raise ActionError("cannot read the arguments, they stand apart by commas: fill('3', 'red lamp')")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1], flags=re.DOTALL)


def _fitting(name: str, kind: str, value: Value) -> Value:
    """``value`` as the kind of argument that is wanted."""
    if kind == NUMBER and isinstance(value, float):
        bound = MAX_SCROLL if name == "scroll" else MAX_WAIT_MS
        return max(-bound, min(value, bound))
    if kind == ID and isinstance(value, float) and value.is_integer() and value >= 0:
        return str(int(value))  # click(12) is click('12')
    if kind == ID and isinstance(value, str) and value.isascii() and value.isdigit():
        return value
    if kind == TEXT and isinstance(value, str):
        return value
    if kind == CHOICE and not isinstance(value, float) and value:
        return value
    if kind == BUTTON and value in BUTTONS:
        return value
    if kind == MODIFIERS and isinstance(value, tuple) and set(value) <= set(KEYS):
        return value
    wanted = {ID: "an id such as '12'", BUTTON: f"one of {', '.join(BUTTONS)}"}.get(kind, f"a {kind}")
    raise ActionError(f"{name} wants {wanted}")
