"""What an episode of our own site shows, beside what is true of it; and that its annotated turns add up."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.config import EnvironmentConfig, FidelityConfig
from dreamgym.core.data_structures import Action, Group, Origin, Sheet, Trajectory
from dreamgym.environments.judged import as_real
from dreamgym.environments.webarena.actions import read_action
from dreamgym.environments.webarena.notes.annotate import OVER, agrees, annotate
from dreamgym.environments.webarena.notes.facts import (
    ANSWER,
    BLANK,
    DONE,
    TOLD,
    WHERE,
    elements,
    page_text,
    stored,
    with_entry,
    with_values,
)
from dreamgym.environments.webarena.notes.hindsight import hindsight_sheet
from dreamgym.environments.webarena.notes.kinds import kind_of_task
from dreamgym.environments.webarena.notes.replay import replay
from dreamgym.environments.webarena.notes.rules import respond
from dreamgym.environments.webarena.notes.truth import true_sheet
from dreamgym.environments.webarena.panels import own_records, spec_of, task_named
from dreamgym.environments.webarena.site.tasks import TEMPLATES
from dreamgym.environments.webarena.still.still_episode import StillEpisode
from dreamgym.models.dream_format import Answer, parse_answer, render_answer
from dreamgym.models.embedding import HashingEmbedder
from dreamgym.models.quoting import unfounded
from dreamgym.models.sheet import AT, HAND, UNSEEN, make_sheet, value_of, with_changes
from dreamgym.models.shown_lines import told
from dreamgym.models.slots import UNKNOWN
from dreamgym.training.annotation import OWN_SITE, SITE, annotator_of
from dreamgym.training.audit import ReplayAuditor
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.drift import Drift
from dreamgym.training.win_rules import WinRules
from webarena_play import EPISODES, episode

WORDS = st.text(alphabet="abcdefg 0123456789.", min_size=1, max_size=12).map(
    lambda text: " ".join(text.split())
)


def played(players: tuple[str, ...] = ("expert", "mistaken", "random")) -> list[Trajectory]:
    return [episode(task, player) for task, player in EPISODES if player in players]


def page_of(sheet: Sheet) -> str:
    """What a sheet's agent sees."""
    return respond(sheet, "noop()").answer.next_state


def test_the_lines_of_an_episode_answer_every_turn_as_it_was_logged() -> None:
    turns = Counter[bool]()
    for trajectory in played():
        annotated = annotate(trajectory, hindsight_sheet(trajectory))
        for turn, logged in zip(annotated, trajectory.transitions, strict=True):
            response = respond(turn.sheet, turn.action)
            turns[agrees(response.answer, logged) and response.answer.valid == logged.valid] += 1
            assert turn.quotes == response.quotes
            assert len(response.quotes) <= 4
    assert turns[True] > 700
    assert turns[False] <= 0.005 * turns.total()


def test_an_annotated_turn_says_what_was_logged_and_can_be_read_again() -> None:
    for trajectory in played():
        for turn, logged in zip(
            annotate(trajectory, hindsight_sheet(trajectory)), trajectory.transitions, strict=True
        ):
            assert turn.answer.next_state == logged.next_state
            assert turn.answer.valid == logged.valid
            assert turn.answer.reward == logged.reward
            assert parse_answer(render_answer(turn.answer)) == turn.answer
            if turn.written is not None:
                assert told(turn.written, turn.sheet, turn.action) == turn.answer
                assert parse_answer(render_answer(turn.written)) == turn.written


def test_the_sheet_after_a_turn_holds_the_page_that_is_seen() -> None:
    for trajectory in played():
        sheet = hindsight_sheet(trajectory)
        for turn in annotate(trajectory, sheet):
            sheet = with_changes(turn.sheet, turn.answer.changes)
            if turn.answer.valid and (seen := page_text(turn.answer.next_state)):
                assert page_of(sheet) == seen


def test_of_the_true_sheet_nearly_every_turn_follows_and_no_win_is_made_up() -> None:
    turns = Counter[bool]()
    for trajectory in [*played(("expert", "mistaken"))[::3], *played(("random",))[::6]]:
        for turn, logged in zip(
            annotate(trajectory, true_sheet(trajectory.task)), trajectory.transitions, strict=True
        ):
            expected = respond(turn.sheet, turn.action).answer
            same = agrees(expected, logged) and expected.valid == logged.valid
            turns[same] += 1
            if not same:  # what follows a form that was sent with words of nobody's follows from it
                break
            assert expected.reward == logged.reward
    assert turns[True] > 100
    assert turns[False] <= 0.03 * turns.total()


