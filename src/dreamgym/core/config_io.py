"""YAML and dotted overrides in, a checked configuration out; a refusal says where, and what to write."""

from __future__ import annotations

import copy
import difflib
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.errors import ConfigError

Place = tuple[str | int, ...]

# pydantic's error type → what it wants, in the words of someone who writes YAML.
_WANTED = {
    "model_type": "a section: its keys, indented, below it",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "path_type": "a path",
    "tuple_type": "a list",
}


def load_config(path: Path | None = None, overrides: Sequence[str] = ()) -> DreamGymConfig:
    """The configuration in ``path`` (the defaults where None), then ``overrides`` such as ``rl.clip=0.1``."""
    text = "" if path is None else _read(path)
    values, lines = parse_yaml(text, str(path))
    return override_config(
        values, overrides, {place: f"{path}, line {line}" for place, line in lines.items()}
    )


def override_config(
    values: dict[str, Any], overrides: Sequence[str], origins: dict[Place, str] | None = None
) -> DreamGymConfig:
    """The configuration of plain ``values`` with ``overrides``; ``origins`` as in ``check_config``."""
    values, origins = copy.deepcopy(values), dict(origins or {})
    for override in overrides:
        place = _apply(values, override)
        origins = {known: origin for known, origin in origins.items() if known[: len(place)] != place}
        for length in range(1, len(place)):
            origins.setdefault(place[:length], f"override '{override}'")
        origins[place] = f"override '{override}'"
    return check_config(values, origins)


def check_config(values: dict[str, Any], origins: dict[Place, str] | None = None) -> DreamGymConfig:
    """Validate plain values; ``origins`` says where each came from, for the messages."""
    try:
        _refuse_booleans_as_numbers(DreamGymConfig, values, origins or {})
        return DreamGymConfig.model_validate(values)
    except ValidationError as error:
        problems = [_explain(details, origins or {}) for details in error.errors()]
        raise ConfigError("; ".join(problems)) from None


def dump_config(config: DreamGymConfig) -> str:
    """The resolved configuration as YAML, from which ``load_config`` makes the same one."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def differences(old: Any, new: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The dotted keys at which two plain configurations differ, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            inner = f"{place}.{key}" if place else str(key)
            yield from differences(old.get(key), new.get(key), inner)
    elif old != new:
        yield place, old, new


def parse_yaml(text: str, name: str) -> tuple[dict[str, Any], dict[Place, int]]:
    """The mapping in ``text``, and the line of each of its keys."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise ConfigError(f"{where}: not YAML: {getattr(error, 'problem', error)}") from None
    if node is None:
        return {}, {}
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: found a {type(values).__name__}, wanted sections such as 'rl:'")
    lines = dict(_lines(node, (), name))
    # A section whose keys are all commented out is an empty one.
    return {key: {} if value is None else value for key, value in values.items()}, lines


def _lines(node: yaml.Node, place: Place, name: str) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                raise ConfigError(f"{name}, line {line}: found the key {key.value!r}, wanted a name")
            if key.value in seen:
                raise ConfigError(
                    f"{name}, line {line}: '{_dotted((*place, key.value))}' stands twice, keep one"
                )
            seen.add(key.value)
            yield (*place, key.value), line
            yield from _lines(value, (*place, key.value), name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(value, (*place, index), name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"cannot read the configuration {path}: {reason}") from None


def _apply(values: dict[str, Any], override: str) -> Place:
    """Set one ``section.key=value`` in ``values``; the value is YAML."""
    dotted, equals, text = override.partition("=")
    place = tuple(dotted.strip().split("."))
    if not equals or not all(place):
        raise ConfigError(f"override '{override}': wanted section.key=value, such as rl.clip=0.1")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"override '{override}': '{text}' is not a YAML value, quote it") from None
    inner = values
    for key in place[:-1]:
        if not isinstance(inner.get(key), dict):
            inner[key] = {}
        inner = inner[key]
    inner[place[-1]] = value
    return place


def _refuse_booleans_as_numbers(
    model: type[BaseModel], values: Any, origins: dict[Place, str], at: Place = ()
) -> None:
    """pydantic reads ``true`` as 1; in a configuration it is a slip."""
    if isinstance(values, list):
        for number, item in enumerate(values):
            _refuse_booleans_as_numbers(model, item, origins, (*at, number))
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        field = model.model_fields.get(key)
        if field is None:
            continue
        inner = _section(field.annotation)
        if inner is not None:
            _refuse_booleans_as_numbers(inner, value, origins, (*at, key))
        elif isinstance(value, bool) and field.annotation in (int, float):
            where = _where((*at, key), origins)
            raise ConfigError(f"{where}: found {str(value).lower()}, wanted a number")


def _explain(details: ErrorDetails, origins: dict[Place, str]) -> str:
    """One sentence for one of pydantic's errors."""
    place = tuple(details["loc"])
    where = _where(place, origins)
    if details["type"] == "extra_forbidden":
        known = _keys_at(place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        hint = (
            f"did you mean '{_dotted((*place[:-1], near[0]))}'?" if near else f"known are {', '.join(known)}"
        )
        return f"{where}: unknown key, {hint}"
    if details["type"] == "value_error":
        return details["msg"].removeprefix("Value error, ")
    wanted = _WANTED.get(details["type"], details["msg"].removeprefix("Input should be "))
    return f"{where}: found {details['input']!r}, wanted {wanted}"


def _where(place: Place, origins: dict[Place, str]) -> str:
    """The dotted key with the file's line or the override it came from."""
    for length in range(len(place), 0, -1):
        if place[:length] in origins:
            return f"{_dotted(place)} ({origins[place[:length]]})"
    return _dotted(place)


def _keys_at(place: Place) -> list[str]:
    model: type[BaseModel] | None = DreamGymConfig
    for key in place:
        if isinstance(key, str) and model is not None and key in model.model_fields:
            model = _section(model.model_fields[key].annotation)
    return list(model.model_fields) if model else []


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section type inside ``annotation``: itself, or the items of a tuple of sections."""
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _dotted(place: Place) -> str:
    return ".".join(str(key) for key in place)
