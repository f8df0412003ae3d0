"""Teacher forcing: what a perfect and an ignorant dream score, and which turns are first looks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Sheet, Task, Trajectory
from dreamgym.core.errors import InvalidDreamError
from dreamgym.environments.alfworld.annotate import annotate
from dreamgym.environments.alfworld.hindsight import hindsight_sheet, without_unseen
from dreamgym.models.dream_format import DreamedTurn, parse_answer, render_answer
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.training.models import ASSETS
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.teacher_forcing import first_looks, moments, teacher_forced

REFUSED = parse_answer("\nfail\nnext: Nothing happens.\nreward: 0\ndone: no")
HELDOUT = list(read_trajectories(ASSETS / "offline" / "heldout.jsonl.gz"))[:20]


class Perfect(ReasoningExperienceModel):
    """Answers every turn as the data does, where it starts from the data's own sheet; else it refuses."""

    def __init__(self, trajectories: Sequence[Trajectory]) -> None:
        super().__init__(ReasoningModelConfig(top_k=0), ScriptedClient([]))
        self._answers = {
            (t.task.id, turn.action, turn.sheet): turn.answer
            for t in trajectories
            for turn in annotate(t, without_unseen(hindsight_sheet(t), {}))
        }
        self.imagined: list[Sheet] = []

    async def dream_turn(  # type: ignore[override]
        self, *, task: Task, state: str, action: str, sheet: Sheet, **_: object
    ) -> DreamedTurn:
        answer = self._answers.get((task.id, action, sheet), REFUSED)
        return DreamedTurn(reasoning="", answer=answer, sheet=sheet, written=render_answer(answer))

    async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
        self.imagined.append(sheet)
        return without_unseen(sheet, {})


def test_a_perfect_dream_is_perfect() -> None:
    model = Perfect(HELDOUT)
    turns = asyncio.run(teacher_forced(model, HELDOUT))
    assert len(turns) == sum(len(t.transitions) for t in HELDOUT)
    assert all(turn.exact and not turn.false_win for turn in turns)
    assert not model.imagined


def test_first_looks_know_what_was_seen_before_and_no_more() -> None:
    model = Perfect(HELDOUT)
    looks = asyncio.run(first_looks(model, HELDOUT, seed=0))
    assert all(look.first_look for look in looks)
    assert len(looks) == len(model.imagined) > 10
    assert all(any("unseen" in value for _, value in sheet.facts) for sheet in model.imagined)


class Broken(Perfect):
    """Imagines nothing that can be read."""

    async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
        raise InvalidDreamError("'shelf 1' was imagined as 'a shelf'")


def test_a_first_look_that_cannot_be_imagined_is_wrong() -> None:
    looks = asyncio.run(first_looks(Broken(HELDOUT), HELDOUT, seed=0))
    assert len(looks) == len(asyncio.run(first_looks(Perfect(HELDOUT), HELDOUT, seed=0)))
    assert not any(look.exact for look in looks)


def test_every_first_look_is_imagined_with_a_seed_of_its_own() -> None:
    seeds: list[int] = []

    class Seeded(Perfect):
        async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
            seeds.append(seed)
            return await super().imagine(task, sheet, seed)

    asyncio.run(first_looks(Seeded(HELDOUT), HELDOUT, seed=0))
    assert len(set(seeds)) == len(seeds) > 10


def test_a_place_is_looked_at_first_once_closed_and_once_inside() -> None:
    shown = [
        "You are in a room. You see a cabinet 1, and a shelf 1.",
        "You arrive at cabinet 1. The cabinet 1 is closed.",
        "You open the cabinet 1. The cabinet 1 is open. In it, you see a mug 1.",
        "You arrive at shelf 1. On the shelf 1, you see nothing.",
        "You arrive at cabinet 1. The cabinet 1 is open. In it, you see a mug 1.",
        "Nothing happens.",
    ]
    actions = ["go to cabinet 1", "open cabinet 1", "go to shelf 1", "go to cabinet 1", "look"]
    trajectory = HELDOUT[0]
    turns = [
        type(trajectory.transitions[0])(
            state=before,
            action=type(trajectory.transitions[0].action)(text=action),
            reward=0.0,
            next_state=after,
        )
        for before, action, after in zip(shown, actions, shown[1:], strict=False)
    ]
    task = Task(id="t", environment="alfworld", instruction="put a mug in shelf.", opening=shown[0])
    episode = Trajectory(
        id="e",
        task=task,
        origin=trajectory.origin,
        transitions=tuple(turns),
        stop_reason=trajectory.stop_reason,
    )
    found = [turn.first_look for turn in annotate(episode, hindsight_sheet(episode))]
    assert found == ["cabinet 1", "cabinet 1", "shelf 1", "", ""]


@pytest.mark.parametrize("context", ["sheet", "history"])
def test_the_past_is_that_of_the_data(context: str) -> None:
    config = ReasoningModelConfig(context=context, reasoning=False)  # type: ignore[arg-type]
    model, trajectory = ReasoningExperienceModel(config, ScriptedClient([])), HELDOUT[0]
    sheet = without_unseen(hindsight_sheet(trajectory), {})
    for number, (turn, moment) in enumerate(moments(model, trajectory, sheet)):
        assert len(moment.past.turns) == number == turn.turn
        assert moment.sheet == turn.sheet
        for past, transition in zip(moment.past.turns, trajectory.transitions, strict=False):
            assert (past.state, past.action) == (transition.state, transition.action.text)
            assert parse_answer(past.written).next_state == transition.next_state
        if number == 1:
            assert moment.past.turns[0].sheet == sheet
