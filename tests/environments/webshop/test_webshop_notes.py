"""What an episode of a generated shop shows, beside what is true; and that its annotated turns add up."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Sheet, Trajectory
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.webshop.notes.annotate import OVER, annotate
from dreamgym.environments.webshop.notes.facts import TASK_SEARCH, query_key
from dreamgym.environments.webshop.notes.hindsight import blank_sheet, hindsight_sheet, together
from dreamgym.environments.webshop.notes.replay import replay
from dreamgym.environments.webshop.notes.truth import true_sheet
from dreamgym.environments.webshop.pages import short_receipt
from dreamgym.environments.webshop.panels import panel, world_of
from dreamgym.environments.webshop.reading import read_details, read_item, read_results, read_wish
from dreamgym.environments.webshop.reward import score
from dreamgym.environments.webshop.session import Session
from dreamgym.models.dream_format import parse_answer, render_answer
from dreamgym.models.sheet import (
    AT,
    HAND,
    LISTED,
    NONE,
    UNSEEN,
    joined,
    label_of,
    line,
    make_sheet,
    quote,
    unfounded,
    value_of,
    with_changes,
)
from dreamgym.models.tokenizer import encode
from dreamgym.training.build import with_known_sheets
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.embedded import make_tokenizer

EPISODES = 240


@cache
def episodes() -> tuple[Trajectory, ...]:
    """Real episodes of all players in training shops, mistakes among their turns."""
    domain = open_domain(EnvironmentConfig(name="webshop", max_turns=15))
    assert domain.cast is not None
    settings = CollectSettings(shares=domain.cast.shares, max_turns=15)
    tasks = domain.cast.tasks(EPISODES)
    return tuple(collect_trajectories(tasks, settings, cast=domain.cast, seed=7))


@cache
def truth_of(trajectory: Trajectory) -> Sheet:
    """The true sheet of an episode's shop."""
    return true_sheet(*world_of(trajectory.task))


def is_known(turn: AnnotatedTurn, instruction: str) -> bool:
    """False for a search, mistyped most often, that a true sheet does not think of."""
    match = re.match(r"search\[(.+)\]", turn.action)
    finds_nothing = "results: 0)" in turn.answer.next_state
    return (
        match is None or finds_nothing or value_of(turn.sheet, query_key(match[1], instruction)) is not None
    )


def test_what_was_shown_is_true_and_the_rest_is_unseen() -> None:
    shown = 0
    for trajectory in episodes():
        truth = truth_of(trajectory)
        for key, value in hindsight_sheet(trajectory).facts:
            if value != UNSEEN and (true := value_of(truth, key)) is not None:
                assert value == true, (trajectory.task.id, key)
                shown += 1
            elif value != UNSEEN:
                assert key.startswith("search "), (trajectory.task.id, key)
    assert shown > 15 * EPISODES


def test_a_blank_sheet_has_the_form_of_a_hindsight_sheet() -> None:
    trajectory = episodes()[0]
    unplayed = hindsight_sheet(replace(trajectory, transitions=()))
    blank = blank_sheet(trajectory.task.instruction)
    assert set(unplayed.facts) < set(blank.facts)
    assert all(value == UNSEEN for key, value in set(blank.facts) - set(unplayed.facts))


def test_a_purchase_tells_what_the_item_is_worth_without_its_features() -> None:
    told = 0
    for trajectory in episodes():
        *_, last = trajectory.transitions
        pages = {turn.action.text: turn.next_state for turn in trajectory.transitions}
        if last.next_state.startswith("Thank you") and "click[features]" not in pages:
            fits = [value for key, value in hindsight_sheet(trajectory).facts if key.endswith(" fits")]
            told += any(value[0].isdigit() or value.startswith("whole") for value in fits)
    assert told > EPISODES / 10


