"""A record of calls to a language model: one JSON line per call, appended in one write."""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dreamgym.core.errors import ConfigError
from dreamgym.models.llm_types import Completion, Message
from dreamgym.utils.append import append_line

COMPARED = 2000  # last characters of a call that are compared to find the nearest
LOOKED_AT = 20  # calls that are compared closely
SHOWN = 800  # characters of the difference
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """All that decides an answer; it ``continues`` a text, or is a conversation; ``schema`` is JSON."""

    messages: tuple[Message, ...]
    continues: bool
    stop: tuple[str, ...]
    max_tokens: int
    temperature: float
    seed: int
    schema: str = ""

    @property
    def text(self) -> str:
        """For people, to see what differs."""
        said = [f"{message.role}: {message.content}" for message in self.messages]
        settings = (
            f"stop={self.stop} max_tokens={self.max_tokens} temperature={self.temperature} seed={self.seed}"
        )
        return "\n".join([*said, settings])


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A call with what came of it: an answer, or the message of a failure."""

    call: Call
    answer: Completion | None = None
    failure: str = ""
    context_full: bool = False


_LINE = TypeAdapter(Recorded)


def append_call(path: Path, recorded: Recorded) -> None:
    """Add a line to the file at ``path``, behind what a killed process may have left of one."""
    append_line(path, json.dumps(asdict(recorded)))


def read_calls(path: Path) -> dict[Call, list[Recorded]]:
    """The record at ``path``, the same calls together in their order; a damaged line is passed over.

    Raises:
        ConfigError: there is none.
    """
    found: dict[Call, list[Recorded]] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    recorded = _LINE.validate_json(line)
                except ValidationError:
                    if line.strip():
                        logger.warning("%s, line %d is no recorded call: passed over", path, number)
                    continue
                found.setdefault(recorded.call, []).append(recorded)
    except OSError as error:
        raise ConfigError(
            f"no recorded calls at {path} ({error.strerror}): record some with recorded:{path.parent}:CLIENT"
        ) from None
    return found


def nearest_shown(call: Call, known: Iterable[Call]) -> str:
    """How ``call`` differs from the most similar one of ``known``."""
    text = call.text
    matcher = difflib.SequenceMatcher(b=text[-COMPARED:], autojunk=False)

    def roughly(other: Call) -> float:
        matcher.set_seq1(other.text[-COMPARED:])
        return matcher.quick_ratio()

    def closely(other: Call) -> float:
        matcher.set_seq1(other.text[-COMPARED:])
        return matcher.ratio()

    candidates = sorted(known, key=roughly, reverse=True)[:LOOKED_AT]
    if not candidates:
        return "the record is empty"
    nearest = max(candidates, key=closely).text.splitlines()
    difference = difflib.unified_diff(nearest, text.splitlines(), "recorded", "asked", lineterm="", n=1)
    return "the nearest recorded one differs so:\n" + "\n".join(difference)[:SHOWN]
