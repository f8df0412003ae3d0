"""The view keeps Gymnasium's API, judged by Gymnasium's own checker."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import PassiveEnvChecker

from documents import code_blocks, run_blocks
from dreamgym.core.data_structures import Task
from dreamgym.core.errors import ConfigError, EnvironmentFailedError
from dreamgym.environments.gymnasium_view import AnyText, GymnasiumView

PAGE = "docs/add_an_environment.md"
GuessEnv: Any = run_blocks(PAGE, code_blocks(PAGE, "python")[:1]).GuessEnv
TASKS = [Task(id=f"guess-{i}", environment="guess", instruction="Guess the number.") for i in range(4)]


@pytest.fixture
def view() -> Iterator[GymnasiumView]:
    view = GymnasiumView(GuessEnv(), TASKS)
    yield view
    view.close()


def test_gymnasium_accepts_the_view_without_a_warning() -> None:
    gymnasium.register("dreamgym/Guess-v0", lambda **settings: GymnasiumView(GuessEnv(), TASKS, **settings))
    made = gymnasium.make("dreamgym/Guess-v0", render_mode="ansi")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(made.unwrapped)
    made.close()


def test_an_episode_is_the_environment_s_own(view: GymnasiumView) -> None:
    checked = PassiveEnvChecker(view)
    text, info = checked.reset(seed=1, options={"task": "guess-2"})
    assert text == "I think of a number between 1 and 20."
    assert (info["task"], info["instruction"]) == ("guess-2", "Guess the number.")
    assert (info["won"], info["valid"], info["admissible"]) == (False, True, None)
    assert checked.step("look")[4]["valid"] is False
    low, high = 1, 20
    for _ in range(7):
        text, reward, terminated, truncated, info = checked.step(f"guess {(low + high) // 2}")
        if terminated:
            break
        low, high = ((low + high) // 2 + 1, high) if text == "Higher." else (low, (low + high) // 2 - 1)
    assert (text, reward, terminated, truncated, info["won"]) == ("Right!", 1.0, True, False, True)


def test_the_turn_limit_is_truncation(view: GymnasiumView) -> None:
    view.reset(seed=1)
    ends = [view.step("look")[2:4] for _ in range(8)]
    assert ends == [(False, False)] * 7 + [(False, True)]


def test_a_seed_repeats_the_draw_of_tasks(view: GymnasiumView) -> None:
    draws = [
        [view.reset(seed=seed)[1]["task"], *(view.reset()[1]["task"] for _ in range(9))] for seed in (3, 3, 4)
    ]
    assert draws[0] == draws[1] != draws[2]
    assert set(draws[0]) == {task.id for task in TASKS}


def test_a_failure_of_the_machinery_is_raised_not_paid(view: GymnasiumView) -> None:
    view.reset(seed=1)
    for _ in range(8):
        view.step("look")
    with pytest.raises(EnvironmentFailedError, match="call reset"):
        view.step("guess 1")


def test_it_works_inside_a_running_loop(view: GymnasiumView) -> None:
    async def notebook() -> str:
        return view.reset(seed=1)[0]

    assert asyncio.run(notebook()).startswith("I think")


def test_closing_twice_is_fine_and_using_it_then_is_told() -> None:
    view = GymnasiumView(GuessEnv(), TASKS)
    view.close()
    view.close()
    with pytest.raises(RuntimeError, match="closed: make a new one"):
        view.step("look")


def test_wrong_use_is_told() -> None:
    with pytest.raises(ConfigError, match="no tasks"):
        GymnasiumView(GuessEnv(), [])
    with pytest.raises(ConfigError, match="'human'"):
        GymnasiumView(GuessEnv(), TASKS, render_mode="human")
    view = GymnasiumView(GuessEnv(), TASKS)
    with pytest.raises(ConfigError, match="no task has the id 'guess-9'"):
        view.reset(options={"task": "guess-9"})
    view.close()


def test_the_space_holds_any_text_and_samples_short_ascii() -> None:
    space = AnyText(1_000)
    space.seed(0)
    assert "τ → λ\n\x1b" in space
    assert "" in space
    assert "x" * 1_001 not in space
    assert 7 not in space
    samples = [space.sample() for _ in range(50)]
    assert all(sample.isascii() and len(sample) <= 64 for sample in samples)
    assert len(set(samples)) > 40
    assert len(space.sample(mask=(7, None))) == 7