def test_what_an_item_is_worth_is_the_shops_own_formula() -> None:
    for task in panel("train", 40).tasks:
        shop, goal = world_of(task)
        wish, sheet = read_wish(goal.instruction), true_sheet(shop, goal)
        for product in shop.products.values():
            for values in itertools.product(*((None, *offered) for _, offered in product.options)):
                names = (name for name, _ in product.options)
                chosen = {name: value for name, value in zip(names, values, strict=True) if value}
                right = sum(chosen.get(name) == value for name, value in wish.options)
                fits = value_of(sheet, f"{product.asin.lower()} fits") or ""
                met = re.search(r"(\d) of (\d)", fits)
                worth = (int(met[1]) + right) / (int(met[2]) + len(wish.options)) if met else 0.0
                assert score(product, chosen, goal).reward == worth
                assert fits.startswith("whole") == (met is not None and met[1] == met[2])


def test_episodes_end_unwon_by_the_words_of_a_receipt() -> None:
    ends = {True: 0, False: 0}
    for trajectory in episodes():
        for turn in trajectory.transitions:
            if turn.next_state.startswith("Thank you"):
                assert turn.next_state.endswith(OVER) == (turn.reward < 1.0)
                ends[turn.reward < 1.0] += 1
            else:
                assert not turn.next_state.endswith(OVER)
    assert min(ends.values()) > EPISODES / 8


# What each page offers beside items and options, by hand.
BUTTONS = {
    "bar": (),
    "page": ("back to search", "next >"),
    "item": ("back to search", "< prev", "description", "features", "reviews", "buy now"),
    "description": ("back to search", "< prev"),
    "features": ("back to search", "< prev"),
    "reviews": ("back to search", "< prev"),
}


class Reader:
    """Answers a turn by what a dream is shown of it: ``at``, ``hand``, the action and the quotes."""

    def __init__(self, instruction: str, turn: AnnotatedTurn) -> None:
        self.instruction, self.action = instruction, turn.action
        self.at, self.hand = value_of(turn.sheet, AT), value_of(turn.sheet, HAND) or ""
        self.said = {}
        for key in turn.quotes:
            told = (
                quote(turn.sheet, key, instruction, turn.action)
                .removeprefix("here, ")
                .removeprefix("named, ")
            )
            self.said[key] = told.removesuffix("; nothing")

    def is_valid(self) -> bool:
        """Whether the action works."""
        match = re.match(r"(search|click)\[(.+)\]", self.action)
        if match is None or match[1] == "search":
            return match is not None
        name, kind = match[2].lower(), self.hand.split(" ")[0]
        if name in BUTTONS[kind] or (name == "< prev" and kind == "page" and self.hand != "page 1"):
            return True
        return any(key.startswith(f"{name} in ") and told != NONE for key, told in self.said.items())

    def page(self, after: Sheet) -> str:
        """The page that is shown, where it is no receipt."""
        at, hand, said = value_of(after, AT) or "", value_of(after, HAND) or "", self.said
        if hand == "bar":
            return f"WebShop [SEP] Instruction: [SEP] {self.instruction} [SEP] Search"
        head = f"Instruction: [SEP] {self.instruction} [SEP] Back to Search [SEP] "
        if hand.startswith("page "):
            listed = next((said[key] for key in said if key.endswith(hand) and " in " not in key), NONE)
            total, *items = (listed if listed != NONE else said[at]).split(", ")
            back = "< Prev [SEP] " if hand != "page 1" else ""
            head += f"Page {hand[5:]} (Total results: {total.split()[0]}) [SEP] {back}Next >"
            offers = (f" [SEP] {i.upper()} [SEP] {' [SEP] '.join(said[i].split(', ')[:2])}" for i in items)
            return head + "".join(offers)
        if hand == "reviews":
            return head + "< Prev"
        if hand == "features":
            return head + "< Prev [SEP] " + said[f"{at} traits"].replace(", ", " [SEP] ")
        title, price, _ = said[at].split(", ")
        if hand == "description":
            brand, style, kind = title.split(" ")
            return head + f"< Prev [SEP] {style} {kind.lower()} by {brand}."
        options = said[f"{at} options"].replace(": ", " [SEP] ").replace(", ", " [SEP] ")
        rest = (
            f"Price: {price} [SEP] Rating: N.A. [SEP] Description [SEP] Features [SEP] Reviews [SEP] Buy Now"
        )
        return head + f"< Prev [SEP] {options} [SEP] {title} [SEP] {rest}"

    def worth(self) -> float:
        """What a purchase pays."""
        right = sum(told == "right" for told in self.said.values())
        met = re.search(r"(\d) of (\d)", self.said[f"{self.at} fits"])
        return (int(met[1]) + right) / (int(met[2]) + 2) if met else 0.0


