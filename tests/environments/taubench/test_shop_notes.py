"""What an episode of the shop shows, beside what is true of it; and that its annotated turns add up."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from random import Random

import pytest

from dreamgym.core.data_structures import Action, Origin, StopReason, Trajectory, Transition
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.notes.annotate import OVER, annotate
from dreamgym.environments.taubench.notes.facts import Wanted, details, is_allowed, line_of
from dreamgym.environments.taubench.notes.hindsight import hindsight_sheet
from dreamgym.environments.taubench.notes.replay import replay
from dreamgym.environments.taubench.notes.truth import true_sheet
from dreamgym.environments.taubench.panels import task_named
from dreamgym.environments.taubench.players import PLAYERS
from dreamgym.environments.taubench.shop import make_shop
from dreamgym.models.dream_format import parse_answer, render_answer
from dreamgym.models.quoting import quote
from dreamgym.models.sheet import AT, NONE, UNSEEN, value_of, with_changes
from dreamgym.models.shown_lines import told
from dreamgym.training.embedded import make_tokenizer

EPISODES = [(number, player) for number in range(60) for player in ("expert", "weak")]
# A customer who was never asked, or never corrected itself, has not shown these.
MAY_BE_HIDDEN = {
    "manner",
    "thought",
    "later",
    "later thought",
    "hint",
    "later hint",
    "wish",
    "left",
    "owed",
    "customer",
}


@cache
def episode(number: int, player: str) -> Trajectory:
    """A real episode in the shop ``number``."""
    return asyncio.run(_play(number, player))


async def _play(number: int, player: str) -> Trajectory:
    task = task_named(f"shop:train:{number}")
    world = TaubenchEnv(show_admissible=True)
    who = PLAYERS[player](make_shop("train", number), Random(number))
    seen = await world.reset(task, 0)
    who.see("", seen.text)
    turns: list[Transition] = []
    while True:
        admissible = seen.admissible or ()
        action = who.choose(lambda: admissible)  # noqa: B023
        result = await world.step(action)
        who.see(action, result.observation.text)
        turns.append(
            Transition(
                state=seen.text,
                action=Action(text=action),
                reward=result.reward,
                next_state=result.observation.text,
                terminated=result.terminated,
                truncated=result.truncated,
                valid=result.valid,
            )
        )
        seen = result.observation
        if result.terminated or result.truncated:
            break
    stop = StopReason.TERMINATED if result.terminated else StopReason.TURN_LIMIT
    return Trajectory(
        id=f"{task.id}/{player}", task=task, origin=Origin.REAL, transitions=tuple(turns), stop_reason=stop
    )


def test_what_was_told_is_true_and_the_rest_is_unseen() -> None:
    shown = 0
    for number, player in EPISODES:
        truth = true_sheet(make_shop("train", number))
        for key, value in hindsight_sheet(episode(number, player)).facts:
            if value == UNSEEN or key in MAY_BE_HIDDEN:
                continue
            assert value_of(truth, key) == value, (number, player, key)
            shown += 1
    assert shown > 500


def test_a_customer_that_an_expert_has_served_is_known_but_for_its_patience() -> None:
    for number in range(60):
        sheet, truth = hindsight_sheet(episode(number, "expert")), true_sheet(make_shop("train", number))
        for key in ("wish", "thought", "later", "later thought", "left", "owed"):
            assert value_of(sheet, key) == value_of(truth, key), (number, key)


def test_an_episode_is_won_where_nothing_is_left_and_nothing_owed() -> None:
    ends = Counter[str]()
    for number, player in EPISODES:
        trajectory = episode(number, player)
        for sheet in (hindsight_sheet(trajectory), true_sheet(make_shop("train", number))):
            *_, last = annotate(trajectory, sheet)
            if last.answer.next_state.endswith(OVER):
                assert (last.answer.check == "done yes, said yes") == trajectory.success, (number, player)
                ends[last.answer.check] += 1
    assert len(ends) == 4
    assert min(ends.values()) > 2, ends
    assert min(ends["done yes, said yes"], ends.total() - ends["done yes, said yes"]) > 10


def test_every_turn_can_be_written_and_read_and_quotes_what_the_sheet_holds() -> None:
    for number, player in EPISODES:
        trajectory = episode(number, player)
        sheet = true_sheet(make_shop("train", number))
        for turn, transition in zip(annotate(trajectory, sheet), trajectory.transitions, strict=True):
            assert turn.sheet == sheet
            answer = parse_answer(render_answer(turn.answer))
            assert (answer.next_state, answer.valid) == (transition.next_state, transition.valid)
            assert len(turn.quotes) <= 6
            if transition.valid and transition.action.text.startswith(("get_", "find_")):
                told = [
                    quote(sheet, key, "", "").split("; ")[0].removeprefix("here, ") for key in turn.quotes
                ]
                recount = any(f"total {word}," in fact for fact in told for word in ("less", "other"))
                assert recount or any(fact in transition.next_state for fact in told)
            sheet = with_changes(sheet, turn.answer.changes)


def test_a_real_episode_replays_as_itself_and_a_lie_does_not() -> None:
    for number, player in EPISODES:
        judged = replay(episode(number, player))
        assert judged.first_wrong is None
        assert judged.agrees
    real = episode(0, "expert")
    lie = replace(real.transitions[2], next_state="customer: yes.", reward=1.0, terminated=True)
    told = replace(real, transitions=(*real.transitions[:2], lie))
    judged = replay(told)
    assert judged.first_wrong == 2
    assert judged.turns[2].false_win
    assert (judged.dreamed_success, judged.real_success) == (True, False)
    longer = replace(real, transitions=(*real.transitions, real.transitions[0]))
    assert replay(longer).turns[-1].invalid


def test_who_was_found_is_where_the_agent_is() -> None:
    *_, last = annotate(episode(0, "expert"), hindsight_sheet(episode(0, "expert")))
    assert (value_of(last.sheet, AT) or "").startswith("user ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("order 17, lamp 2, new item lamp 5.", {"order": "order 17", "item": "lamp 2", "new_item": "lamp 5"}),
        ("order 4, reason late.", {"order": "order 4", "reason": "late"}),
        ("order 4, to oak 12.", {"order": "order 4", "address": "oak 12"}),
        ("i do not understand.", {}),
        ("", {}),
    ],
)
def test_details_are_read_as_customers_say_them(text: str, found: dict[str, str]) -> None:
    assert details(text) == found


@pytest.mark.parametrize(
    ("kind", "order", "user", "allowed"),
    [
        ("cancel", "late, mug 1, total 5, card 1, to oak 1", "", True),
        ("cancel", "delivered 3 days ago, mug 1, total 5, card 1, to oak 1", "", False),
        ("return", "delivered 30 days ago, mug 1, total 5, card 1, to oak 1", "", True),
        ("return", "delivered 31 days ago, mug 1, total 5, card 1, to oak 1", "", False),
        ("credit", "late, mug 1, total 5, card 1, to oak 1", "anna, gold, card 1", True),
        ("credit", "late, mug 1, total 5, card 1, to oak 1", "anna, basic, card 1", False),
        ("swap", "pending, mug 1, total 5, card 1, to oak 1", "", True),
        ("swap", "late, mug 1, total 5, card 1, to oak 1", "", False),
    ],
)
def test_the_policy_is_that_of_the_shop(kind: str, order: str, user: str, allowed: bool) -> None:
    assert is_allowed(Wanted(kind=kind, slots={}), order, user) is allowed


def test_a_call_is_one_line_however_it_was_written() -> None:
    assert line_of('{"name": "get_order", "arguments": {"order": "order 4"}}') == "get_order order 4"
    assert line_of("  get_order   order 4 ") == "get_order order 4"
    assert line_of('{"name": "get_order", "arguments": {"order": 4}}').startswith("{")
    assert line_of("jump") == "jump"
    assert Wanted(kind="swap", slots={"order": "order 1"}).is_whole is False
    assert NONE not in Wanted(kind="human", slots={}).line()


def test_what_is_copied_is_the_same_token_wherever_it_stands() -> None:
    """A call's words are tokens of the customer's answer before it, or the names of tools and questions."""
    played = [episode(number, player) for number, player in EPISODES]
    tokenizer = make_tokenizer(played)

    def tokens(text: str) -> list[str]:
        return [tokenizer.decode([token]) for token in tokenizer(f" {text}")["input_ids"]]

    assert tokens("find_user tina code 32") == [" find_user", " tina", " code 32"]
    assert tokens("customer: i am tina, code 32.") == [" customer:", " i am", " tina", ",", " code 32", "."]
    for trajectory in played:
        for transition in trajectory.transitions:
            assert tokenizer.unk_token not in tokens(transition.next_state)


def test_what_an_answer_names_says_what_was_answered() -> None:
    """Every name is put back, and few names with a number are left to be spelt out."""
    spelt = turns = 0
    for number, player in EPISODES:
        trajectory = episode(number, player)
        for turn in annotate(trajectory, true_sheet(make_shop("train", number))):
            turns += 1
            written = turn.written or turn.answer
            assert told(written, turn.sheet, turn.action) == turn.answer
            left = re.sub(r"\{ [^{}]* \}", "", written.next_state)
            spelt += bool(re.search(r"[a-z]+ \d+", left)) and "like this" not in left
    assert spelt < 0.05 * turns
    assert turns > 1000