def test_what_a_won_episode_tells_of_its_task_is_true() -> None:
    for trajectory in played(("expert",))[::3]:
        told, true = hindsight_sheet(trajectory), true_sheet(trajectory.task)
        assert value_of(told, TOLD) == value_of(true, TOLD)
        for key in (ANSWER, DONE, WHERE):
            assert value_of(told, key) == value_of(true, key)


def test_pages_that_were_seen_are_pages_of_the_true_site() -> None:
    for trajectory in played(("random",))[::6]:
        told, true = hindsight_sheet(trajectory), {value for _, value in true_sheet(trajectory.task).facts}
        before_any_deed = [
            turn for turn in trajectory.transitions[:6] if turn.valid and "fill" not in turn.action.text
        ]
        shown = {stored(page_text(turn.state)) for turn in before_any_deed[:3]}
        assert shown <= {value for _, value in told.facts} | {""}
        assert len(shown & true) >= len(shown) - 1


def test_who_has_not_won_was_not_told_what_is_wanted() -> None:
    lost = [trajectory for trajectory in played(("random", "mistaken")) if not trajectory.success]
    assert lost
    for trajectory in lost:
        sheet = hindsight_sheet(trajectory)
        assert value_of(sheet, TOLD) == UNSEEN
        kind = kind_of_task(trajectory.task.instruction)
        assert not kind.said or value_of(sheet, ANSWER) == UNKNOWN


def test_every_task_has_a_kind_that_its_evaluators_confirm() -> None:
    for record in own_records("train"):
        kind, judged = kind_of_task(record["intent"]), record["eval"]
        assert kind.deed != " "
        assert kind.said == (judged["reference_answers"] is not None)
        assert kind.ends == bool(judged["reference_url"])
        assert bool(kind.deed) == bool(judged["program_html"])


def test_another_answer_and_an_early_end_are_not_paid() -> None:
    for trajectory in played(("expert",))[:22]:
        sheet = hindsight_sheet(trajectory)
        last = trajectory.transitions[-1]
        assert last.reward == 1
        for turn in annotate(trajectory, sheet):
            end = turn.sheet
        early = respond(sheet, "send_msg_to_user('done')").answer
        assert early.reward == 0
        assert early.next_state.endswith(OVER)
        assert respond(end, last.action.text).answer.reward == 1
        if kind_of_task(trajectory.task.instruction).said:
            other = respond(end, "send_msg_to_user('something else')").answer
            assert other.reward == 0


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_answer_is_paid_as_the_site_pays_it_and_the_check_says_why(template: str) -> None:
    task_id = f"site:{list(TEMPLATES).index(template)}:{template}"
    won = episode(task_id, "expert")
    *_, end = annotate(won, hindsight_sheet(won))
    world = StillEpisode(spec_of(won.task))
    for turn in won.transitions[:-1]:
        world.act(turn.action.text)
    right = read_action(won.transitions[-1].action.text).text(0)
    wanted = kind_of_task(won.task.instruction).said
    for text in (right, right.upper(), f"{right} now", f"it is {right}", f"9{right}", "something else"):
        answer = respond(end.sheet, f"send_msg_to_user('{text}')").answer
        assert answer.reward == float(world.holds(text)), text
        said = "yes" if answer.reward or not wanted else "no"
        assert answer.check == f"said {said}, did yes, here yes"
        assert not unfounded(end.sheet, end.quotes, answer.check, won.task.instruction)
    early = respond(hindsight_sheet(won), f"send_msg_to_user('{right}')").answer
    kind = kind_of_task(won.task.instruction)
    assert early.check == f"said yes, did {'no' if kind.deed else 'yes'}, here {'no' if kind.ends else 'yes'}"
    world.close()


def test_what_no_log_has_shown_cannot_be_reached() -> None:
    trajectory = episode("site:0:price_of", "expert")
    sheet = hindsight_sheet(trajectory)
    toys = next(thing for thing in elements(page_of(sheet)) if thing.name == "toys")
    response = respond(sheet, f"click('{toys.id}')")
    assert not response.answer.valid
    assert "cannot be reached" in response.answer.next_state
    assert value_of(sheet, response.quotes[0]) == "link, unknown"