@pytest.mark.parametrize("sheet_of", [hindsight_sheet, truth_of], ids=["hindsight", "truth"])
def test_the_quotes_of_a_turn_are_all_that_its_answer_needs(sheet_of: object) -> None:
    assert callable(sheet_of)
    read = bought = 0
    for trajectory in episodes():
        instruction, sheet = trajectory.task.instruction, sheet_of(trajectory)
        turns = list(annotate(trajectory, sheet))
        for turn, transition in zip(turns, trajectory.transitions, strict=True):
            if not is_known(turn, instruction):
                break
            assert turn.sheet == sheet
            sheet = with_changes(sheet, turn.answer.changes)
            reader = Reader(instruction, turn)
            assert reader.is_valid() == transition.valid, (trajectory.task.id, turn.action)
            if transition.terminated:
                assert transition.next_state == short_receipt(reader.worth())
                bought += 1
            else:
                assert reader.page(sheet) == transition.next_state, (trajectory.task.id, turn.action)
            read += 1
    assert read > 8 * EPISODES
    assert bought > EPISODES / 3


def test_every_answer_can_be_written_and_read_and_is_well_founded() -> None:
    for trajectory in episodes():
        instruction = trajectory.task.instruction
        for turn in annotate(trajectory, hindsight_sheet(trajectory)):
            assert parse_answer(render_answer(turn.answer)) == turn.answer
            assert len(turn.quotes) == len(set(turn.quotes)) <= 6
            assert not unfounded(turn.sheet, turn.quotes, turn.answer.check, instruction)
            assert all(UNSEEN not in quote(turn.sheet, key, instruction, turn.action) for key in turn.quotes)
            conditions = [condition.endswith(" yes") for condition in turn.answer.check.split(", ")]
            assert (bool(turn.answer.check) and all(conditions)) == turn.answer.done


def test_a_first_look_is_what_the_episode_before_did_not_show() -> None:
    for trajectory in episodes()[:80]:
        for turn in annotate(trajectory, hindsight_sheet(trajectory)):
            before = replace(trajectory, transitions=trajectory.transitions[: turn.turn])
            known = {key for key, value in hindsight_sheet(before).facts if value != UNSEEN}
            news = {key for key in turn.quotes if re.fullmatch(r"b\d\d.*", key) and " in " not in key} - known
            assert not news or turn.first_look, (trajectory.task.id, turn.action, news)


def test_a_real_episode_replays_as_itself_and_a_lie_does_not() -> None:
    for trajectory in episodes():
        dreamed = replace(
            trajectory,
            transitions=tuple(replace(t, reward=float(t.reward >= 1.0)) for t in trajectory.transitions),
        )
        judged = replay(dreamed)
        assert judged.first_wrong is None
        assert judged.agrees
        assert [turn.invalid for turn in judged.turns] == [turn.refused for turn in judged.turns]
    lost = next(t for t in episodes() if t.transitions[-1].terminated and not t.success)
    lie = replace(lost, transitions=(*lost.transitions[:-1], replace(lost.transitions[-1], reward=1.0)))
    assert replay(lie).turns[-1].false_win
    assert (replay(lie).dreamed_success, replay(lie).real_success) == (True, False)
    longer = replace(lie, transitions=(*lie.transitions, lie.transitions[0]))
    assert replay(longer).turns[-1].invalid


def test_pages_are_read_as_the_shop_writes_them() -> None:
    for task in panel("train", 30).tasks:
        shop, goal = world_of(task)
        wish = read_wish(goal.instruction)
        assert (wish.kind, wish.attributes, wish.options) == (goal.query, goal.attributes, goal.options)
        assert wish.limit == goal.price_upper
        session, rng = Session(shop, goal), Random(task.id)
        session.act(f"search[{goal.instruction}]")
        results = read_results(session.text())
        assert results is not None
        assert [offer.item.upper() for offer in results.offers] == list(
            shop.found(goal.instruction.lower())[:4]
        )
        offer = rng.choice(results.offers)
        session.act(f"click[{offer.item}]")
        item, product = read_item(session.text()), shop.products[offer.item.upper()]
        assert item is not None
        assert (
            (item.title, item.price_tag)
            == (offer.title, offer.price_tag)
            == (product.title, product.price_tag)
        )
        assert item.options == product.options
        session.act("click[features]")
        assert read_details(session.text()) == product.features
        assert read_item(session.text()) is read_results(session.text()) is None


