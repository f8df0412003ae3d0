"""Imagining a sheet leaves nothing open, whatever the model or its endpoint does."""

from __future__ import annotations

import asyncio

import pytest

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ContextFullError, DreamGymError, EndpointError, InvalidDreamError
from dreamgym.models.closed_world import ClosedWorld
from dreamgym.models.imagining import imagine_sheet
from dreamgym.models.llm_client import Completion, Usage
from dreamgym.models.sheet import line, make_sheet

TASK = Task(id="t", environment="alfworld", instruction="put a mug in shelf.", task_type="", split="train")
UNKNOWN = make_sheet({"at": "middle", "hand": "holds", "shelf 2": "unseen", "shelf 1": "unseen"})
GOOD, BAD, ODD = " surface; nothing\nend", " a shelf\nend", " surface; unicorn 1\nend"
DEAD, FULL = "", "full"
WORLD = ClosedWorld(things=frozenset({"mug"}))


class Watched:
    """A client and its sessions in one: answers from a list, counts what is open, dies where told."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers
        self.open = 0

    def session(self, seed: int) -> Watched:
        self.open += 1
        return self

    fork = session

    def append(self, text: str) -> None:
        pass

    def close(self) -> None:
        self.open -= 1

    async def generate(self, **settings: object) -> Completion:
        answer = self.answers.pop(0)
        if answer == FULL:
            raise ContextFullError("no room for 5 tokens")
        if answer == DEAD:
            raise EndpointError("connection refused")
        return Completion(text=answer, usage=Usage())


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([GOOD, GOOD], None),
        ([BAD, GOOD, GOOD], None),
        ([ODD, GOOD, GOOD], None),
        ([GOOD, *[BAD, ODD] * 3], InvalidDreamError),
        ([DEAD], EndpointError),
        ([GOOD, BAD, DEAD], EndpointError),
        ([GOOD, FULL], InvalidDreamError),  # the dream's context, so it is no failure of the policy
    ],
)
def test_no_session_stays_open(answers: list[str], error: type[DreamGymError] | None) -> None:
    client = Watched(answers)
    imagined = imagine_sheet(client, TASK, UNKNOWN, WORLD, seed=0)  # type: ignore[arg-type]
    if error is None:
        assert line(asyncio.run(imagined), "shelf 1") == "surface; nothing"
    else:
        with pytest.raises(error):
            asyncio.run(imagined)
    assert client.open == 0
