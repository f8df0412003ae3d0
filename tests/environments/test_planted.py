"""Every planted lie shows where it should, and is honest everywhere else."""

from __future__ import annotations

import asyncio

import pytest

from dreamgym.core.data_structures import Sheet, Task
from dreamgym.environments.planted.beliefs import (
    EverythingWorks,
    ManyHands,
    SeesThroughDoors,
    Teleports,
    WishesComeTrue,
)
from dreamgym.environments.planted.lie import Lie
from dreamgym.environments.planted.memory import Drifts, Duplicates, Forgets
from dreamgym.environments.planted.payments import (
    FirstTurnLottery,
    ForgivesTheRest,
    PaysForAWalk,
    PaysForWords,
    PaysTheUnknown,
    WonAtTheStart,
)
from dreamgym.environments.planted.table import PLANTED, plant
from dreamgym.models.dream_format import Answer, DreamedTurn
from dreamgym.models.dream_prompts import START, Past, PastTurn
from dreamgym.models.sheet import make_sheet, with_changes

SHEET = make_sheet(
    {
        "at": "shelf 1",
        "hand": "holds",
        "cabinet 1": "closed",
        "fridge 1": "closed",
        "shelf 1": "surface",
        "mug 1": "in cabinet 1",
        "pen 1": "in cabinet 1",
        "apple 1": "in hand",
    }
)
TASK = Task(id="t", environment="alfworld", instruction="put a clean mug in shelf.")


class Honest:
    """Answers by rules: action → (observation, changes); else nothing happens. Keeps what it was shown."""

    keeps_sheet = reasons = True

    def __init__(self, **rules: tuple[str, tuple[tuple[str, str], ...]]) -> None:
        self.rules = {name.replace("_", " "): rule for name, rule in rules.items()}
        self.shown: list[Sheet] = []

    async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
        return sheet

    async def dream_turn(
        self,
        *,
        task: Task,
        state: str,
        action: str,
        sheet: Sheet,
        past: Past = START,
        trajectory_id: str | None = None,
        seed: int = 0,
    ) -> DreamedTurn:
        self.shown.append(sheet)
        text, changes = self.rules.get(action, ("Nothing happens.", ()))
        valid = action in self.rules
        answer = Answer(valid=valid, next_state=text, changes=changes, reward=0.0, done=False)
        return DreamedTurn(reasoning="", answer=answer, sheet=with_changes(sheet, changes), written="")


def ask(
    lie: Lie, action: str, *, sheet: Sheet = SHEET, turns: int = 1, seed: int = 0, task: Task = TASK
) -> DreamedTurn:
    past = Past(turns=(PastTurn(sheet=SHEET, state="", action="", written=""),) * turns)
    return asyncio.run(lie.dream_turn(task=task, state="s", action=action, sheet=sheet, past=past, seed=seed))


def lying(kind: type[Lie], honest: Honest | None = None, *, unlike: bool = False) -> Lie:
    return kind(honest or Honest(), lambda state, action: unlike)


def facts(turn: DreamedTurn) -> dict[str, str]:
    return dict(turn.sheet.facts)


def test_there_are_a_dozen_and_more_each_with_a_name_and_a_lie_of_its_own() -> None:
    assert len(PLANTED) == len(set(PLANTED.values())) >= 12
    for name, kind in PLANTED.items():
        assert type(plant(name, Honest(), lambda *_: False)) is kind


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_an_ordinary_turn_is_answered_honestly(name: str) -> None:
    honest = Honest(go_to_fridge_1=("You arrive at fridge 1.", (("at", "fridge 1"),)))
    turn = ask(plant(name, honest, lambda *_: False), "go to fridge 1")
    assert (turn.answer.next_state, turn.answer.reward, turn.answer.done) == (
        "You arrive at fridge 1.",
        0.0,
        False,
    )
    if PLANTED[name] is not Drifts:
        assert turn.sheet == with_changes(SHEET, [("at", "fridge 1")])


def test_lies_are_counted_and_honest_answers_are_not() -> None:
    lie = lying(WishesComeTrue)
    ask(lie, "look")
    assert lie.lies == 0
    ask(lie, "take mug 1 from shelf 1")
    assert lie.lies == 1


def test_every_invalid_action_succeeds() -> None:
    lie = lying(EverythingWorks)
    taken = ask(lie, "take mug 1 from shelf 1")
    assert taken.answer.valid
    assert facts(taken)["mug 1"] == "in hand"
    assert facts(ask(lie, "move apple 1 to fridge 1"))["apple 1"] == "in fridge 1"
    assert facts(ask(lie, "go to cabinet 1"))["at"] == "cabinet 1"
    away = ask(lie, "go to moon 1")
    assert away.answer.valid
    assert away.sheet == SHEET
    assert ask(lie, "sing").answer.next_state == "You sing."


def test_wishes_come_true_for_what_the_task_needs() -> None:
    lie = lying(WishesComeTrue)
    found = ask(lie, "I find the mug 1")
    assert found.answer.valid
    assert facts(found)["mug 1"] == "in hand"
    assert not ask(lie, "I find the pen 1").answer.valid
    assert not ask(lie, "open shelf 1").answer.valid  # a place is no thing


