"""Word for word the original: its goals, its prices, and every turn of its recorded episodes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from dreamgym.environments.webshop.catalogue import Goal, search_text
from dreamgym.environments.webshop.env import WebshopEnv
from dreamgym.environments.webshop.original import load_original, original_shop
from dreamgym.environments.webshop.panels import panel, task_named
from dreamgym.environments.webshop.reward import COLORS, score
from dreamgym.environments.webshop.session import Session
from webshop_data import DATA, FOLDER, needs_data, product_lines, recorded

pytestmark = needs_data
TRACES = "traces_seed42_first100.json.xz"


def test_every_goal_and_price_is_the_recorded_one() -> None:
    original = load_original(FOLDER)
    prices = recorded("webshop_prices_seed42.json")
    assert {product.asin: product.price for product in original.products} == prices
    found = [plain(goal) for goal in original.goals]
    wanted = recorded("webshop_goals_seed42.json.xz")
    assert len(wanted) == 6910
    assert found == [{key: record[key] for key in found[0]} for record in wanted]


def plain(goal: Goal) -> dict[str, object]:
    """A goal as the recorded file has it, but for its weight."""
    return {
        "asin": goal.asin,
        "category": goal.category,
        "query": goal.query,
        "name": goal.title,
        "product_category": goal.product_category,
        "instruction_text": goal.instruction,
        "attributes": list(goal.attributes),
        "price_upper": goal.price_upper,
        "goal_options": dict(goal.options),
    }


def test_what_is_searched_is_what_the_original_indexed() -> None:
    texts = [search_text(product) for product in load_original(FOLDER).products]
    assert texts == [line["contents"] for line in product_lines()]


def test_every_turn_of_the_recorded_episodes() -> None:
    original, shop = load_original(FOLDER), original_shop(FOLDER, False)
    turns = 0
    for episode in recorded(TRACES):
        session = Session(shop, original.goals[episode["goal"]])
        assert session.text() == episode["obs0"]
        for step in episode["steps"]:
            before = step["avail_before"]
            assert list(session.clickables()) == before["clickables"]
            assert (session.state.query is None) == before["has_search_bar"]
            session.act(step["action"])
            bought = session.state.bought
            found = (session.text(), bought.reward if bought else 0.0, bought is not None)
            assert found == (step["obs"], step["reward"], step["done"]), step["action"]
            turns += 1
    assert turns == 770


def test_the_environment_says_what_was_recorded() -> None:
    """By the names that a person types, through the protocol."""

    async def play(number: int) -> None:
        episode = recorded(TRACES)[number]
        environment = WebshopEnv(max_turns=100, data_dir=DATA)
        assert (await environment.reset(task_named(f"goal:{number}", DATA), 0)).text == episode["obs0"]
        for step in episode["steps"]:
            answer = await environment.step(step["action"])
            assert answer.observation.text == step["obs"]
            assert (answer.reward, answer.terminated) == (step["reward"], step["done"])
            assert answer.won == (step["reward"] == 1)

    for number in range(0, 100, 7):
        asyncio.run(play(number))


def test_whoever_buys_what_was_meant_gets_everything_but_for_the_originals_colours() -> None:
    """A chosen option loses what stands beside a colour word in it, and the goal's does not.

    So some goals cannot be had in full: ``rectangular`` becomes ``tan``. Recorded episodes met two (20, 28).
    """
    original = load_original(FOLDER)
    products = {product.asin: product for product in original.products}
    short = 0
    for goal in original.goals:
        found = score(products[goal.asin], dict(goal.options), goal)
        assert (found.type, found.attributes, found.price) == (1.0, len(goal.attributes), True)
        hidden = any(color in value and color != value for _, value in goal.options for color in COLORS)
        assert found.options == len(goal.options) or hidden
        assert (found.reward == 1.0) == (found.options == len(goal.options))
        short += found.reward < 1
    assert short == 386  # 458 by the original's longer list of colours


def test_the_originals_panels() -> None:
    test, evaluation, train = (panel(f"goals_{name}", None, DATA) for name in ("test", "eval", "train"))
    assert [len(p.tasks) for p in (test, evaluation, train)] == [500, 1000, 5410]
    assert test.tasks[100].id == "goal:100"
    assert test.digest == "c159bb7ff0fa156191be5427a82496d8114beb926669fa6ee228bb424ec09004"


def test_the_originals_own_file_names_do_as_well(tmp_path: Path) -> None:
    """The same products in the form of ``items_shuffle_1000.json``, prices as texts, make the same goals."""
    records = []
    for line in product_lines():
        record = dict(line["product"])
        record["pricing"] = "".join(f"${price:,.2f}" for price in record["pricing"])
        records.append({key: record[key] for key in RAW})
    (tmp_path / "items_shuffle_1000.json").write_text(json.dumps(records), encoding="utf-8")
    notes = (FOLDER / "items_ins_v2_1000.json").read_bytes()
    (tmp_path / "items_ins_v2_1000.json").write_bytes(notes)
    assert load_original(tmp_path) == load_original(FOLDER)


RAW = (
    "asin",
    "name",
    "pricing",
    "category",
    "product_category",
    "query",
    "full_description",
    "small_description",
    "customization_options",
)
