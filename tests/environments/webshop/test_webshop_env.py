"""The environment: the protocol, its pages, and whatever else is typed or found in the files."""

from __future__ import annotations

import asyncio
import json
import lzma
from dataclasses import replace
from pathlib import Path

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check

from dreamgym.core.data_structures import Task, TaskOrigin
from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.alfworld.env import AlfworldEnv
from dreamgym.environments.alfworld.panels import panel as alfworld_panel
from dreamgym.environments.base_env import StepResult
from dreamgym.environments.checks import check_env
from dreamgym.environments.gymnasium_view import GymnasiumView
from dreamgym.environments.webshop.catalogue import Product, Review
from dreamgym.environments.webshop.env import LONGEST_PAGE, WebshopEnv
from dreamgym.environments.webshop.original import load_original
from dreamgym.environments.webshop.pages import SubPage, item_page, receipt, sub_page
from dreamgym.environments.webshop.panels import panel, task_named, world_of
from wrong_values import with_wrong_values

TASK = panel("valid", 1).tasks[0]
ACTIONS = [
    "search[shirt lamp boots]",
    "click[next >]",
    "click[< prev]",
    "click[back to search]",
    "click[b01]",
]


def play(actions: list[str], task: Task = TASK, **settings: object) -> list[StepResult]:
    """The answers to ``actions`` in a fresh environment."""

    async def episode() -> list[StepResult]:
        environment = WebshopEnv(**settings)  # type: ignore[arg-type]
        await environment.reset(task, 0)
        return [await environment.step(action) for action in actions]

    return asyncio.run(episode())


def bought(task: Task = TASK) -> list[str]:
    """The actions that get everything."""
    _, goal = world_of(task)
    options = [f"click[{value}]" for _, value in goal.options]
    return [f"search[{goal.title}]", f"click[{goal.asin.lower()}]", *options, "click[buy now]"]


@pytest.mark.parametrize("show_admissible", [True, False])
@pytest.mark.parametrize("show_attributes", [True, False])
def test_it_keeps_the_protocol(show_admissible: bool, show_attributes: bool) -> None:
    def make() -> WebshopEnv:
        return WebshopEnv(show_admissible=show_admissible, show_attributes=show_attributes)

    for task in panel("valid", 5).tasks:
        assert not check_env(make, task, actions=ACTIONS).failures


def test_gymnasium_plays_it() -> None:
    tasks = panel("valid", 3).tasks
    gymnasium.register("dreamgym/Webshop-v0", lambda **s: GymnasiumView(WebshopEnv(), tasks, **s))
    view = gymnasium.make("dreamgym/Webshop-v0")
    gymnasium_check(view.unwrapped)
    text, info = view.reset(seed=0)
    assert text == f"WebShop [SEP] Instruction: [SEP] {info['instruction']} [SEP] Search"
    view.close()


def test_an_episode_that_gets_everything() -> None:
    *before, last = play(bought())
    assert all((a.reward, a.terminated, a.won, a.valid) == (0.0, False, False, True) for a in before)
    assert (last.reward, last.terminated, last.truncated, last.won) == (1.0, True, False, True)
    assert (
        last.observation.text
        == "Thank you for shopping with us! [SEP] Your score (min 0.0, max 1.0) [SEP] 1.0"
    )


def test_a_purchase_in_part_is_paid_but_not_won() -> None:
    actions = bought()
    last = play([*actions[:2], actions[-1]])[-1]
    assert last.terminated
    assert 0 < last.reward < 1
    assert not last.won


def test_the_last_turn_may_be_the_purchase() -> None:
    actions = bought()
    assert play(actions, max_turns=len(actions))[-1].won
    cut = play(actions[:-1], max_turns=len(actions) - 1)[-1]
    assert (cut.truncated, cut.terminated, cut.reward) == (True, False, 0.0)


@pytest.mark.parametrize(
    "action",
    [
        "click[buy now]",  # not here
        "click[search]",
        "click[b99]",
        "buy now",
        "search",
        "search[" + "a" * 5_000_000 + "]",
        "click[" + "[" * 1_000 + "]",
        "\x00\ud800",
    ],
)
def test_what_cannot_be_done_here_changes_nothing(action: str) -> None:
    (answer,) = play([action])
    assert not answer.valid
    assert answer.observation.text == TASK.opening


def test_options_and_sub_pages_and_the_way_back() -> None:
    _, goal = world_of(TASK)
    item = f"click[{goal.asin.lower()}]"
    value = f"click[{goal.options[0][1]}]"
    search, opened, features, back, chosen, results, again, other = (
        answer.observation.text
        for answer in play(
            [f"search[{goal.title}]", item, "click[features]", "click[< prev]", value, "click[< prev]", item,
             "click[back to search]"]
        )
    )  # fmt: skip
    assert opened == back == chosen == again  # the text mode does not show what is chosen
    assert results == search
    assert features.endswith(" [SEP] ".join(["< Prev", *world_of(TASK)[0].products[goal.asin].features]))
    assert other == TASK.opening


