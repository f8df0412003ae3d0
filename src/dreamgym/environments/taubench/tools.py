"""The tool runtime: a registry of typed tools, each a function over the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from dreamgym.environments.taubench.calls import CallError, LineForm, ToolCall, shown
from dreamgym.environments.taubench.database import Database, Record
from dreamgym.environments.taubench.schema import object_problem

Arguments: TypeAlias = Mapping[str, Any]
Function: TypeAlias = Callable[[Database, Arguments], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """What an agent may call; ``schema`` is the JSON schema of its arguments.

    ``run`` looks before it changes anything, and raises ``CallError`` where it refuses.
    """

    name: str
    schema: Mapping[str, Any]
    run: Function
    description: str = ""
    line: LineForm | None = None


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The tools of a world by name; a call of one of ``terminal`` ends the episode."""

    tools: Mapping[str, Tool]
    terminal: frozenset[str] = frozenset()
    forms: Sequence[LineForm] = field(default_factory=tuple)

    def tool_for(self, call: ToolCall) -> Tool:
        """The tool that takes ``call``. Raises ``CallError`` where none does."""
        tool = self.tools.get(call.name)
        if tool is None:
            raise CallError(f"Unknown action {shown(call.name)}")
        if problem := object_problem(call.arguments, tool.schema):
            raise CallError(f"Error: {problem}")
        return tool

    def run(self, database: Database, call: ToolCall) -> str:
        """What the tool answers. Raises ``CallError`` where there is no such tool or it refuses the call."""
        tool = self.tool_for(call)
        try:
            return tool.run(database, call.arguments)
        except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
            # tau-bench's tools tell the agent what Python says of a key that is not there, and so do these
            raise CallError(f"Error: {shown(str(error))}") from error


def refuse(reason: str) -> NoReturn:
    """Answer the call with an error."""
    raise CallError(f"Error: {reason}")


def record(database: Database, table: str, key: str, noun: str) -> Record:
    """A record to be read, or the error that there is none."""
    found = database.table(table).get(key)
    return found if found is not None else refuse(f"{noun} not found")


def toolbox(tools: Sequence[Tool], terminal: Sequence[str] = (), extra: Sequence[LineForm] = ()) -> Toolbox:
    """A toolbox of ``tools``; ``extra`` are lines of calls that no tool answers."""
    forms = [tool.line for tool in tools if tool.line is not None]
    return Toolbox(
        tools={tool.name: tool for tool in tools}, terminal=frozenset(terminal), forms=(*forms, *extra)
    )


def signature(name: str, schema: Mapping[str, Any]) -> str:
    """A tool's name and arguments with their types, for a prompt."""
    required = schema.get("required", ())
    arguments = [
        f"{argument}: {_type(inner)}{'' if argument in required else ' (optional)'}"
        for argument, inner in schema.get("properties", {}).items()
    ]
    return f"{name}({', '.join(arguments)})"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(repr(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {'type': 'string'}))}, …]"
    if schema.get("type") == "object":
        inner = (f"{name}: {_type(part)}" for name, part in schema.get("properties", {}).items())
        return f"{{{', '.join(inner)}}}"
    return str(schema.get("type", "string"))