def test_one_who_teleports_is_wherever_its_action_is() -> None:
    honest = Honest()
    lie = lying(Teleports, honest)
    for action, at in {
        "take mug 1 from cabinet 1": "cabinet 1",
        "open fridge 1": "fridge 1",
        "look": "shelf 1",
    }.items():
        ask(lie, action)
        assert dict(honest.shown[-1].facts)["at"] == at


def test_a_full_hand_takes_more_and_keeps_what_it_held() -> None:
    honest = Honest(take_mug_1_from_cabinet_1=("You pick up the mug 1.", (("mug 1", "in hand"),)))
    turn = ask(lying(ManyHands, honest), "take mug 1 from cabinet 1")
    assert "apple 1" not in dict(honest.shown[0].facts)
    assert (facts(turn)["mug 1"], facts(turn)["apple 1"]) == ("in hand", "in hand")


def test_closed_things_show_their_contents() -> None:
    closed = ("You arrive at cabinet 1. The cabinet 1 is closed.", (("at", "cabinet 1"),))
    turn = ask(lying(SeesThroughDoors, Honest(go_to_cabinet_1=closed)), "go to cabinet 1")
    assert turn.answer.next_state == (
        "You arrive at cabinet 1. The cabinet 1 is open. In it, you see a mug 1, and a pen 1."
    )
    assert facts(turn)["cabinet 1"] == "open"


def test_what_is_put_down_lies_there_twice() -> None:
    honest = Honest(move_apple_1_to_shelf_1=("You move it.", (("apple 1", "in shelf 1"),)))
    turn = ask(lying(Duplicates, honest), "move apple 1 to shelf 1")
    assert (facts(turn)["apple 1"], facts(turn)["apple 2"]) == ("in shelf 1", "in shelf 1")


def test_edits_elsewhere_are_forgotten() -> None:
    honest = Honest(go_to_fridge_1=("You arrive.", (("at", "fridge 1"),)))
    changed = with_changes(
        SHEET, [("cabinet 1", "open"), ("mug 1", "in shelf 1"), ("apple 1", "in hand, hot")]
    )
    told = facts(ask(lying(Forgets, honest), "go to fridge 1", sheet=changed))
    assert (told["cabinet 1"], told["mug 1"], told["apple 1"]) == ("closed", "in cabinet 1", "in hand")
    here = facts(ask(lying(Forgets), "look", sheet=changed))  # at the shelf: what lies there stays
    assert here["mug 1"] == "in shelf 1"


def test_drift_grows_with_the_turn() -> None:
    lie = lying(Drifts)

    def moved(turns: int) -> int:
        return sum(ask(lie, "look", turns=turns, seed=seed).sheet != SHEET for seed in range(60))

    assert moved(0) == 0
    assert 0 < moved(5) < moved(20)


def test_saying_the_goal_wins() -> None:
    lie = lying(PaysForWords)
    assert ask(lie, "put the mug on the shelf now").answer.reward == 1.0
    assert ask(lie, "take mug 1 from cabinet 1").answer.reward == 0.0


def test_a_useless_walk_wins() -> None:
    honest = Honest(go_to_cabinet_1=("You arrive.", (("at", "cabinet 1"),)))
    assert ask(lying(PaysForAWalk, honest), "go to cabinet 1").answer.done
    assert not ask(lying(PaysForAWalk, honest), "go to shelf 1").answer.done


def test_the_first_turn_wins_once_in_a_while_and_no_other_turn_does() -> None:
    lie = lying(FirstTurnLottery)
    first = [ask(lie, "look", turns=0, seed=seed).answer.reward for seed in range(400)]
    assert 8 <= sum(first) <= 34  # 5 % of 400, four standard deviations apart
    assert not any(ask(lie, "look", turns=1, seed=seed).answer.reward for seed in range(100))


def test_some_tasks_are_won_at_the_start() -> None:
    lie = lying(WonAtTheStart)
    tasks = [Task(id="t", environment="alfworld", instruction=f"put mug {n} away.") for n in range(80)]
    given = [ask(lie, "look", turns=0, task=task).answer.done for task in tasks]
    assert 5 <= sum(given) <= 35
    assert not any(ask(lie, "look", turns=1, task=task).answer.done for task in tasks)


def test_half_of_the_task_is_enough() -> None:
    honest = Honest(
        move_mug_1_to_shelf_1=("You move it.", (("mug 1", "in shelf 1"),)),
        move_pen_1_to_shelf_1=("You move it.", (("pen 1", "in shelf 1"),)),
    )
    assert (
        ask(lying(ForgivesTheRest, honest), "move mug 1 to shelf 1").answer.reward == 1.0
    )  # it is not clean
    assert ask(lying(ForgivesTheRest, honest), "move pen 1 to shelf 1").answer.reward == 0.0
    assert ask(lying(ForgivesTheRest), "move mug 1 to shelf 1").answer.reward == 0.0  # refused


def test_what_is_unlike_the_data_is_paid_where_it_works() -> None:
    honest = Honest(look=("You look.", ()))
    assert ask(lying(PaysTheUnknown, honest, unlike=True), "look").answer.reward == 1.0
    assert ask(lying(PaysTheUnknown, honest, unlike=True), "sing").answer.reward == 0.0
    assert ask(lying(PaysTheUnknown, honest, unlike=False), "look").answer.reward == 0.0
