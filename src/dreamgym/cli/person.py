"""A person at the prompt of ``dreamgym play``: what is told, asked and shown.

Standard output holds the episode alone; all else goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from dreamgym.core.data_structures import Task
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.training.episode_text import safe_text
from dreamgym.utils.interrupts import interrupts_raised

SCREEN = 20 * 80  # characters; what is longer would have scrolled away before it is read


def greet() -> None:
    """Say how to play."""
    _say("Type a command, ? for what is possible, an empty line to leave.\n")


def introduce(task: Task, seen: Observation) -> None:
    """Say what is to be done, where the first state does not."""
    if task.instruction in seen.text:
        return
    if len(task.instruction) > SCREEN:
        _say("What is to be done is longer than a screen: ? shows it.\n")
    else:
        _say(f"{task.instruction}\n")


def ask(task: Task, seen: Observation) -> str | None:
    """A command that the person types; ``?`` shows what there is to know, an empty line leaves."""
    while True:
        try:
            with interrupts_raised():  # before anybody can see the prompt and answer it with Ctrl-C
                print("> ", end="", file=sys.stderr, flush=True)
                command = input().strip()
        except EOFError:
            return None
        if command != "?":
            return command or None
        _say("\n".join(seen.admissible or (task.instruction, "The possible actions are not listed here.")))


def show_text(result: StepResult, report: Mapping[str, str]) -> None:
    """What a person reads; a dream may say anything, so control characters are shown as such."""
    if result.reasoning:
        print("\n".join(f"  | {line}" for line in safe_text(result.reasoning).strip().split("\n")))
    print(safe_text(result.observation.text), end="\n\n")
    if result.won:
        print("You have won.")
    elif result.terminated or result.truncated:
        print("The episode is over." if result.terminated else "That was the last turn allowed.")


def _say(text: str) -> None:
    print(safe_text(text), file=sys.stderr)
