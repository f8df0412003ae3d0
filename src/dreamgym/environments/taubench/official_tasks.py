"""tau-bench's own tasks, read from a data folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dreamgym.core.errors import DataError
from dreamgym.environments.taubench.calls import RESPOND, CallError, ToolCall, shown
from dreamgym.environments.taubench.official import load_domain, read_json
from dreamgym.environments.taubench.script import Script
from dreamgym.environments.taubench.tools import Toolbox


@lru_cache(maxsize=8)
def load_scripts(folder: Path, name: str, split: str) -> tuple[Script, ...]:
    """The tasks of a split in the order of their file. Raises ``DataError``."""
    path = folder / name / f"tasks_{split}.json"
    records = read_json(path)
    if not isinstance(records, list) or not records:
        raise DataError(f"{path}: a list of tasks was wanted")
    tools = load_domain(folder, name).toolbox
    return tuple(_script(path, f"{name}:{split}:{i}", record, tools) for i, record in enumerate(records))


def _script(path: Path, id: str, record: object, tools: Toolbox) -> Script:
    match record:
        case {
            "instruction": str() as instruction,
            "actions": list() as actions,
            "outputs": list() as outputs,
        }:
            if all(isinstance(output, str) for output in outputs):
                calls = tuple(_call(path, id, action, tools) for action in actions)
                return Script(id=id, instruction=instruction, calls=calls, outputs=tuple(outputs))
    raise DataError(f"{path}, task {id}: not a task with an instruction, actions and outputs that are texts")


def _call(path: Path, id: str, action: object, tools: Toolbox) -> ToolCall:
    """A reference call that a tool takes; whether the tool then refuses it is between the two."""
    match action:
        case {"name": str() as name, "kwargs": dict() as arguments}:
            call = ToolCall(name=name, arguments=arguments)
            try:
                if name != RESPOND:
                    tools.tool_for(call)
            except CallError as error:
                raise DataError(
                    f"{path}, task {id}: no tool takes its action {shown(name)!r} ({error}), "
                    "wanted calls as tools_info.json describes them"
                ) from None
            return call
    raise DataError(f"{path}, task {id}: an action without a name and kwargs")
