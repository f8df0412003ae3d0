"""What an episode of a generated shop shows, beside what is true; and that its annotated turns add up."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.config import EnvironmentConfig, ReasoningModelConfig
from dreamgym.core.data_structures import Sheet, Task, Trajectory
from dreamgym.core.errors import InvalidDreamError
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.dream import DreamEnv
from dreamgym.environments.webshop.notes.annotate import OVER, annotate
from dreamgym.environments.webshop.notes.facts import BACK, TASK_SEARCH, query_key
from dreamgym.environments.webshop.notes.hindsight import blank_sheet, hindsight_sheet, together
from dreamgym.environments.webshop.notes.replay import replay
from dreamgym.environments.webshop.notes.rules import respond
from dreamgym.environments.webshop.notes.truth import true_sheet
from dreamgym.environments.webshop.notes.view import shown_keys, view
from dreamgym.environments.webshop.pages import short_receipt
from dreamgym.environments.webshop.panels import panel, world_of
from dreamgym.environments.webshop.reading import read_details, read_item, read_results, read_wish
from dreamgym.environments.webshop.reward import score
from dreamgym.environments.webshop.session import Session
from dreamgym.models.dream_format import parse_answer, render_answer
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.quoting import quote, unfounded
from dreamgym.models.reasoning_model import ReasoningExperienceModel
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
    value_of,
    with_changes,
)
from dreamgym.models.shown_lines import told
from dreamgym.models.tokenizer import encode
from dreamgym.training.build import with_known_sheets
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.embedded import make_tokenizer

EPISODES = 240
INSTRUCTION = (
    "Find me boots, light weight, with color: green, and size: 8, and price lower than 80.00 dollars"
)


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


def test_episodes_end_by_the_words_of_a_receipt() -> None:
    ends = {True: 0, False: 0}
    for trajectory in episodes():
        for turn in trajectory.transitions:
            assert (
                turn.next_state.endswith(OVER) == turn.terminated == turn.next_state.startswith("Thank you")
            )
            if turn.terminated:
                ends[turn.reward < 1.0] += 1
    assert min(ends.values()) > EPISODES / 8


def test_a_receipt_of_everything_that_is_not_paid_ends_a_dream_unwon() -> None:
    facts = dict(blank_sheet(INSTRUCTION).facts) | {AT: "b01", HAND: "item", "b01 fits": "whole, 2 of 2"}
    start = make_sheet(facts | {"color": "right", "size": "right"})
    said = "\nok\nnext: { view }\nset hand: receipt\ntask: item no\nreward: 0\ndone: no"
    dream = ReasoningExperienceModel(ReasoningModelConfig(top_k=0), ScriptedClient([said]), view=view)
    environment = DreamEnv(dream, start=start, over=open_domain(EnvironmentConfig(name="webshop")).over)
    asyncio.run(environment.reset(Task(id="t", environment="webshop", instruction=INSTRUCTION), 0))
    bought = asyncio.run(environment.step("click[buy now]"))
    assert bought.observation.text == short_receipt(1.0)
    assert (bought.reward, bought.terminated, bought.truncated) == (0.0, False, True)


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
    """Answers a turn by what a dream is shown of it: ``hand``, the action and the quotes."""

    def __init__(self, instruction: str, turn: AnnotatedTurn) -> None:
        self.action, self.hand = turn.action, value_of(turn.sheet, HAND) or ""
        self.names = re.findall(r"with (\w+): .* and (\w+): ", instruction)[0]
        self.said = {}
        for key in turn.quotes:
            told = quote(turn.sheet, key, instruction, turn.action)
            self.said[key] = told.removeprefix("here, ").removeprefix("named, ").removesuffix("; nothing")

    @property
    def clicked(self) -> str | None:
        """What is searched for (empty) or clicked; None where the action says nothing."""
        match = re.match(r"(search|click)\[(.+)\]", self.action)
        if match is None:
            return None
        return "" if match[1] == "search" else match[2].lower()

    def label(self, place: str) -> str:
        """What is clicked is in ``place``, or ``none``."""
        return self.said.get(f"{{ [1] }} in {place}", NONE)

    def is_valid(self) -> bool:
        """Whether the action works."""
        name, kind = self.clicked, self.hand.split(" ")[0]
        if not name:
            return name is not None
        if name in BUTTONS[kind] or (name == "< prev" and kind == "page" and self.hand != "page 1"):
            return True
        return {self.label("{ at } { hand }"), self.label("{ at } options")} != {NONE}

    def changes(self) -> dict[str, str]:
        """What a valid action sets, as a dream writes it."""
        name, number = self.clicked, int(self.hand[5:]) if self.hand.startswith("page") else 0
        if name == "":
            found = self.said["search { words }"] != NONE
            return {"at": "search { words }" if found else "empty", "hand": "page 1"}
        if name == "back to search":
            return {"at": "start", "hand": "bar"}
        if name == "< prev" and self.hand == "item":
            return {"at": "{ back }", "hand": "{ back page }"}
        if name in ("< prev", "next >"):
            return {"hand": f"page {number + (1 if name == 'next >' else -1)}" if number else "item"}
        if name in BUTTONS["item"]:
            return {"hand": "receipt" if name == "buy now" else str(name)}
        if number:
            chosen = dict.fromkeys(self.names, "open")
            return {"at": "{ [1] }", "hand": "item", "back": "{ at }", "back page": "{ hand }", **chosen}
        right, label = self.label("wanted"), self.label("{ at } options")
        wrong = {label: "wrong"} if self.said.get(label, NONE) != NONE else {}
        return wrong if right == NONE else {right: "right"}

    def worth(self) -> float:
        """What a purchase pays."""
        right = sum(self.said[name] == "right" for name in self.names)
        met = re.search(r"(\d) of (\d)", self.said["{ at } fits"])
        return (int(met[1]) + right) / (int(met[2]) + 2) if met else 0.0


@pytest.mark.parametrize("sheet_of", [hindsight_sheet, truth_of], ids=["hindsight", "truth"])
def test_answers_that_name_lines_say_what_the_shop_said(sheet_of: Callable[[Trajectory], Sheet]) -> None:
    read = bought = 0
    for trajectory in episodes():
        instruction, sheet = trajectory.task.instruction, sheet_of(trajectory)
        turns = list(annotate(trajectory, sheet))
        for turn, transition in zip(turns, trajectory.transitions, strict=True):
            if not is_known(turn, instruction):
                break
            assert turn.sheet == sheet
            assert turn.written is not None, (trajectory.task.id, turn.action)
            assert turn.written.next_state == "{ view }"
            answer = told(turn.written, sheet, turn.action, instruction, view)
            assert answer == turn.answer
            assert (answer.next_state, answer.valid) == (transition.next_state, transition.valid)
            assert (answer.reward == 1.0) == answer.done == (transition.reward == 1.0)
            sheet = with_changes(sheet, answer.changes)
            read, bought = read + 1, bought + transition.terminated
    assert read > 8 * EPISODES
    assert bought > EPISODES / 3


def test_the_quotes_of_a_turn_are_all_that_its_answer_needs() -> None:
    for trajectory in episodes():
        for turn in annotate(trajectory, hindsight_sheet(trajectory)):
            reader = Reader(trajectory.task.instruction, turn)
            written = turn.written
            assert written is not None
            assert reader.is_valid() == written.valid, (trajectory.task.id, turn.action)
            assert dict(written.changes) == (reader.changes() if written.valid else {})
            if turn.answer.next_state.startswith("Thank you"):
                assert turn.answer.next_state == short_receipt(reader.worth())
                assert turn.answer.done == (reader.worth() == 1.0)


BRACES = [
    "{ at }",
    "{ b01 }",
    "{ view }",
    "{ [1] }",
    "{ words }",
    "{ at } options",
    "{ back page }",
    "{ was at }",
]


@pytest.mark.parametrize("text", BRACES)
def test_a_text_with_braces_fills_nothing_in(text: str) -> None:
    """Beside the same texts without braces, which name nothing."""
    plain = text.translate(str.maketrans("{}[]", "()()"))
    facts = dict(blank_sheet(INSTRUCTION).facts) | {
        HAND: "item",
        AT: "b01",
        BACK: text,
        "b01": f"{text} Boots, $1.0",
    }
    for verb in ("search", "click"):
        answers = []
        for said in (text, plain):
            wish = replace(read_wish(INSTRUCTION), options=(("color", said), ("size", "8")))
            sheet = make_sheet({key: value.replace(text, said) for key, value in facts.items()})
            happens = respond(sheet, f"{verb}[{said}]", f"{INSTRUCTION} {said}", wish)
            answers.append(
                (happens.answer.valid, happens.answer.changes, happens.answer.next_state.replace(said, ""))
            )
        assert answers[0] == answers[1]


TEXTS = st.text("b01, :$x{}[]", max_size=20) | st.sampled_from(["b01, b02", "12 found", "color: red, blue"])


@given(
    st.sampled_from(["b01", "b09", "start", "search *", "nowhere"]),
    st.sampled_from(
        ["bar", "page 1", "page", "page x", "item", "features", "description", "reviews", "receipt", "x"]
    ),
    st.dictionaries(
        st.sampled_from(["b01", "b01 fits", "b01 options", "b01 traits", "search *", "search * page 1"]),
        TEXTS,
    ),
)
def test_whatever_was_imagined_a_page_is_a_page_or_the_dream_is_malformed(
    at: str, hand: str, facts: dict[str, str]
) -> None:
    sheet = make_sheet(dict(blank_sheet(INSTRUCTION).facts) | facts | {AT: at, HAND: hand})
    try:
        text = view(sheet, INSTRUCTION)
    except InvalidDreamError:
        assert hand in ("page", "page x", "x") or at in ("b09", "nowhere")
    else:
        assert text.startswith((f"Instruction: [SEP] {INSTRUCTION} [SEP] ", "WebShop [SEP]", "Thank you"))


def test_imagined_items_are_shown_as_real_ones_are() -> None:
    """A sheet that names what a true one holds, under a list that nobody logged."""
    task, *_ = panel("train", 1).tasks
    truth = true_sheet(*world_of(task))
    known = {key: value for key, value in truth.facts if not key.startswith("search *")}
    imagined = {"search *": "2 found", "search * page 1": "b02, b99, b07"}
    after = respond(
        make_sheet(known | imagined),
        f"search[{task.instruction}]",
        task.instruction,
        read_wish(task.instruction),
    )
    results = read_results(after.answer.next_state)
    shop, _ = world_of(task)
    assert results is not None
    assert results.total == 2
    assert [(o.item, o.title, o.price_tag) for o in results.offers] == [
        (item, shop.products[item.upper()].title, shop.products[item.upper()].price_tag)
        for item in ("b02", "b07")
    ]


def test_every_answer_can_be_written_and_read_and_is_well_founded() -> None:
    for trajectory in episodes():
        instruction = trajectory.task.instruction
        for turn in annotate(trajectory, hindsight_sheet(trajectory)):
            assert turn.written is not None
            for answer in (turn.answer, turn.written):
                assert parse_answer(render_answer(answer)) == answer
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
            shown = shown_keys(with_changes(turn.sheet, turn.answer.changes))
            news = {key for key in shown if re.fullmatch(r"b\d\d.*", key)} - known
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
        ("=: \n", "search empty"),
        ("a b " * 20, f"search {'a b ' * 11}a b"),
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
            assert turn.written is not None
            for answer, most in ((turn.answer, 160), (turn.written, 40)):
                ids = encode(tokenizer, render_answer(answer))
                assert tokenizer.decode(ids) == render_answer(answer)
                assert len(ids) < most
            assert all(len(encode(tokenizer, f" {key}")) == 1 for key in turn.quotes)
    assert len(encode(tokenizer, " click[buy now]")) == 1
    assert (
        len(
            encode(
                tokenizer, " [SEP] Rating: N.A. [SEP] Description [SEP] Features [SEP] Reviews [SEP] Buy Now"
            )
        )
        == 1
    )
