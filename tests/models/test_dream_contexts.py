"""The three contexts of the experience model: what it reads, who writes its quotes, what it is fitted on."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from pydantic import ValidationError

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Experience, Task
from dreamgym.environments.alfworld.annotate import annotate
from dreamgym.environments.alfworld.hindsight import hindsight_sheet, without_unseen
from dreamgym.environments.dream import DreamEnv, DreamFactory
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.sheet import make_sheet
from dreamgym.models.tokenizer import encode
from dreamgym.training.embedded import make_tokenizer
from dreamgym.training.experience_rows import windows
from dreamgym.training.fit_rows import RowMaker, dream_segments, written
from dreamgym.training.models import ASSETS
from dreamgym.training.offline_data import read_trajectories
from experiences import experience

SHEET = make_sheet({"at": "middle", "hand": "holds", "shelf 1": "surface", "mug 1": "in shelf 1"})
OPENING = "You are in a room. You see a shelf 1."
TASK = Task(id="t", environment="dream", instruction="take the mug.", opening=OPENING, sheet=SHEET)
GO = "\nok\nnext: You arrive.\nset at: shelf 1\nreward: 0\ndone: no"
GONE = GO.replace("\nset at: shelf 1", "")
TAKE = "\nok\nnext: You take it.\nset mug 1: in hand\nreward: 1\ndone: yes"
TAKEN = TAKE.replace("\nset mug 1: in hand", "")


def dream(script: list[str], **settings: object) -> tuple[DreamEnv, list[str]]:
    """An episode of two turns, and what the model read."""
    client = ScriptedClient(script)
    model = ReasoningExperienceModel(ReasoningModelConfig(**settings), client)  # type: ignore[arg-type]

    async def play() -> DreamEnv:
        environment = (await DreamFactory(model, max_turns=9)(TASK, 0))()
        assert isinstance(environment, DreamEnv)
        await environment.reset(TASK, 0)
        await environment.step("go to shelf 1")
        assert (await environment.step("take mug 1 from shelf 1")).won
        return environment

    return asyncio.run(play()), client.prompts


def test_the_whole_sheet_is_read_with_every_turn_since() -> None:
    _, prompts = dream([GO, TAKE], context="sheet", reasoning=False)
    start = "\ntask: take the mug.\nat: middle\nhand: holds; nothing\n> shelf 1 = surface; mug 1"
    assert prompts == [
        f"{start}\naction: go to shelf 1",
        f"{start}\naction: go to shelf 1{GO}\naction: take mug 1 from shelf 1",
    ]


def test_with_reasoning_the_quotes_are_forced_and_stay_in_the_context() -> None:
    _, prompts = dream(["\n> shelf 1 =", GO, TAKE], context="sheet")
    assert prompts[-1].endswith(
        f"\naction: go to shelf 1\n> shelf 1 = surface; mug 1{GO}\naction: take mug 1 from shelf 1"
    )


def test_without_a_sheet_the_history_is_all_there_is() -> None:
    environment, prompts = dream([f"\n> shelf 1 = surface; pen 1{GONE}", TAKEN], context="history")
    start = f"\ntask: take the mug.\nsees: {OPENING}"
    assert prompts == [
        f"{start}\naction: go to shelf 1",
        f"{start}\naction: go to shelf 1\n> shelf 1 = surface; pen 1{GONE}\naction: take mug 1 from shelf 1",
    ]
    assert dict(environment.sheet.facts if environment.sheet else ()) == {
        "at": "middle",
        "hand": "holds",
        "shelf 1": "unseen",
    }


def test_a_history_of_one_turn_begins_at_the_state_before_it() -> None:
    _, prompts = dream([GONE, TAKEN], context="history", reasoning=False, history=1)
    assert prompts[1] == (
        f"\ntask: take the mug.\nsees: {OPENING}\naction: go to shelf 1{GONE}"
        "\naction: take mug 1 from shelf 1"
    )
    _, prompts = dream([GONE, TAKEN], context="history", reasoning=False, history=0)
    assert prompts[1] == "\ntask: take the mug.\nsees: You arrive.\naction: take mug 1 from shelf 1"
    _, prompts = dream([GO, TAKE], context="sheet", reasoning=False, history=0)
    assert prompts[1] == (
        "\ntask: take the mug.\nat: shelf 1\nhand: holds; nothing\n> shelf 1 = here, surface; mug 1"
        "\naction: take mug 1 from shelf 1"
    )


class Near:
    """Always finds the same."""

    async def aneighbours(
        self, state: str, action: str, *, exclude_trajectory: str | None, k: int
    ) -> tuple[Experience, ...]:
        return (experience("e", action="open shelf 1", next_state="Nothing happens. Or so."),)[:k]


@pytest.mark.parametrize("context", ["sheet", "history"])
def test_what_is_retrieved_stands_before_the_action_and_is_not_kept(context: str) -> None:
    client = ScriptedClient([GO, TAKE] if context == "sheet" else [GONE, TAKEN])
    config = ReasoningModelConfig(context=context, reasoning=False)  # type: ignore[arg-type]
    environment = DreamEnv(ReasoningExperienceModel(config, client, retriever=Near()))
    asyncio.run(_replay(environment, TASK, ["go to shelf 1", "take mug 1 from shelf 1"]))
    for prompt in client.prompts:
        before, _, action = prompt.rpartition("\naction: ")
        assert before.endswith("\nlike: open shelf 1 -> Nothing happens"), action
        assert prompt.count("\nlike: ") == 1


@pytest.mark.parametrize("history", [0, 1, 2, 5])
def test_windows_show_every_turn_once_with_at_most_so_many_before(history: int) -> None:
    rng = Random(0)
    for turns in range(1, 12):
        found = list(windows(turns, history, rng))
        assert [turn for start, end in found for turn in range(start, end)] == list(range(turns))
        assert all(0 < end - start <= history + 1 for start, end in found)
    assert list(windows(7, None, rng)) == [(0, 7)]


def test_quotes_without_reasoning_are_refused() -> None:
    with pytest.raises(ValidationError, match="'sheet' or 'history'"):
        ReasoningModelConfig(reasoning=False)


@pytest.mark.parametrize("history", [None, 0, 2])
@pytest.mark.parametrize("reasoning", [True, False])
@pytest.mark.parametrize("context", ["sheet", "history"])
def test_it_is_fitted_on_what_it_will_read(context: str, reasoning: bool, history: int | None) -> None:
    """The dream told to answer as the data did reads, turn by turn, a beginning of the data's own row."""
    trajectories = list(read_trajectories(ASSETS / "offline" / "heldout.jsonl.gz"))[:12]
    tokenizer = make_tokenizer(trajectories)
    for trajectory in trajectories:
        sheet = without_unseen(hindsight_sheet(trajectory), {})
        turns, task, keeps_sheet = list(annotate(trajectory, sheet)), trajectory.task, context == "sheet"
        first = [max(0, n - history) if history is not None else 0 for n in range(len(turns))]
        rows = [
            RowMaker(tokenizer).row(
                dream_segments(
                    task.instruction,
                    trajectory.transitions[start].state,
                    turns[start : number + 1],
                    keeps_sheet=keeps_sheet,
                    reasoning=reasoning,
                )
            )
            for number, start in enumerate(first)
        ]
        answers = [written(task.instruction, t, keeps_sheet=keeps_sheet, reasoning=reasoning) for t in turns]
        decoded = [_as_decoded(answer, keeps_sheet and reasoning) for answer in answers]
        client = ScriptedClient([part for parts in decoded for part in parts])
        config = ReasoningModelConfig(
            context=context,  # type: ignore[arg-type]
            reasoning=reasoning,
            history=history,
            top_k=0,
        )
        environment = DreamEnv(ReasoningExperienceModel(config, client), max_turns=99, start=sheet)
        asyncio.run(_replay(environment, task, [turn.action for turn in turns]))
        read_for = [row for row, parts in zip(rows, decoded, strict=True) for _ in parts]
        for prompt, row in zip(client.prompts, read_for, strict=True):
            ids = encode(tokenizer, prompt)
            assert row.token_ids[: len(ids)].tolist() == ids


def _as_decoded(answer: str, quotes_are_forced: bool) -> list[str]:
    """What the model writes itself, stretch by stretch."""
    if not quotes_are_forced:
        return [answer]
    *quotes, rest = answer.split("\n> ")
    if not quotes:
        return [rest]
    last, _, after = rest.partition("\n")
    keys = [f"\n> {quote.split(' = ')[0]} =" for quote in [*quotes[1:], last]]
    return [*keys, f"\n{after}"]


async def _replay(environment: DreamEnv, task: Task, actions: list[str]) -> None:
    await environment.reset(task, 0)
    for action in actions:
        await environment.step(action)
