"""Our own shop: the expert wins everywhere, half a solution wins nowhere, mistakes change nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from dreamgym.core.data_structures import Task
from dreamgym.environments.taubench.calls import RESPOND
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.mistakes import MISTAKES, wrong_action
from dreamgym.environments.taubench.panels import SIZES, generated_tasks, panel, task_named
from dreamgym.environments.taubench.shop import make_shop
from dreamgym.environments.taubench.shop_script import TEMPERS, WISHES
from dreamgym.environments.taubench.shop_tools import CHANGING, TOOLS
from taubench_play import play_with, shop_of

DIGESTS = {  # of all tasks of the panel; another digest is another panel, whose results do not compare
    "train": "b95d5eb2a2aac5608e4f06ff6fb093c2ef9eb5c69d9924623586b34fdfc411bf",
    "valid": "997c6d51837013a691df60f9baf70c5db8ad220ae48da362d10c068e6668e8a7",
}
MOST_WORDS = 100


@pytest.mark.parametrize("name", ["train", "valid"])
def test_a_panel_is_pinned(name: str) -> None:
    found = panel(name)
    assert found.digest == DIGESTS[name]
    assert len({task.id for task in found.tasks}) == len(found.tasks) == SIZES[name]
    assert {task.split for task in found.tasks} == {name}
    assert panel(name, 10).tasks == found.tasks[:10]


def test_train_and_valid_share_no_world() -> None:
    train, valid = ({shop_of(task).base.hash for task in panel(name).tasks} for name in ("train", "valid"))
    assert len(valid) == SIZES["valid"]
    assert not train & valid


def test_every_wish_and_every_temper_is_in_the_panel_for_evaluation() -> None:
    shops = [shop_of(task) for task in panel("valid").tasks]
    wishes = Counter(shop.requests[0].kind for shop in shops)
    assert len(wishes) == len(WISHES)
    assert min(wishes.values()) >= SIZES["valid"] // len(WISHES)
    assert {shop.customer.temper for shop in shops} == set(TEMPERS)
    assert {len(shop.requests) for shop in shops} == {1, 2}
    forbidden = sum(not shop.requests[0].allowed for shop in shops)
    assert 0.08 < forbidden / len(shops) < 0.25


@pytest.mark.parametrize("name", ["train", "valid"])
def test_the_expert_wins_the_whole_panel(name: str) -> None:
    for task in panel(name).tasks:
        shop, turns = shop_of(task), asyncio.run(play_with("expert", task))
        assert (turns[-1][1].won, turns[-1][1].reward) == (True, 1), task.id
        refused = [action for action, result in turns if not result.valid]
        assert refused == [f"find_user {shop.customer.name} {shop.customer.wrong_code}"] * len(refused)
        assert len(refused) == (shop.customer.temper == "mistaken")
        assert not any(result.reward for _, result in turns[:-1])
        longest = max(len(result.observation.text.split()) for _, result in turns)
        assert len(turns) <= 20
        assert longest < MOST_WORDS


def test_the_expert_says_nothing_that_it_was_not_told() -> None:
    """Every name and number of its actions stood in an answer before."""
    for task in panel("valid", 60).tasks:
        told = task.opening
        for action, result in asyncio.run(play_with("expert", task)):
            names = [word for word in action.replace("?", "").replace(".", "").split() if word.isdigit()]
            assert all(name in told for name in names), (task.id, action)
            told += result.observation.text


def test_no_change_of_the_reference_solution_may_be_left_out() -> None:
    changes = {tool.name for tool in CHANGING}
    lost = 0
    for task in panel("valid", 120).tasks:
        actions = [action for action, _ in asyncio.run(play_with("expert", task))]
        done = [action for action in actions if action.split()[0] in changes]
        if done:
            lost += 1
            assert not asyncio.run(_replay(task, [action for action in actions if action != done[-1]]))
        assert asyncio.run(_replay(task, actions))
    assert lost > 60


async def _replay(task: Task, actions: list[str]) -> bool:
    environment = TaubenchEnv()
    await environment.reset(task, 0)
    for action in actions:
        result = await environment.step(action)
        if result.terminated:
            return result.won
    return False


def test_a_change_that_nobody_wanted_loses() -> None:
    """The right call, and a second one that the customer had to agree to by its own wish."""
    lost = 0
    for task in panel("valid").tasks:
        shop = shop_of(task)
        turns = asyncio.run(play_with("expert", task))
        if len(shop.requests) == 2 and all(wish.call() and wish.allowed for wish in shop.requests):
            half = [action for action, _ in turns]
            second = half.index("respond done")
            assert not asyncio.run(_replay(task, [*half[: second + 1], "respond done"]))
            lost += 1
    assert lost > 10


def test_what_has_to_be_said_is_a_word_of_its_own() -> None:
    told = 0
    for task in panel("valid").tasks:
        shop = shop_of(task)
        if shop.requests[0].kind != "total" or len(shop.requests) != 1:
            continue
        price = shop.requests[0].answer
        assert not asyncio.run(_replay(task, [f"respond 1{price}.", f"respond {price}0.", "respond done"]))
        assert asyncio.run(_replay(task, [f"respond it costs {price} in all.", "respond done"]))
        told += 1
    assert told > 10


@pytest.mark.parametrize("kind", list(MISTAKES))
def test_a_mistake_is_refused_and_changes_nothing(kind: str) -> None:
    """At any moment of an expert's episode."""
    rng = Random(kind)
    for task in panel("train", 40).tasks:
        asyncio.run(_with_mistakes(task, rng, kind))


