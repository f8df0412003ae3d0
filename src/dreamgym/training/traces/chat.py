"""Conversations: chat messages with tool calls, as OpenAI, Anthropic, ShareGPT and most tools write them.

A tool call is an action, ``NAME {"argument": …}``, and the tool's answer what the agent sees next; words to
the user are an action too, and the user's words the answer. What stands beside a call is left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dreamgym.training.traces.outcome import outcome_of
from dreamgym.training.traces.trace import Trace, TraceProblem, TraceTurn, as_list, as_object

NO_ANSWER = "(no answer was logged)"
_ROLES = {
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "function_call"), "assistant"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("tool", "function", "observation", "ipython", "tool_response"), "tool"),
    **dict.fromkeys(("system", "developer"), "system"),
}
_MESSAGES = ("messages", "conversations", "conversation")
_TASKS = ("instruction", "task", "goal", "query", "ticket")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One thing in a conversation: a call or words of the agent, a tool's answer, words of the user."""

    kind: str  # call, words, answer, user, system
    text: str
    id: str = ""
    failed: bool = False


def read_chat(value: Any) -> Trace:
    """The trace of a conversation: an object with its messages, or the list of messages alone.

    Raises:
        TraceProblem: it is none, or nothing is done in it.
    """
    if isinstance(value, list):
        return conversation(value)
    record = as_object(value, "the trace")
    name = next((name for name in _MESSAGES if name in record), None)
    if name is None:
        raise TraceProblem(f"no conversation: has no field {_MESSAGES[0]!r}")
    return conversation(
        as_list(record[name], name),
        task=next((record[key] for key in _TASKS if isinstance(record.get(key), str)), ""),
        tools=tool_names(record.get("tools") or record.get("functions")),
        reward=outcome_of(record),
    )


def conversation(
    messages: Sequence[Any], *, task: str = "", tools: Sequence[str] = (), reward: float | None = None
) -> Trace:
    """The trace of ``messages``; ``task`` where the instruction is not the user's first words."""
    everything = [part for number, message in enumerate(messages, 1) for part in parts(message, number)]
    said = [part for part in everything if part.kind != "system"]
    notes: Counter[str] = Counter()
    first = next((i for i, part in enumerate(said) if part.kind in ("user", "call")), len(said))
    notes["greetings before the task, left out"] += sum(part.kind == "words" for part in said[:first])
    acted = next((i for i, part in enumerate(said[first:], first) if part.kind != "user"), len(said))
    asked = "\n".join(part.text for part in said[first:acted])
    system = "\n".join(part.text for part in everything if part.kind == "system")
    instruction = task or asked or system
    if not instruction.strip():
        raise TraceProblem("no task: no words of a user before the first action")
    builder = TurnBuilder(notes)
    for part in said[acted:]:
        builder.add(part)
    turns = builder.turns()
    if not turns:
        raise TraceProblem("nothing is done in it: no tool call and no words of the assistant")
    shown = f"You can call: {', '.join(tools)}." if tools else ""
    opening = "\n".join(filter(None, (asked if task else "", shown))) or instruction
    return Trace(
        instruction=instruction,
        opening=opening,
        turns=turns,
        reward=reward,
        ended=turns[-1].answer != NO_ANSWER,
        notes=+notes,
    )


@dataclass(slots=True)
class TurnBuilder:
    """Turns from what was said after the task; actions that nobody has answered yet wait together."""

    notes: Counter[str]
    _waiting: list[tuple[Said, Said | None]] = field(default_factory=list)
    _done: list[TraceTurn] = field(default_factory=list)

    def add(self, part: Said) -> None:
        """The next thing that was said."""
        if part.kind == "answer":
            self._answer(part)
        elif part.kind == "user":
            self._hear(part)
        else:
            self._act(part)

    def turns(self) -> tuple[TraceTurn, ...]:
        """All turns; the last one's answer is None where the agent had the last word."""
        last_word = self._waiting.pop()[0] if self._speaks_unheard() else None
        self._close()
        if last_word is not None:
            self._done.append(TraceTurn(action=last_word.text, answer=None))
        return tuple(self._done)

    def _act(self, part: Said) -> None:
        if self._speaks_unheard():  # words, and another action before anybody answered
            self._waiting.pop()
            self.notes["words beside an action, left out"] += 1
        elif part.kind == "words" or any(answer is not None for _, answer in self._waiting):
            self._close()
        self._waiting.append((part, None))

    def _speaks_unheard(self) -> bool:
        return bool(self._waiting) and self._waiting[-1][0].kind == "words" and self._waiting[-1][1] is None

    def _close(self) -> None:
        for action, answer in self._waiting:
            self.notes["calls without an answer"] += answer is None
            answer = answer or Said(kind="answer", text=NO_ANSWER)
            self._done.append(TraceTurn(action=action.text, answer=answer.text, valid=not answer.failed))
        self._waiting = []

    def _answer(self, part: Said) -> None:
        open_calls = [
            i for i, (call, answer) in enumerate(self._waiting) if call.kind == "call" and not answer
        ]
        named = [i for i in open_calls if part.id and self._waiting[i][0].id == part.id]
        if not open_calls:
            raise TraceProblem("a tool answers that nobody called")
        index = (named or open_calls)[0]
        self._waiting[index] = (self._waiting[index][0], part)

    def _hear(self, part: Said) -> None:
        action, before = self._waiting[-1]
        heard = part if before is None else replace(before, text=f"{before.text}\n{part.text}")
        self._waiting[-1] = (action, heard)


