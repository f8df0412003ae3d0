"""A program that plays ``dreamgym play``: a list of commands in, lines of JSON out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from dreamgym.core.errors import DataError
from dreamgym.environments.base_env import StepResult


def read_commands(path: Path) -> list[str]:
    """The commands of a JSON list."""
    try:
        commands = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the actions {path}: {getattr(error, 'strerror', error)}") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: not JSON ({error.msg}), wanted a list of commands"
        ) from None
    except (ValueError, RecursionError) as error:  # a number of too many digits, too deep a nesting
        raise DataError(f"{path}: cannot be read ({error}), wanted a list of commands") from None
    if not isinstance(commands, list):
        raise DataError(
            f'{path}: found a {type(commands).__name__}, wanted a list such as ["look", "inventory"]'
        )
    for number, command in enumerate(commands, start=1):
        if not isinstance(command, str):
            raise DataError(f"{path}, command {number}: found {command!r}, wanted a string")
    return commands


def show_json(result: StepResult, report: Mapping[str, str]) -> None:
    """One line of JSON; what the environment reports besides comes after what every one says."""
    record = {
        "observation": result.observation.text,
        "admissible": result.observation.admissible,
        "reward": result.reward,
        "terminated": result.terminated,
        "truncated": result.truncated,
        "won": result.won,
    }
    record |= {name: text for name, text in report.items() if name not in record}
    print(json.dumps(record), flush=True)
