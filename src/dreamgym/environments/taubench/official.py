"""tau-bench's retail and airline domains, read from a data folder: databases, policies, tools, tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.taubench import airline_changes, retail_changes
from dreamgym.environments.taubench.calls import ToolCall
from dreamgym.environments.taubench.database import Base
from dreamgym.environments.taubench.schema import unsupported
from dreamgym.environments.taubench.script import Script
from dreamgym.environments.taubench.tools import Function, Tool, Toolbox, signature, toolbox

DATA_VARIABLE = "DREAMGYM_DATA"
FOLDER = "taubench"
SPLITS = {"retail": ("train", "dev", "test"), "airline": ("test",)}
FUNCTIONS: dict[str, dict[str, Function]] = {
    "retail": retail_changes.TOOLS,
    "airline": airline_changes.TOOLS,
}
TABLES: dict[str, dict[str, tuple[str, ...]]] = {  # and the fields that every record must have
    "retail": {
        "orders": ("order_id", "user_id", "status", "items", "address", "payment_history"),
        "products": ("name", "product_id", "variants"),
        "users": ("name", "address", "email", "payment_methods"),
    },
    "airline": {
        "flights": ("flight_number", "origin", "destination", "dates"),
        "reservations": ("reservation_id", "user_id", "flights", "passengers", "payment_history"),
        "users": ("name", "payment_methods", "reservations"),
    },
}


@dataclass(frozen=True, kw_only=True)
class OfficialDomain:
    """A domain with everything that its tasks share."""

    name: str
    base: Base
    toolbox: Toolbox
    instruction: str


def data_folder(data_dir: Path | None, wanted: str) -> Path:
    """The folder of tau-bench's files; ``data_dir`` or DREAMGYM_DATA names the one around it.

    Raises ``UnavailableError`` where there is none; ``wanted`` is what it is needed for.
    """
    folder = data_dir or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if folder is None:
        raise UnavailableError(
            f"{wanted} is tau-bench's own, which is not part of this package: set {DATA_VARIABLE} or "
            f"environment.data_dir to the folder that holds {FOLDER}/retail/ and {FOLDER}/airline/"
        )
    return folder / FOLDER


@lru_cache(maxsize=4)
def load_domain(folder: Path, name: str) -> OfficialDomain:
    """The domain ``name`` of tau-bench's files in ``folder``. Raises ``DataError``."""
    home = folder / name
    tables = {table: _table(home / f"{table}.json", fields) for table, fields in TABLES[name].items()}
    tools = _tools(home / "tools_info.json", FUNCTIONS[name])
    policy = _text(home / "wiki.md")
    return OfficialDomain(
        name=name, base=Base(tables), toolbox=tools, instruction=_instruction(name, policy, tools)
    )


@lru_cache(maxsize=8)
def load_scripts(folder: Path, name: str, split: str) -> tuple[Script, ...]:
    """The tasks of a split in the order of their file. Raises ``DataError``."""
    path = folder / name / f"tasks_{split}.json"
    records = _json(path)
    if not isinstance(records, list) or not records:
        raise DataError(f"{path}: a list of tasks was wanted")
    return tuple(_script(path, f"{name}:{split}:{i}", record) for i, record in enumerate(records))


def _script(path: Path, id: str, record: object) -> Script:
    match record:
        case {
            "instruction": str() as instruction,
            "actions": list() as actions,
            "outputs": list() as outputs,
        }:
            if all(isinstance(output, str) for output in outputs):
                calls = tuple(_call(path, id, action) for action in actions)
                return Script(id=id, instruction=instruction, calls=calls, outputs=tuple(outputs))
    raise DataError(f"{path}, task {id}: not a task with an instruction, actions and outputs that are texts")


def _call(path: Path, id: str, action: object) -> ToolCall:
    match action:
        case {"name": str() as name, "kwargs": dict() as arguments}:
            return ToolCall(name=name, arguments=arguments)
    raise DataError(f"{path}, task {id}: an action without a name and kwargs")


def _table(path: Path, fields: tuple[str, ...]) -> Mapping[str, dict[str, Any]]:
    table = _json(path)
    if not isinstance(table, dict):
        raise DataError(f"{path}: a JSON object of records was wanted, found {type(table).__name__}")
    for key, record in table.items():
        missing = fields if not isinstance(record, dict) else [name for name in fields if name not in record]
        if missing:
            raise DataError(f"{path}: the record {key!r} has no {', '.join(missing)}: is it another table?")
    return table


def _tools(path: Path, functions: Mapping[str, Function]) -> Toolbox:
    info = _json(path)
    match info:
        case {"tools": list() as tools, "terminate_tools": list() as terminal}:
            found = {tool.name: tool for tool in (_tool(path, item, functions) for item in tools)}
            if missing := sorted(set(functions) - set(found)):
                raise DataError(f"{path}: it does not describe the tools {', '.join(missing)}")
            return toolbox(tuple(found.values()), terminal)
    raise DataError(f"{path}: an object with 'tools' and 'terminate_tools' was wanted")


def _tool(path: Path, item: object, functions: Mapping[str, Function]) -> Tool:
    match item:
        case {"function": {"name": str() as name, "parameters": {"type": "object"} as schema, **about}}:
            if name not in functions:
                raise DataError(f"{path}: the tool {name!r} is not one of {', '.join(sorted(functions))}")
            if problem := unsupported(schema):
                raise DataError(f"{path}: the tool {name!r} has {problem}, which cannot be checked")
            description = str(about.get("description", ""))
            return Tool(name=name, schema=schema, run=functions[name], description=description)
    raise DataError(f"{path}: a tool without a name and parameters")


def _instruction(name: str, policy: str, tools: Toolbox) -> str:
    """What an agent is told before the user says anything: the policy, the tools, how to act."""
    lines = "\n".join(
        f"- {signature(tool.name, tool.schema)}: {tool.description}" for tool in tools.tools.values()
    )
    return (
        f"{policy.strip()}\n\n# Tools of the {name} agent\n\n{lines}\n"
        "- respond(content: string): Say something to the user.\n\n"
        'Each turn is one call, as JSON: {"name": …, "arguments": {…}}'
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): is its folder complete?") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}") from None


def _json(path: Path) -> object:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
