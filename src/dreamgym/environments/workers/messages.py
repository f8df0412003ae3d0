"""What a run and its worker processes say to each other: one JSON object a line, read back strictly.

Both directions are bounded. Nothing is unpickled: what an environment answers is a record of strings and
numbers, or it is no answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from dreamgym.core import errors
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DataError, DreamGymError, EnvironmentFailedError
from dreamgym.core.serialization import decode, encode
from dreamgym.environments.base_env import Observation, StepResult

MAX_LINE = 4 * 1024 * 1024  # bytes; an observation is at most 64 K characters, its actions as many again
MAX_ACTION = 200_000  # characters of an action that are sent; no world understands longer ones
# What a worker may raise as itself: every error of ours that is made of its message alone, and a timeout.
KINDS: dict[str, type[Exception]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, DreamGymError) and "__init__" not in vars(kind)
} | {TimeoutError.__name__: TimeoutError}


class Verb(StrEnum):
    """What an episode in a worker is asked to do."""

    RESET = "reset"
    STEP = "step"
    SNAPSHOT = "snapshot"
    RESTORE = "restore"
    CLOSE = "close"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of an ``Environment``'s method; ``snapshot`` is the number of one that the worker keeps."""

    number: int
    episode: int
    verb: Verb
    task: Task | None = None
    seed: int = 0
    action: str = ""
    snapshot: int = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """An exception, by the name of its class."""

    kind: str
    message: str

    def error(self) -> Exception:
        """The exception that it was, or that an environment failed."""
        if self.kind in KINDS:
            return KINDS[self.kind](self.message)
        return EnvironmentFailedError(f"{self.kind}: {self.message}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The answer to the call of the same number; ``report`` is what a ``Reporting`` environment adds."""

    number: int
    observation: Observation | None = None
    result: StepResult | None = None
    snapshot: int = -1
    report: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None


def failed(number: int, error: Exception) -> Reply:
    """The reply that ``error`` is."""
    message = str(error)[:2_000] or "no message"
    return Reply(number=number, failure=Failure(kind=type(error).__name__, message=message))


def line_of(message: Call | Reply) -> bytes:
    """One line.

    Raises:
        EnvironmentFailedError: it is longer than a line may be, or holds what JSON does not.
    """
    try:
        line = json.dumps(encode(message), allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise EnvironmentFailedError(f"the answer is no record of texts and numbers: {error}") from error
    if len(line) > MAX_LINE:
        raise EnvironmentFailedError(
            f"the answer has {len(line):,} bytes, at most {MAX_LINE:,} are taken: "
            "an environment must bound its observations"
        )
    return line


def read_reply(line: bytes) -> Reply:
    """The reply in a line.

    Raises:
        DataError: there is none.
    """
    return decode(Reply, _json(line))


def read_call(line: bytes) -> Call:
    """The call in a line.

    Raises:
        DataError: there is none.
    """
    return decode(Call, _json(line))


def _json(line: bytes) -> object:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"a worker's line is no JSON ({error}): {line[:60]!r}") from error
    return value
