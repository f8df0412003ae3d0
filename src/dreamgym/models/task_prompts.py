"""The two prompts of the task generator (paper Eq. 6), propose and select, and their strict answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dreamgym.core.data_structures import Task

MAX_INSTRUCTION = 300
MAX_ROOM = 1200
_CANDIDATE = re.compile(r"TASK \[(\d+)\]: (\S.*)")
_SELECTION = re.compile(r"SELECTION: \[(\d+)\]\s*\nREASONING: \S")

PROPOSE = """\
You make training tasks for an agent that acts in the environment "{environment}".
These tasks are at the edge of what the agent can do:
{seeds}

Write {count} new tasks. Each is a variation of one of the tasks above and is done in the same world as that
task: change what is asked for, and make it a little harder. Use only what that world has. Do not repeat a
task. Write each on one line and nothing else, with the number of the task that it varies:
TASK [number]: instruction
"""

SELECT = """\
An agent in the environment "{environment}" shall be trained on one of these tasks:
{candidates}

Choose the most challenging one that is still feasible. Answer with these two lines and nothing else:
SELECTION: [number]
REASONING: one or two sentences
"""


class TaskFormatError(ValueError):
    """The answer is not in the form that was asked for."""


def propose_prompt(seeds: Sequence[Task], count: int) -> str:
    """Ask for ``count`` variations of ``seeds``."""
    lines = "\n".join(_described(number, seed) for number, seed in enumerate(seeds, 1))
    return PROPOSE.format(environment=seeds[0].environment, seeds=lines, count=count)


def parse_candidates(answer: str, seeds: int) -> list[tuple[int, str]]:
    """The proposed instructions, each with the index of the seed that it varies.

    Raises:
        TaskFormatError: a line is not a task, or names a seed that is not there.
    """
    found = []
    for line in filter(None, map(str.strip, answer.strip().splitlines())):
        match = _CANDIDATE.fullmatch(line)
        if match is None or not 1 <= int(match[1]) <= seeds or len(match[2]) > MAX_INSTRUCTION:
            raise TaskFormatError(f"{line[:80]!r}: wanted 'TASK [1 to {seeds}]: instruction'")
        found.append((int(match[1]) - 1, match[2].strip()))
    if not found:
        raise TaskFormatError("no task in the answer")
    return found


def select_prompt(candidates: Sequence[Task]) -> str:
    """Ask for the most challenging yet feasible candidate."""
    lines = "\n".join(_described(number, task) for number, task in enumerate(candidates, 1))
    return SELECT.format(environment=candidates[0].environment, candidates=lines)


def parse_selection(answer: str, candidates: int) -> int:
    """The index of the chosen candidate.

    Raises:
        TaskFormatError: no choice, more than one, or one that is not there.
    """
    matches = _SELECTION.findall(answer)
    if len(matches) != 1 or answer.count("SELECTION:") != 1 or not 1 <= int(matches[0]) <= candidates:
        raise TaskFormatError(f"{answer[:80]!r}: wanted 'SELECTION: [1 to {candidates}]' and 'REASONING: …'")
    return int(matches[0]) - 1


def _described(number: int, task: Task) -> str:
    """A task and what is known of its world, on one line each."""
    facts = "; ".join(f"{key}: {value}" for key, value in task.sheet.facts) if task.sheet else task.opening
    world = " ".join(facts.split())[:MAX_ROOM]
    instruction = " ".join(task.instruction.split())
    return f"[{number}] {instruction}" + (f"\n    its world: {world}" if world else "")