def test_what_is_no_instruction_of_a_generated_shop_is_refused() -> None:
    with pytest.raises(ValueError, match="no instruction of a generated shop"):
        read_wish("i am looking for a mug")


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("Find ME boots", TASK_SEARCH),
        ("Find me boats", "search find me boats"),
        ("boots light weight", "search boots light weight"),
        ("boots,", "search boots"),
        ("=: \n", "search"),
    ],
)
def test_a_query_has_one_key_however_it_is_written(query: str, key: str) -> None:
    assert query_key(query, "Find me boots") == key


WORDS = st.text("abc 12", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=4, unique=True), max_size=3), WORDS)
def test_an_entry_is_found_under_its_label_and_nothing_else_is(
    options: dict[str, list[str]], word: str
) -> None:
    listed = ", ".join(f"{name}: {', '.join(values)}" for name, values in options.items())
    expected = next((name for name, values in options.items() if word in values), NONE)
    assert label_of(word, listed) == expected
    sheet = make_sheet({"shelf": listed or "bare"})
    assert line(sheet, f"{word} in shelf") == (LISTED if not listed and word == "bare" else expected)


def test_what_any_of_several_episodes_has_seen_is_known() -> None:
    one = make_sheet({AT: "start", "b01": "a", "b02": UNSEEN, "b03": UNSEEN})
    other = make_sheet({AT: "start", "b01": UNSEEN, "b02": "b", "b04": "d"})
    together = {AT: "start", "b01": "a", "b02": "b", "b03": UNSEEN, "b04": "d"}
    assert joined([one, other]) == make_sheet(together)
    assert joined([other, one]) == make_sheet(together)


def test_an_item_nobody_has_read_is_supposed_to_meet_the_price_alone_beside_one_that_meets_everything() -> (
    None
):
    goods = {"b01": "Opal Flat Boots, $20.0, cheap", "b02": "Ember Flat Boots, $90.0, dear"}
    unread = make_sheet({**goods, "b01 fits": UNSEEN, "b02 fits": UNSEEN})
    found = make_sheet({"b03": "Raven Flat Boots, $20.0, cheap", "b03 fits": "whole, 3 of 3"})
    facts = dict(together([unread, found]).facts)
    assert (facts["b01 fits"], facts["b02 fits"]) == ("1 of 3", "0 of 3")
    assert together([unread]) == unread


def test_the_domain_gives_every_training_task_a_sheet_and_evaluation_none() -> None:
    domain = open_domain(EnvironmentConfig(name="webshop"))
    (task, *_), (unseen, *_) = domain.panels("train", 2), domain.panels("valid", 2)
    assert task.sheet == blank_sheet(task.instruction)
    assert unseen.sheet is None
    assert domain.true_sheet(unseen) == true_sheet(*world_of(unseen))
    first, *_ = episodes()
    known, other = with_known_sheets(domain, domain.panels("train", 2), [first])
    assert known.sheet == together([hindsight_sheet(first)])
    assert other.sheet == blank_sheet(other.instruction)


def test_fixed_stretches_of_a_page_are_a_token_each_and_nothing_is_lost() -> None:
    tokenizer = make_tokenizer(episodes()[:40])
    for trajectory in episodes()[:40]:
        for turn in annotate(trajectory, hindsight_sheet(trajectory)):
            answer = render_answer(turn.answer)
            ids = encode(tokenizer, answer)
            assert tokenizer.decode(ids) == answer
            assert len(ids) < 130
    assert len(encode(tokenizer, " click[buy now]")) == 1
    assert (
        len(
            encode(
                tokenizer, " [SEP] Rating: N.A. [SEP] Description [SEP] Features [SEP] Reviews [SEP] Buy Now"
            )
        )
        == 1
    )
