"""The README's Python runs as written: synchronous calls, any client of the project."""

from __future__ import annotations

from types import ModuleType

import pytest

from documents import code_blocks, run_blocks
from dreamgym.core.data_structures import Origin, TaskOrigin
from dreamgym.models.llm_client import ScriptedClient

GIVEN = """
from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition

task = Task(id="mug", environment="alfworld", instruction="put a hot mug in cabinet.")
current_state = "You arrive at countertop 1. On the countertop 1, you see a mug 1."
agent_action = "take mug 1 from countertop 1"
turn = Transition(
    state=current_state, action=Action(text=agent_action), reward=1.0, next_state="Done.", terminated=True
)
completed_episode = Trajectory(
    id="played", task=task, origin=Origin.REAL, transitions=(turn,), stop_reason=StopReason.TERMINATED
)
"""
SNIPPET = code_blocks("README.md", "python")[0]


def scripted() -> ScriptedClient:
    """Plays the world and makes tasks."""
    return ScriptedClient(
        {
            "\naction: take mug 1 from countertop 1": "\n> countertop 1 =",
            "\n> countertop 1 = none": "\nok\nnext: You pick up the mug 1.\nreward: 0\ndone: no",
            "SELECTION: [number]": "SELECTION: [1]\nREASONING: It needs one more step.",
            "TASK [number]: instruction": "TASK [1]: put a clean bowl in cabinet.",
        }
    )


@pytest.fixture(scope="module")
def ran() -> ModuleType:
    module = run_blocks("README.md", [GIVEN])
    module.llm_client = scripted()
    exec(compile(SNIPPET, "README.md", "exec"), vars(module))
    return module


def test_an_experience_is_dreamed(ran: ModuleType) -> None:
    experience = ran.experience
    assert experience.reasoning == "\n> countertop 1 = none\nok"
    assert experience.next_state == "You pick up the mug 1."
    assert (experience.reward, experience.terminated, experience.origin) == (0.0, False, Origin.DREAMED)
    assert (experience.state, experience.action) == (ran.current_state, ran.agent_action)


def test_the_buffer_gives_back_what_it_was_given(ran: ModuleType) -> None:
    assert ran.batch == (ran.experience,)


def test_tasks_are_made_and_rated(ran: ModuleType) -> None:
    assert 1 <= len(ran.tasks) <= 10
    assert "put a clean bowl in cabinet." in [task.instruction for task in ran.tasks]
    assert {task.origin for task in ran.tasks} == {TaskOrigin.SYNTHETIC}
    assert len({task.instruction for task in ran.tasks}) == len(ran.tasks)