async def _with_mistakes(task: Task, rng: Random, kind: str) -> None:
    actions = [action for action, _ in await play_with("expert", task)]
    environment = TaubenchEnv(max_turns=100)
    await environment.reset(task, 0)
    for action in actions:
        before = environment.db_hash
        mistake = wrong_action(rng, shop_of(task), kind)
        result = await environment.step(mistake.action)
        text = result.observation.text
        assert not result.valid, (mistake, text)
        assert text.startswith(("Error: ", "Unknown action ")), (mistake, text)
        assert (result.reward, result.terminated, environment.db_hash) == (0, False, before)
        result = await environment.step(action)
    assert result.won


@pytest.mark.parametrize("name", [tool.name for tool in CHANGING])
def test_no_change_is_made_before_the_customer_has_said_yes(name: str) -> None:
    """Each tool with the very arguments that the customer wants."""
    tried = 0
    for task in generated_tasks():
        shop = shop_of(task)
        call = shop.requests[0].call()
        if call is None or call.name != name or not shop.requests[0].allowed:
            continue
        customer = shop.customer
        found = f"find_user {customer.name} {customer.code}"
        assert asyncio.run(_answers(task, [call.to_json()])) == ["Error: find the user first."]
        assert asyncio.run(_answers(task, [found, call.to_json()]))[1] == "Error: ask first: may i CALL?"
        tried += 1
        if tried == 3:
            return


async def _answers(task: Task, actions: list[str]) -> list[str]:
    environment = TaubenchEnv()
    await environment.reset(task, 0)
    return [(await environment.step(action)).observation.text for action in actions]


def test_forbidden_wishes_are_refused_by_the_tools_though_the_customer_says_yes() -> None:
    refused: Counter[str] = Counter()
    for task in panel("train", 400).tasks:
        shop = shop_of(task)
        wish, customer = shop.requests[0], shop.customer
        call = wish.call()
        if wish.allowed or call is None:
            continue
        line = TOOLS.tools[call.name].line
        assert line is not None
        found, ask = f"find_user {customer.name} {customer.code}", f"respond may i {line.write(call)}?"
        answers = asyncio.run(_answers(task, [found, ask, line.write(call)]))
        assert answers[1] == "customer: yes."
        assert answers[2].startswith("Error: "), (task.id, answers)
        refused[wish.kind] += 1
    assert set(refused) == set(WISHES) - {"human", "total"}


def test_both_ways_to_write_a_call_are_the_same_call() -> None:
    task = task_named("shop:train:1")
    customer = make_shop("train", 1).customer
    line = asyncio.run(_answers(task, [f"find_user {customer.name} {customer.code}"]))
    call = '{"name": "find_user", "arguments": {"name": "%s", "code": "%s"}}'
    assert asyncio.run(_answers(task, [call % (customer.name, customer.code)])) == line
    assert line[0].startswith("user ")


def test_a_random_player_seldom_wins_and_a_weak_one_sometimes() -> None:
    tasks = panel("valid", 60).tasks
    won = {
        player: sum(asyncio.run(play_with(player, task))[-1][1].won for task in tasks)
        for player in ("random", "weak")
    }
    assert won["random"] < 15 < won["weak"] < 60


def test_what_is_admissible_is_done_and_what_is_agreed_is_among_it() -> None:
    for task in panel("valid", 12).tasks:
        asyncio.run(_check_admissible(task))


async def _check_admissible(task: Task) -> None:
    environment = TaubenchEnv(show_admissible=True)
    actions = [action for action, _ in await play_with("expert", task)]
    seen = await environment.reset(task, 0)
    for action in actions:
        assert seen.admissible is not None
        spoken = action.startswith(RESPOND) or action in seen.admissible
        assert spoken, (action, seen.admissible)
        for tried in seen.admissible:
            snapshot = environment.snapshot()
            assert (await environment.step(tried)).valid, tried
            environment.restore(snapshot)
        seen = (await environment.step(action)).observation