def test_options_are_forgotten_with_the_item() -> None:
    """As in the original: going back to the results empties the choice."""
    search, item, *options, buy = bought()
    assert play([search, item, *options, "click[< prev]", item, buy])[-1].reward < 1


def test_the_page_of_attributes_is_shown_where_asked_for() -> None:
    search, item, *_ = bought()
    hidden = play([search, item, "click[attributes]"])[-1]
    shown = play([search, item, "click[attributes]"], show_attributes=True)[-1]
    assert not hidden.valid
    assert shown.valid
    _, goal = world_of(TASK)
    assert shown.observation.text.endswith(
        f"{goal.category} [SEP] {goal.query} [SEP] {goal.product_category}"
    )


def test_admissible_actions_are_accepted() -> None:
    search, item, *_ = bought()
    for before in ([], [search], [search, item], [search, item, "click[features]"]):
        admissible = play([*before, "look"], show_admissible=True)[-1].observation.admissible
        assert admissible
        for action in admissible:
            assert play([*before, action])[-1].valid, action


def test_snapshots_go_to_another_environment() -> None:
    async def episode() -> None:
        *first, last = bought()
        one, other = WebshopEnv(), WebshopEnv()
        await one.reset(TASK, 0)
        for action in first:
            await one.step(action)
        await other.reset(panel("valid", 2).tasks[1], 0)
        other.restore(one.snapshot())
        assert (await other.step(last)) == (await one.step(last))
        with pytest.raises(TypeError, match="no snapshot of a WebshopEnv"):
            await stranger(one)

    asyncio.run(episode())


async def stranger(environment: WebshopEnv) -> None:
    """Give it a snapshot of another world."""
    household = AlfworldEnv()
    await household.reset(alfworld_panel("valid", 1).tasks[0], 0)
    environment.restore(household.snapshot())


def test_tasks_that_are_not_of_this_world_are_refused() -> None:
    async def reset(task: Task) -> None:
        await WebshopEnv().reset(task, 0)

    with pytest.raises(DataError, match="was imagined"):
        asyncio.run(reset(replace(TASK, origin=TaskOrigin.SYNTHETIC)))
    with pytest.raises(DataError, match="another version"):
        asyncio.run(reset(replace(TASK, instruction="Find me a bargain")))


PRODUCT = Product(asin="B01", title="Shirt", price=5.0, price_tag="$5.0")


def test_blank_elements_are_what_an_html_parser_makes_of_them() -> None:
    """Nothing for an empty one and for a line break, an empty text for other blanks."""
    head = "Back to Search [SEP] < Prev"
    assert sub_page(PRODUCT, SubPage.DESCRIPTION).text == head
    assert sub_page(replace(PRODUCT, description=" \n "), SubPage.DESCRIPTION).text == head
    assert sub_page(replace(PRODUCT, description="  "), SubPage.DESCRIPTION).text == head + " [SEP] "
    assert sub_page(replace(PRODUCT, features=("a ", "")), SubPage.FEATURES).text == head + " [SEP] a [SEP] "


def test_reviews_are_shown() -> None:
    product = replace(PRODUCT, reviews=(Review(title="Good", score="5.0", body="Fits."),))
    assert sub_page(product, SubPage.REVIEWS).text.endswith('[SEP] "Good" [SEP] 5.0 [SEP] Fits.')


def test_an_option_never_takes_a_buttons_place_and_the_last_of_two_alike_counts() -> None:
    options = (("style", ("buy now", "plain")), ("mood", ("plain",)))
    clickables = item_page(replace(PRODUCT, options=options), show_attributes=False).clickables
    assert clickables["buy now"][0] == "buy now"
    assert clickables["plain"] == ("option", "mood")
    assert list(clickables)[-1] == "plain"


def test_a_receipt_is_escaped_as_the_original_does() -> None:
    text = receipt("B01", {"size": "5' <b> é", "color": "a&b"}, 0.5)
    assert r'{"color": "a\u0026b", "size": "5\u0027 \u003cb\u003e \u00e9"}' in text


RECORD = {
    "asin": "B000000001",
    "name": "Red Shirt",
    "pricing": "$1,000.50$2,000",
    "category": "fashion",
    "product_category": "Clothing › Shirts",
    "query": " Shirts ",
    "full_description": "x" * 200_000,
    "small_description": "one text\x00\x1b",
    "customization_options": {"Size": [{"value": " S/M "}], "Color": None},
}
NOTES = {"B000000001": {"attributes": ["red"], "instruction": "Find me", "instruction_attributes": ["red"]}}


def write(folder: Path, products: str, notes: object = NOTES) -> Path:
    """A data folder whose product file has this content."""
    (folder / "webshop").mkdir()
    (folder / "webshop" / "items_shuffle.json").write_text(products, encoding="utf-8")
    (folder / "webshop" / "items_ins_v2.json").write_text(json.dumps(notes), encoding="utf-8")
    return folder


