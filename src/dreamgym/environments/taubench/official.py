"""tau-bench's retail and airline domains, read from a data folder: databases, policies, tools."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.data_folder import level_hint
from dreamgym.environments.taubench import airline_changes, retail_changes
from dreamgym.environments.taubench.database import Base
from dreamgym.environments.taubench.schema import unsupported
from dreamgym.environments.taubench.tools import Function, Tool, Toolbox, signature, toolbox

DATA_VARIABLE = "DREAMGYM_DATA"
FOLDER = "taubench"
SPLITS = {"retail": ("train", "dev", "test"), "airline": ("test",)}
FUNCTIONS: dict[str, dict[str, Function]] = {
    "retail": retail_changes.TOOLS,
    "airline": airline_changes.TOOLS,
}
TABLES: dict[str, dict[str, Mapping[str, type]]] = {  # and the fields that every record must have
    "retail": {
        "orders": {
            "order_id": str,
            "user_id": str,
            "status": str,
            "items": list,
            "address": dict,
            "payment_history": list,
        },
        "products": {"name": str, "product_id": str, "variants": dict},
        "users": {"name": dict, "address": dict, "email": str, "payment_methods": dict},
    },
    "airline": {
        "flights": {"flight_number": str, "origin": str, "destination": str, "dates": dict},
        "reservations": {
            "reservation_id": str,
            "user_id": str,
            "flights": list,
            "passengers": list,
            "payment_history": list,
        },
        "users": {"name": dict, "payment_methods": dict, "reservations": list},
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


def _table(path: Path, fields: Mapping[str, type]) -> Mapping[str, dict[str, Any]]:
    table = read_json(path)
    if not isinstance(table, dict):
        raise DataError(f"{path}: a JSON object of records was wanted, found {type(table).__name__}")
    if not table:  # then every reference solution fails, and whoever does nothing would win
        raise DataError(f"{path}: it holds no record, some were wanted: copy it again")
    for key, record in table.items():
        missing = [name for name in fields if not isinstance(record, dict) or name not in record]
        if missing:
            raise DataError(f"{path}: the record {key!r} has no {', '.join(missing)}: is it another table?")
        for name, kind in fields.items():
            if not isinstance(record[name], kind):
                found = type(record[name]).__name__
                raise DataError(
                    f"{path}: {name} of the record {key!r} is {found}, {kind.__name__} was wanted"
                )
    return table


def _tools(path: Path, functions: Mapping[str, Function]) -> Toolbox:
    info = read_json(path)
    match info:
        case {"tools": list() as tools, "terminate_tools": list() as terminal}:
            found = {tool.name: tool for tool in (_tool(path, item, functions) for item in tools)}
            if missing := sorted(set(functions) - set(found)):
                raise DataError(f"{path}: it does not describe the tools {', '.join(missing)}")
            if unknown := [name for name in terminal if name not in [*found]]:
                raise DataError(f"{path}: terminate_tools holds {unknown[0]!r:.60}, which is no tool of it")
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
        hint = level_hint(path.parents[1], FUNCTIONS) or "is its folder complete?"
        raise DataError(f"{path} cannot be read ({error.strerror}): {hint}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}") from None


def read_json(path: Path) -> object:
    """What a file holds. Raises ``DataError``."""
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
