"""Generated shops: pinned, winnable, unambiguous, short; and the players that play in them."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.webshop.generator import generate_goal, generate_products, split_of
from dreamgym.environments.webshop.panels import panel, task_named, world_of
from dreamgym.environments.webshop.players import PLAYERS
from dreamgym.environments.webshop.reward import has_attribute, has_option, score
from dreamgym.environments.webshop.session import Session
from dreamgym.environments.webshop.stock import BRANDS, DEPARTMENTS

DIGESTS = {
    "train": "2e543a5fa0469547a3a2a6ac40876c3a0f47b90f8ca6189c2d4ba20e8c21227c",
    "valid": "f62013d5b6113a28f41cab51533534c42e1377073b21daae671401e6049dab7e",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_the_panels_are_pinned(name: str) -> None:
    assert panel(name).digest == DIGESTS[name]


def test_evaluation_has_shops_and_instructions_of_its_own() -> None:
    train, valid = panel("train").tasks, panel("valid").tasks
    assert (len(train), len(valid)) == (1000, 240)
    assert len({task.id for task in (*train, *valid)}) == 1240
    assert not {task.instruction for task in train} & {task.instruction for task in valid}
    assert {task.split for task in train} == {"train"}
    assert {task.split for task in valid} == {"valid"}
    assert len({task.task_type for task in valid}) == 30


def test_part_of_a_panel_is_its_beginning() -> None:
    assert panel("valid", 5).tasks == panel("valid").tasks[:5]
    assert panel("valid", 5).digest != panel("valid", 6).digest
    with pytest.raises(ValueError, match="240 tasks, not 241"):
        panel("valid", 241)


def test_names_that_stand_for_nothing_say_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DREAMGYM_DATA", raising=False)
    with pytest.raises(UnavailableError, match="train, valid, goals_test"):
        panel("test")
    with pytest.raises(UnavailableError, match="DREAMGYM_DATA"):
        panel("goals_test")
    with pytest.raises(UnavailableError, match="DREAMGYM_DATA"):
        task_named("goal:100")
    for name in ("", "goal:", "goal:-1", "gen/valid/900000-0/submarine", "gen/train/1-0/shirt", "x" * 10_000):
        with pytest.raises(DataError, match="gen/valid/900000-0"):
            task_named(name)
    with pytest.raises(ValueError, match="use 0 to 999999"):
        split_of(1_000_000)


SOME = [*panel("valid", 3).tasks, *panel("train", 3).tasks]


@pytest.mark.parametrize("task", SOME, ids=lambda task: task.id)
def test_a_task_is_found_by_its_name(task: Task) -> None:
    assert task_named(task.id) == task
    shop, goal = world_of(task)
    assert goal.instruction == task.instruction
    assert goal.asin in shop.products


def test_what_was_meant_is_worth_everything_and_another_kind_nothing() -> None:
    for task in panel("valid", 60).tasks:
        shop, goal = world_of(task)
        assert score(shop.products[goal.asin], dict(goal.options), goal).reward == 1.0
        for product in shop.products.values():
            if product.query != goal.query:
                assert score(product, dict(goal.options), goal).reward == 0.0


def test_no_two_values_or_attributes_are_taken_for_each_other() -> None:
    product = generate_products(0)[0]
    for department in DEPARTMENTS:
        for name, values in department.options.items():
            for one, other in itertools.permutations(values, 2):
                assert not has_option({name: one}, name, other), (one, other)
        for one, other in itertools.permutations(department.attributes, 2):
            having = replace(product, attributes=(one,), features=(one,))
            assert not has_attribute(having, other), (one, other)
    styles = [style for department in DEPARTMENTS for style in department.styles]
    assert len(styles) == len(set(styles))
    assert len(BRANDS) == len(set(BRANDS)) == 40


def test_a_wrong_option_costs_its_share() -> None:
    shop, goal = world_of(panel("valid", 1).tasks[0])
    product, (name, value) = shop.products[goal.asin], goal.options[0]
    other = next(v for v in dict(product.options)[name] if v != value)
    parts = len(goal.attributes) + len(goal.options) + 1
    found = score(product, {**dict(goal.options), name: other}, goal)
    assert found.reward == pytest.approx((parts - 1) / parts)


def test_a_large_catalogue_has_names_of_its_own_for_everything() -> None:
    products = generate_products(0, 1000)
    assert len({product.asin for product in products}) == 1000
    assert len({product.title for product in products}) > 990
    goal = generate_goal(products, 0, 0)
    assert goal.asin in {product.asin for product in products}


def play(task: Task, player: str, seed: int, turns: int = 15) -> tuple[float, list[tuple[str, bool, str]]]:
    """The reward, and every action with whether it was accepted and the page after it."""
    shop, goal = world_of(task)
    session, actor = Session(shop, goal), PLAYERS[player](goal, Random(seed))
    actor.see("", session.text())
    log: list[tuple[str, bool, str]] = []

    def admissible() -> list[str]:
        names = session.clickables()
        return [f"search[{goal.instruction}]"] if "search" in names else [f"click[{name}]" for name in names]

    while len(log) < turns and session.state.bought is None:
        action = actor.choose(admissible)
        valid = session.act(action)
        log.append((action, valid, session.text()))
        actor.see(action, session.text())
    return session.state.bought.reward if session.state.bought else 0.0, log


def test_the_expert_wins_and_does_nothing_in_vain() -> None:
    rewards = []
    for number, task in enumerate(panel("valid").tasks):
        reward, log = play(task, "expert", number)
        assert all(valid for _, valid, _ in log)
        rewards.append(reward)
    assert sum(reward == 1.0 for reward in rewards) == len(rewards) == 240


def test_the_careless_and_the_random_player_do_worse_in_every_way() -> None:
    """The careless one wins now and then and is refused often; the random one hardly ever wins."""
    careless = [play(task, "careless", number) for number, task in enumerate(panel("train", 300).tasks)]
    chance = [play(task, "random", number) for number, task in enumerate(panel("train", 300).tasks)]
    won = {"careless": sum(r == 1 for r, _ in careless), "random": sum(r == 1 for r, _ in chance)}
    assert 30 < won["careless"] < 240
    assert won["random"] < 15
    turns = Counter(valid for _, log in careless for _, valid, _ in log)
    assert 0.05 < turns[False] / turns.total() < 0.5
    assert all(valid for _, log in chance for _, valid, _ in log)


def test_pages_are_short() -> None:
    """At most 150 words a turn, whoever plays."""
    for number, task in enumerate(panel("valid", 80).tasks):
        for player in PLAYERS:
            for _, _, page in play(task, player, number)[1]:
                assert len(page.split()) <= 150, page
