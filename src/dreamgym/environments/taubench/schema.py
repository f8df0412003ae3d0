"""The part of JSON Schema that tools use, checked without a library: types, required, items, patterns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
MOST_ITEMS = 100
MOST_LEVELS = 20


def problem(value: object, schema: Mapping[str, Any], path: str) -> str:
    """What is wrong with ``value``, named by ``path``; an empty text where nothing is.

    Values of an ``enum`` are left to the tool, which knows what to say about another one.
    """
    wanted = str(schema.get("type", "string"))
    if not isinstance(value, TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean"):
        return f"{path} is {_kind(value)}, {wanted} was wanted"
    if isinstance(value, str) and "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        return f"{path} does not look like {schema['example']!r}"
    if isinstance(value, list):
        return _of_array(value, schema, path)
    return object_problem(value, schema, path) if isinstance(value, dict) else ""


def object_problem(value: Mapping[str, object], schema: Mapping[str, Any], path: str = "") -> str:
    """``problem`` of an object: what is missing, what nobody asked for, what is of another type."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    names = {name: f"{path}.{name}" if path else name for name in properties}
    if missing := [names[name] for name in schema.get("required", ()) if name not in value]:
        return f"{', '.join(missing)} is missing"
    if unknown := sorted(set(value) - set(properties)):
        return f"there is no argument {unknown[0][:40]!r}{f' of {path}' if path else ''}"
    problems = (problem(value[name], properties[name], names[name]) for name in properties if name in value)
    return next(filter(None, problems), "")


def unsupported(schema: Mapping[str, Any], levels: int = MOST_LEVELS) -> str:
    """What of ``schema`` this module cannot check, for tools that come from a file; else an empty text."""
    if found := _wrong_keyword(schema):
        return found
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    if not all(isinstance(part, dict) for part in inner):
        return "a schema that is no object"
    if inner and not levels:
        return f"a schema nested more than {MOST_LEVELS} deep"
    return next(filter(None, (unsupported(part, levels - 1) for part in inner)), "")


def _wrong_keyword(schema: Mapping[str, Any]) -> str:
    """Which of a schema's own words is none of JSON Schema's, or one that is not checked here."""
    kind, properties, required = (schema.get(name) for name in ("type", "properties", "required"))
    if not isinstance(kind, str) or kind not in TYPES:
        return f"the type {kind!r:.60}"
    if "properties" in schema and not isinstance(properties, dict):
        return f"the properties {properties!r:.60}"
    if "required" in schema and not isinstance(required, list):
        return f"the required arguments {required!r:.60}"
    if extra := [name for name in required or () if name not in [*(properties or ())]]:
        return f"the required argument {extra[0]!r:.60} without a schema"
    if not isinstance(schema.get("enum", []), list):
        return f"the enum {schema['enum']!r:.60}"
    return "a pattern" if "pattern" in schema else ""


def _of_array(value: list[object], schema: Mapping[str, Any], path: str) -> str:
    if len(value) > MOST_ITEMS:
        return f"{path} has {len(value)} items, at most {MOST_ITEMS} are read"
    items = schema.get("items", {"type": "string"})
    return next(filter(None, (problem(item, items, f"{path}[{i}]") for i, item in enumerate(value))), "")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return next(name for name, types in TYPES.items() if isinstance(value, types))