def test_the_originals_files_in_their_own_form(tmp_path: Path) -> None:
    folder = write(tmp_path, json.dumps([RECORD, {**RECORD, "asin": "nan"}, RECORD]))
    task = task_named("goal:0", folder)
    assert task.instruction == "Find me with size: s | m"
    shop, _ = world_of(task, folder)
    (product,) = shop.products.values()
    assert product.price_tag == "$1000.5 to $2000.0"
    assert 1000.5 <= product.price <= 2000
    assert (product.features, product.query) == (("one text",), "shirts")
    actions = ["search[shirt]", "click[b000000001]", "click[description]"]
    search, _, page = play(actions, task, data_dir=folder)
    assert "Total results: 1" in search.observation.text
    assert len(page.observation.text) == LONGEST_PAGE
    with pytest.raises(DataError, match="goal:0 to goal:0"):
        task_named("goal:1", folder)


def without(field: str) -> str:
    """A file of one product that lacks a field."""
    return json.dumps([{name: value for name, value in RECORD.items() if name != field}])


@pytest.mark.parametrize(
    ("products", "complaint"),
    [
        ("[{}]", "product 1: not a WebShop product .*'asin' is missing"),
        ("[3]", "product 1: int, wanted a JSON object"),
        (json.dumps([{**RECORD, "pricing": "$cheap"}]), "product 1: not a WebShop product"),
        (json.dumps([{**RECORD, "pricing": "free"}]), r"'pricing' is 'free', a text such as '\$9.99'"),
        (json.dumps([{**RECORD, "pricing": [[1]]}]), r"'pricing' is \[\[1\]\], a text such as"),
        (json.dumps([{**RECORD, "pricing": "$" + "9" * 400}]), "'pricing' is '.9"),
        (
            without("small_description"),
            "'small_description' is missing, a text or a list of texts was wanted",
        ),
        (without("customization_options"), "'customization_options' is missing, an object of options was"),
        (
            json.dumps([RECORD, {**RECORD, "asin": "B2", "customization_options": {"Size": 7}}]),
            r"product 2: not a WebShop product .customization_options\['Size'\] is int, a list of values was",
        ),
        ("[]", "items_shuffle.json: it holds no product, wanted some"),
        (
            json.dumps([{**RECORD, "asin": "B2"}]),
            "no goal can be made of its 1 products, .*items_ins_v2.json",
        ),
        (json.dumps([{**RECORD, "customization_options": [1]}]), "customization_options are list"),
        (json.dumps([{**RECORD, "customization_options": {"a": [{}]}}]), r"has the value {}, .* 'value' was"),
        (json.dumps([{**RECORD, "customization_options": {"a": [7]}}]), "'a'] has the value 7, an object"),
        (json.dumps([RECORD])[:-40], "after product 0: .*is the file damaged"),
        ("", "is the file damaged"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(tmp_path: Path, products: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        task_named("goal:0", write(tmp_path, products))


def test_wrong_notes_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"items_ins_v2_1000\.json"):
        task_named("goal:0", tmp_path)
    with pytest.raises(DataError, match="wanted a JSON object of objects"):
        task_named("goal:0", write(tmp_path, "[]", notes=[1]))
    for text in ("{", "[" * 200_000):
        (tmp_path / "webshop" / "items_ins_v2.json").write_text(text)
        with pytest.raises(DataError, match=r"items_ins_v2\.json: cannot be read"):
            task_named("goal:0", tmp_path)


def test_a_folder_of_another_level_is_told(tmp_path: Path) -> None:
    write(tmp_path, json.dumps([RECORD]))
    with pytest.raises(UnavailableError, match=f"the folder around it is wanted: name {tmp_path}$"):
        task_named("goal:0", tmp_path / "webshop")
    (tmp_path / "webshop").rename(tmp_path / "shop")
    with pytest.raises(UnavailableError, match=f"move them into {tmp_path}/shop/webshop$"):
        task_named("goal:0", tmp_path / "shop")


def test_a_product_or_a_note_with_a_value_of_another_type_is_refused_or_read(tmp_path: Path) -> None:
    small = {**RECORD, "full_description": "x"}
    files = [(json.dumps([wrong]), NOTES) for wrong in with_wrong_values(small)]
    files += [(json.dumps([small]), wrong) for wrong in with_wrong_values(NOTES)]
    refusals = []
    for number, (products, notes) in enumerate(files):
        (tmp_path / str(number)).mkdir()
        try:
            load_original(write(tmp_path / str(number), products, notes) / "webshop")
        except DataError as error:
            refusals.append(str(error))
    assert len(refusals) > 50
    assert all(refusal.startswith(str(tmp_path)) for refusal in refusals)


@pytest.mark.parametrize("line", ["{", "[" * 100_000, "[]", '{"id": 1}', '{"product": 1}'])
def test_a_wrong_line_of_the_packed_file_is_named(tmp_path: Path, line: str) -> None:
    folder = write(tmp_path, "[]")
    with lzma.open(folder / "webshop" / "products_1000.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=r"products_1000\.jsonl\.xz"):
        task_named("goal:0", folder)
