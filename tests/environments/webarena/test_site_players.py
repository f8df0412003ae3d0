"""Who plays our own site for its offline data, on which tasks, and where."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError
from dreamgym.environments.checks import check_env
from dreamgym.environments.webarena.actions import read_action
from dreamgym.environments.webarena.notes.truth import expert_episode
from dreamgym.environments.webarena.panels import (
    fresh_tasks,
    own_records,
    panel,
    spec_named,
    spec_of,
    task_named,
)
from dreamgym.environments.webarena.players import Careless
from dreamgym.environments.webarena.site.tasks import TEMPLATES, make_record
from dreamgym.environments.webarena.site.words import FIRST_MIXED, USUAL, words_of
from dreamgym.environments.webarena.still.still_env import StillEnv
from dreamgym.environments.webarena.still.still_episode import Said, StillEpisode

MOST_TURNS = 25


def careless_end(task_id: str, seed: int) -> tuple[str, Said]:
    """The last action of the careless player, and what was said to it."""
    episode = StillEpisode(spec_named(task_id))
    player, text, action = Careless(task_named(task_id), Random(seed)), episode.opening, ""
    said = Said(text=text)
    for _ in range(MOST_TURNS):
        action = player.choose(text, episode.view.admissible())
        said = episode.act(action)
        text = said.text
        if said.over:
            break
    return action, said


@pytest.mark.parametrize("template", TEMPLATES)
def test_who_is_careless_ends_every_template_unpaid_and_at_times_paid(template: str) -> None:
    task_id = f"site:{list(TEMPLATES).index(template)}:{template}"
    ends = [careless_end(task_id, seed) for seed in range(12)]
    assert sum(said.over for _, said in ends) >= 11
    assert any(said.reward == 0 for _, said in ends if said.over)


def test_what_was_misread_looks_like_the_answer() -> None:
    said = [read_action(careless_end("site:0:price_of", seed)[0]).text(0) for seed in range(60)]
    record = make_record(0, "price_of")
    right = record["eval"]["reference_answers"]["exact_match"]
    prices = Counter(text for text in said if text.replace(".", "").isdigit() and "." in text)
    assert prices[right] >= 5
    assert prices.total() - prices[right] >= 5


@pytest.mark.parametrize("first", [0, FIRST_MIXED])
def test_fresh_tasks_ask_for_nothing_that_is_evaluated(first: int) -> None:
    evaluated = {(r["intent"], json.dumps(r["eval"], sort_keys=True)) for r in own_records("valid")}
    listed = {task.id for name in ("train", "valid") for task in panel(name).tasks}
    fresh = list(fresh_tasks(range(first, first + 660)))
    assert len({task.id for task in fresh}) == 660
    assert not listed.intersection(task.id for task in fresh)
    assert {task.split for task in fresh} == {"train"}
    assert {task.task_type for task in fresh} == set(TEMPLATES)
    for task in fresh:
        _, world, template = task.id.split(":")
        record = make_record(int(world), template)
        assert record["intent"] == task.instruction
        assert (record["intent"], json.dumps(record["eval"], sort_keys=True)) not in evaluated
    assert [task.id for task in fresh_tasks(range(first + 3, first + 9))] == [task.id for task in fresh[3:9]]


def test_fresh_tasks_pass_over_what_is_evaluated() -> None:
    worlds = [int(task.id.split(":")[1]) for task in fresh_tasks(range(660))]
    assert worlds == sorted(worlds)
    assert worlds[-1] > 220 + 660 - 1


def test_in_mixed_worlds_words_stand_in_places_that_they_have_in_no_usual_one() -> None:
    usual, mixed = words_of(FIRST_MIXED - 1), words_of(FIRST_MIXED)
    assert usual == USUAL
    places = (mixed.colours, mixed.every_noun, mixed.people, mixed.passwords, mixed.cities)
    dealt = [word for place in places for word in place]
    assert len(set(dealt)) == len(dealt)
    known = {word for text in (*USUAL.people, *USUAL.every_noun, *USUAL.phrases) for word in text.split()}
    assert known.intersection(dealt)
    assert set(mixed.cities) != set(USUAL.cities)
    assert {name: len(words) for name, words in mixed.nouns.items()} == dict.fromkeys(USUAL.nouns, 5)
    assert words_of(FIRST_MIXED + 1) != mixed


@pytest.mark.parametrize(
    "task", list(fresh_tasks(range(FIRST_MIXED, FIRST_MIXED + 22))), ids=lambda task: task.id
)
def test_the_expert_wins_in_mixed_worlds(task: Task) -> None:
    episode = StillEpisode(spec_of(task))
    assert expert_episode(task, episode).success


def test_the_still_site_is_an_environment_like_any_other() -> None:
    task = task_named("site:12:count_orders")
    assert not check_env(lambda: StillEnv(30, show_admissible=True), task).failures
    with pytest.raises(ConfigError, match="abstract"):
        StillEnv(state="full")
