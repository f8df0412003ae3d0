"""Records to JSON-able dicts and back, driven by their type hints.

A field at its default is left out, so that a line of JSON holds what is said and no more. Reading is strict:
an unknown or missing field, or a value of another type, is a ``DataError`` that names the place.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from dreamgym.core.errors import DataError

Record = TypeVar("Record")
_PLAIN = frozenset({str, int, float, bool})


def encode(value: Any) -> Any:
    """A record, or anything inside one, as dicts, lists, strings and numbers."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(encode(item) for item in value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    kind: Any = type(value)
    named = ((name, getattr(value, name), default) for name, default in _defaults(kind))
    return {name: encode(item) for name, item, default in named if default is MISSING or item != default}


def decode(kind: type[Record], data: object, where: str = "") -> Record:
    """The record of type ``kind`` that ``data`` describes; ``where`` is the path named in an error."""
    return _decode(kind, data, where or kind.__name__)


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The fields of a record, each with its default or ``MISSING``."""
    return tuple((field.name, field.default) for field in fields(kind))


def _decode(kind: Any, data: object, where: str) -> Any:
    if is_dataclass(kind):
        return _decode_record(kind, data, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _decode_optional(arguments, data, where)
    if origin in (tuple, frozenset):
        return _decode_sequence(origin, arguments, data, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _decode_enum(kind, data, where)
    return _decode_scalar(kind, data, where)


@cache
def _schema(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The type of each field, and which fields must be there."""
    hints = get_type_hints(kind)
    required = frozenset(field.name for field in fields(kind) if field.default is MISSING)
    return {field.name: hints[field.name] for field in fields(kind)}, required


def _decode_record(kind: Any, data: object, where: str) -> Any:
    hints, required = _schema(kind)
    if not isinstance(data, dict):
        raise _wrong(data, f"an object with the fields of {kind.__name__}", where)
    for name in data:
        if name not in hints:
            near = difflib.get_close_matches(str(name), hints, n=1)
            hint = f", do you mean {near[0]!r}?" if near else f"; {kind.__name__} has {', '.join(hints)}"
            raise DataError(f"{where}: unknown field {name!r}{hint}")
    missing = sorted(required - data.keys())
    if missing:
        raise DataError(f"{where}: no field {missing[0]!r}, which {kind.__name__} needs")
    try:
        return kind(**{name: _decode(hints[name], item, f"{where}.{name}") for name, item in data.items()})
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def _decode_optional(arguments: tuple[Any, ...], data: object, where: str) -> Any:
    if data is None and NoneType in arguments:
        return None
    (kind,) = (argument for argument in arguments if argument is not NoneType)
    return _decode(kind, data, where)


def _decode_sequence(origin: Any, arguments: tuple[Any, ...], data: object, where: str) -> Any:
    if not isinstance(data, list):
        raise _wrong(data, "a list", where)
    if origin is tuple and arguments[-1] is not Ellipsis:
        if len(data) != len(arguments):
            raise _wrong(data, f"a list of {len(arguments)}", where)
        kinds = arguments
    else:
        kinds = (arguments[0],) * len(data)
    return origin(
        _decode(kind, item, f"{where}[{index}]")
        for index, (kind, item) in enumerate(zip(kinds, data, strict=True))
    )


def _decode_enum(kind: type[Enum], data: object, where: str) -> Enum:
    try:
        return kind(data)
    except ValueError as error:
        raise _wrong(data, "one of " + ", ".join(str(member.value) for member in kind), where) from error


def _decode_scalar(kind: Any, data: object, where: str) -> Any:
    if kind is float and isinstance(data, int | float) and not isinstance(data, bool):
        if not math.isfinite(data):
            raise _wrong(data, "a finite number", where)
        return float(data)
    if isinstance(data, bool) is (kind is bool) and isinstance(data, kind):
        return data
    raise _wrong(
        data, {str: "a string", int: "a whole number", bool: "true or false"}.get(kind, "a number"), where
    )


def _wrong(data: object, wanted: str, where: str) -> DataError:
    shown = repr(data)
    return DataError(f"{where}: found {shown[:60]}{'…' if len(shown) > 60 else ''}, wanted {wanted}")