def parts(message: Any, number: int) -> Iterator[Said]:
    """What a message says, in order."""
    message = as_object(message, f"message {number}")
    name = message.get("role", message.get("from"))
    if not isinstance(name, str) or name not in _ROLES:
        raise TraceProblem(f"message {number} has the role {str(name)[:40]!r}, which is not known")
    role, content = _ROLES[name], message.get("content", message.get("value"))
    blocks = content if isinstance(content, list) else []
    if role == "tool":
        failed = bool(message.get("error") or message.get("is_error") or message.get("status") == "error")
        text = _text(content)
        yield Said(kind="answer", text=text, id=_id(message), failed=failed or says_error(text))
        return
    if name == "function_call":  # ShareGPT: the call is the text
        yield _call(as_object(_loads(content, number), f"the call in message {number}"), number)
        return
    yield from (_result(block) for block in blocks if _type(block) == "tool_result")
    if (text := _text(content)).strip():
        yield Said(kind="words" if role == "assistant" else role, text=text)
    if role == "assistant":
        yield from (_call(block, number) for block in blocks if _type(block) == "tool_use")
        calls = list(as_list(message.get("tool_calls") or [], f"tool_calls of message {number}"))
        calls += [{"function": message["function_call"]}] if message.get("function_call") else []
        yield from (_call(as_object(call, f"a call in message {number}"), number) for call in calls)


def _result(block: Mapping[str, Any]) -> Said:
    text, id = _text(block.get("content")), str(block.get("tool_use_id", ""))
    return Said(kind="answer", text=text, id=id, failed=bool(block.get("is_error")) or says_error(text))


def _call(call: Mapping[str, Any], number: int) -> Said:
    """A tool call as an action."""
    function = as_object(call.get("function", call), f"a call in message {number}")
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise TraceProblem(f"a call in message {number} names no tool")
    given = function.get("arguments", function.get("input", {}))
    arguments = _loads(given, number) if isinstance(given, str) and given.strip() else given or {}
    return Said(kind="call", text=call_text(name, arguments), id=str(call.get("id") or ""))


def call_text(name: str, arguments: Any) -> str:
    """A tool call in one line; the part behind the name is JSON again."""
    return f"{name} {json.dumps(arguments, ensure_ascii=False)}"


def _loads(text: Any, number: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise TraceProblem(f"the arguments of a call in message {number} are no JSON") from None


def _text(content: Any) -> str:
    """The text of a content: as it stands, its text parts, or an object as JSON."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        found = [block if isinstance(block, str) else _block_text(block) for block in content]
        return "\n".join(filter(None, found))
    return json.dumps(content, ensure_ascii=False)


def _block_text(block: Any) -> str:
    if isinstance(block, dict) and isinstance(block.get("text"), str):
        return str(block["text"])
    return "(an image)" if "image" in _type(block) else ""


def _type(block: Any) -> str:
    return str(block.get("type", "")) if isinstance(block, dict) else ""


def _id(message: Mapping[str, Any]) -> str:
    return str(message.get("tool_call_id") or message.get("id") or "")


def says_error(text: str) -> bool:
    """Whether a tool's answer is an error by its words: ``Error: …``, or JSON with an ``error``."""
    if text[:5].lower() == "error":
        return True
    if not text.startswith("{") or '"error"' not in text[:200]:
        return False
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and bool(answer.get("error"))


def tool_names(tools: Any) -> list[str]:
    """The names of the tools that a record lists."""
    listed = tools if isinstance(tools, list) else []
    functions = [tool.get("function", tool) for tool in listed if isinstance(tool, dict)]
    return [f["name"] for f in functions if isinstance(f, dict) and isinstance(f.get("name"), str)]
