"""The formats of traces by name, and which of them a file has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from dreamgym.core.errors import ConfigError
from dreamgym.training.traces.agentlab import read_agentlab
from dreamgym.training.traces.chat import read_chat
from dreamgym.training.traces.records import Shape, read_records
from dreamgym.training.traces.source import Source
from dreamgym.training.traces.tau2 import read_tau2
from dreamgym.training.traces.trace import Found, Record, Skipped, Trace, TraceProblem
from dreamgym.training.traces.verl_agent import read_verl_agent

AUTO = "auto"
TAU2 = "tau2"
READERS: dict[str, Callable[[Any], Trace]] = {
    "chat": read_chat,
    "openai-tools": read_chat,
    TAU2: read_tau2,
    "agentlab": read_agentlab,
}
VERL_AGENT = "verl-agent"
FORMATS = (AUTO, *READERS, VERL_AGENT)


def check_format(name: str) -> None:
    """Raise ``ConfigError`` where there is no such format."""
    if name not in FORMATS:
        raise ConfigError(f"--format {name} is not known, wanted one of {', '.join(FORMATS)}")


def format_of(value: Any) -> str | None:
    """The format of a file whose first value this is; None where it is of none."""
    if isinstance(value, list):
        return "agentlab" if value and isinstance(value[0], dict) and "obs" in value[0] else _chat(value)
    if not isinstance(value, dict):
        return None
    if "termination_reason" in value and ("messages" in value or "ticks" in value):
        return TAU2
    if "steps" in value or "obs" in value:
        return "agentlab"
    if "output" in value and ("traj_uid" in value or "input" in value):
        return VERL_AGENT
    messages = next(
        (value[key] for key in ("messages", "conversations", "conversation") if key in value), None
    )
    if messages is None and "info" in value and "tasks" in value:  # a results file without its simulations
        return TAU2
    return _chat(messages)


def _chat(messages: Any) -> str | None:
    if not isinstance(messages, list):
        return None
    roles = {str(m.get("role", m.get("from"))) for m in messages if isinstance(m, dict)}
    has_calls = any(isinstance(m, dict) and m.get("tool_calls") for m in messages)
    return "openai-tools" if has_calls or "tool" in roles else "chat"


def read_traces(
    source: Source, shape: Shape, format: str, tickets: Mapping[str, str] | None = None
) -> Iterator[Found | Skipped]:
    """The traces of a file in ``format``, and what could not be used; ``tickets`` are of tau2's tasks."""
    records = read_records(source, shape)
    if format == TAU2:
        return _one_by_one(records, partial(read_tau2, tickets=tickets))
    if format == VERL_AGENT:
        return read_verl_agent(records)
    return _one_by_one(records, READERS[format])


def _one_by_one(
    records: Iterable[Record | Skipped], reader: Callable[[Any], Trace]
) -> Iterator[Found | Skipped]:
    for record in records:
        if isinstance(record, Skipped):
            yield record
            continue
        try:
            yield Found(place=record.place, trace=reader(record.value))
        except TraceProblem as problem:
            yield Skipped(place=record.place, reason=str(problem))
