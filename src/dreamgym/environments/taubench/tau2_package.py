"""The tau2-bench package, where it is installed: its tasks, and its gym interface behind a small one of ours.

Everything here blocks: tau2 plays an episode in threads of its own and waits for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Protocol

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.taubench.tools import signature

PREFIX = "tau2:"
GYM = "tau2.gym.gym_agent"
SOLO = "solo"
MODES = (SOLO, "user")  # without a user, by a ticket; or with tau2's own user simulator, a hosted model
WANTED = "wanted tau2:DOMAIN:solo:ID or tau2:DOMAIN:user:ID, such as tau2:mock:solo:create_task_1"
MISSING = (
    "tau2-bench is not installed here (PyPI's tau2 is another package): "
    "pip install 'tau2[gym] @ git+https://github.com/sierra-research/tau2-bench', with Python 3.12 or 3.13, "
    "and set TAU2_DATA_DIR to the folder 'data' of its repository"
)


class Tau2Game(Protocol):
    """What of tau2's ``AgentGymEnv`` is used here."""

    def reset(self) -> tuple[str, Mapping[str, Any]]:
        """Start; what the agent sees, and more."""
        ...

    def step(self, action: str) -> tuple[str, float, bool, bool, Mapping[str, Any]]:
        """Act: observation, reward, terminated, truncated, more."""
        ...


def installed() -> str | None:
    """Its version; None where it is not here. PyPI's other package of this name has no such gym."""
    try:
        return version("tau2") if find_spec(GYM) is not None else None
    except ImportError:  # PackageNotFoundError, too
        return None


def is_tau2(id: str) -> bool:
    """Whether a task is one of tau2-bench's."""
    return id.startswith(PREFIX)


def split_id(id: str) -> tuple[str, bool, str]:
    """Domain, whether it is played alone, and tau2's own id, which may hold colons. Raises ``DataError``."""
    parts = id.split(":", 3)
    if len(parts) < 4 or parts[2] not in MODES:
        raise DataError(f"no tau2-bench task {id!r}: {WANTED}")
    return parts[1], parts[2] == SOLO, parts[3]


def make_game(id: str, max_steps: int) -> Tau2Game:
    """The game of a task, not started. Raises ``UnavailableError`` where tau2-bench is not installed."""
    domain, solo, own_id = split_id(id)
    module = _tau2(GYM)
    game: Tau2Game = module.AgentGymEnv(domain=domain, task_id=own_id, max_steps=max_steps, solo_mode=solo)
    return game


def end_reason(info: Mapping[str, Any]) -> str:
    """Why tau2 says that an ended episode has ended; an empty text where it does not know."""
    run = json.loads(info["simulation_run"])
    return str(run.get("termination_reason", ""))


@lru_cache(maxsize=8)
def tau2_tasks(domain: str, mode: str) -> Mapping[str, Task]:
    """The tasks of a domain by our id, in tau2's order; alone only those that have a ticket.

    Raises:
        UnavailableError: tau2-bench is not installed, or has no such domain or no data.
    """
    registry = _tau2("tau2.registry").registry
    solo = mode == SOLO
    try:
        records = registry.get_tasks_loader(domain)()
        world = registry.get_env_constructor(domain)(solo_mode=solo)
    except (KeyError, ValueError, OSError) as error:
        raise UnavailableError(f"tau2-bench cannot open its domain {domain!r}: {error}") from error
    tools = _signatures(world, solo)
    about = f"{world.get_policy().strip()}\n\n# Tools\n\n{tools}\n\n"
    about += 'Each turn is one call, as JSON: {"name": …, "arguments": {…}}'
    return {
        task.id: task
        for record in records
        if not solo or record.ticket
        for task in [_task(domain, mode, record, about)]
    }


def tau2_task(id: str) -> Task:
    """The task with this id. Raises ``DataError`` where there is none, ``UnavailableError`` without tau2."""
    domain, solo, _ = split_id(id)
    tasks = tau2_tasks(domain, SOLO if solo else "user")
    if id not in tasks:
        raise DataError(
            f"tau2-bench's domain {domain!r} has no task {id!r}, one is {next(iter(tasks), 'none')!r}"
        )
    return tasks[id]


def _task(domain: str, mode: str, record: Any, about: str) -> Task:
    ticket = record.ticket if mode == SOLO else ""
    return Task(
        id=f"{PREFIX}{domain}:{mode}:{record.id}",
        environment="taubench",
        instruction=f"{about}\n\n# Ticket\n\n{ticket}" if ticket else about,
        task_type=f"tau2 {domain}",
        split="test",
        opening=ticket,
    )


def _signatures(world: Any, solo: bool) -> str:
    tools = [*world.get_tools(), *(world.get_user_tools() if solo and world.user_tools else ())]
    functions = [tool.openai_schema["function"] for tool in tools]
    lines = [f"- {signature(f['name'], f['parameters'])}: {f['description']}" for f in functions]
    ending = (
        "- done(): Say that everything is done." if solo else "- respond(content: string): Talk to the user."
    )
    return "\n".join([*lines, ending])


def _tau2(module: str) -> Any:
    try:
        import_module(GYM).logger.disable("tau2")  # which tells every message on standard error
        return import_module(module)
    except ImportError as error:
        raise UnavailableError(f"{MISSING} ({error})") from error