def test_a_replay_plays_the_site_of_the_task() -> None:
    for trajectory in played()[:12]:
        judged = replay(trajectory)
        assert judged.first_wrong is None
        assert judged.real_success == trajectory.success
    lied = episode("site:0:price_of", "random")
    first, *rest = lied.transitions
    wrong = replace(lied, transitions=(replace(first, next_state="something else"), *rest))
    assert replay(wrong).first_wrong == 0


def test_actions_after_the_real_end_are_refused() -> None:
    won = episode("site:0:price_of", "expert")
    longer = replace(
        won, transitions=(*won.transitions, replace(won.transitions[0], action=Action(text="noop()")))
    )
    judged = replay(longer)
    assert judged.turns[-1].real_valid is False
    kept = as_real(longer, judged)
    assert (kept.origin, kept.success) == (Origin.REAL, True)
    assert [(t.action, t.next_state, t.reward) for t in kept.transitions] == [
        (t.action, t.next_state, t.reward) for t in won.transitions
    ]


@pytest.mark.parametrize("name", ["site:0:price_of", "site:2:count_orders"])
def test_an_audit_by_replay_denies_a_win_that_the_site_does_not_pay(name: str) -> None:
    domain = open_domain(EnvironmentConfig(name="webarena"))
    assert domain.replay is not None
    drift, rules = Drift(HashingEmbedder(64), []), WinRules(())
    auditor = ReplayAuditor(FidelityConfig(audit_share=1.0), drift, rules, domain.replay)
    won = replace(episode(name, "expert"), origin=Origin.DREAMED)
    dreamed = replace(won, sheet=hindsight_sheet(won))
    *before, last = dreamed.transitions
    wrong = replace(last, action=Action(text="send_msg_to_user('no idea')"))
    lied = replace(dreamed, transitions=(*before, wrong))
    audits = [asyncio.run(auditor.audit(0, [Group(task=t.task, trajectories=(t,))])) for t in (dreamed, lied)]
    assert [audit.audited[:2] for audit in audits] == [(0, 1), (1, 1)]
    assert [audit.metrics["real_success"] for audit in audits] == [1.0, 0.0]
    assert [audit.real_turns for audit in audits] == [len(won.transitions)] * 2


@given(st.lists(st.tuples(st.integers(1, 40).map(str), WORDS.filter(bool)), max_size=5))
def test_of_what_was_filled_in_the_last_counts(entries: list[tuple[str, str]]) -> None:
    sheet = make_sheet({AT: "page 1", HAND: BLANK, "page 1": "page: SHOPPING - shop"})
    for id, text in entries:
        changes = ((HAND, with_entry(id, text)),)
        written = Answer(valid=True, next_state="", changes=changes, reward=0.0, done=False)
        sheet = with_changes(sheet, told(written, sheet, "noop()").changes)
    held = re.findall(r"\[(\d+)\] (.*?)(?= \[\d+\] |$)", value_of(sheet, HAND) or "")
    assert dict(held) == dict(entries)


@given(WORDS)
def test_a_field_shows_what_it_was_given(value: str) -> None:
    text = 'page: SHOPPING - shop\n[6] textbox: "search" - old\n[7] combobox: "stars" - 1 (1 | 2 | 3)'
    shown = {thing.id: thing.value for thing in elements(with_values(text, {"6": value}))}
    assert shown == {"6": value, "7": "1"}
    assert with_values(with_values(text, {"6": value}), {"6": "old"}) == text


def test_only_our_own_site_is_annotated_by_these_rules() -> None:
    assert annotator_of(task_named("site:3:open_item")) is SITE
    other = replace(task_named("site:3:open_item"), id="webarena:3")
    assert not other.id.startswith(OWN_SITE)
    assert annotator_of(other) is not SITE


@pytest.mark.parametrize("task", ["site:3:open_item", "site:11:best_month", "site:16:submit_post"])
def test_the_sheet_is_in_reading_order(task: str) -> None:
    sheet = hindsight_sheet(episode(task, "expert"))
    assert make_sheet(dict(sheet.facts)) == sheet
    assert sheet.facts[0][0] == AT
