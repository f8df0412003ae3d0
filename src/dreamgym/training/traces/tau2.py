"""tau2-bench's simulations: the agent's side of a conversation with a simulated user.

The user's own tool calls are not the agent's and not seen by it: they are left out, with their answers and
the words beside them. A simulation without a user (solo mode) has its task, the ticket, in the results file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dreamgym.training.traces.chat import conversation
from dreamgym.training.traces.outcome import outcome_of
from dreamgym.training.traces.records import Shape, read_records
from dreamgym.training.traces.source import Source
from dreamgym.training.traces.trace import Record, Trace, TraceProblem, as_list, as_object

ENDED = ("user_stop", "agent_stop", "agent_error")  # the last: it broke the rules of the conversation
BROKEN = ("infrastructure_error", "context_window_exceeded", "unexpected_error", "user_error")


def read_tickets(source: Source) -> dict[str, str]:
    """The tickets of a results file by their tasks' ids."""
    tasks = [
        record.value
        for record in read_records(source, Shape(prefix="tasks.item"))
        if isinstance(record, Record)
    ]
    return {
        str(task["id"]): task["ticket"]
        for task in tasks
        if isinstance(task, dict) and "id" in task and isinstance(task.get("ticket"), str)
    }


def read_tau2(value: Any, tickets: Mapping[str, str] | None = None) -> Trace:
    """The trace of one simulation; ``tickets`` are those of its file.

    Raises:
        TraceProblem: it is none, is one of voices, or broke down.
    """
    record = as_object(value, "the simulation")
    if "tasks" in record and "termination_reason" not in record:
        raise TraceProblem("no simulation in it: tau2 keeps those in files beside it, in simulations/")
    if "termination_reason" not in record:
        raise TraceProblem("no tau2 simulation: has no field 'termination_reason'")
    reason = str(record["termination_reason"])
    if reason in BROKEN:
        raise TraceProblem(f"the simulation ended by {reason}, which says nothing about the agent")
    if record.get("messages") is None and record.get("ticks"):
        raise TraceProblem("a simulation of voices (full duplex), wanted one of text")
    messages = list(_flat(as_list(record.get("messages"), "messages")))
    agents = [message for message in messages if not _is_users_own(message)]
    solo = not any(message.get("role") == "user" for message in messages)
    ticket = (tickets or {}).get(str(record.get("task_id")), "") if solo else ""
    if solo and not ticket:
        raise TraceProblem("no task: without a user it is the ticket, which only the results file tells")
    trace = conversation(agents, task=ticket, reward=outcome_of(record))
    notes = trace.notes.copy()
    notes["the user's own tool calls, left out"] += len(messages) - len(agents)
    return Trace(
        instruction=trace.instruction,
        opening=trace.opening,
        turns=trace.turns,
        reward=trace.reward,
        ended=reason in ENDED,
        notes=+notes,
    )


def _flat(messages: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """The messages, several tool answers in one apart again."""
    for number, message in enumerate(messages, 1):
        message = as_object(message, f"message {number}")
        if "tool_messages" in message:
            yield from (
                as_object(answer, f"an answer in message {number}") for answer in message["tool_messages"]
            )
        else:
            yield message


def _is_users_own(message: dict[str, Any]) -> bool:
    if message.get("role") == "tool":
        return message.get("requestor") == "user"
    said = str(message.get("content") or "").strip()
    return message.get("role") == "user" and (not said or bool(message.get("tool_calls")))
