"""The bookkeeping agrees with the engine on every real episode, and finds the turn that was falsified."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import islice

import pytest

from dreamgym.core.data_structures import Action, Sheet, Trajectory, Transition
from dreamgym.environments.alfworld.contradictions import first_contradiction
from dreamgym.environments.alfworld.from_sheet import sheet_of_game
from dreamgym.environments.alfworld.panels import game_of, generated_tasks
from dreamgym.environments.alfworld.replay import replay
from dreamgym.models.sheet import contents, places, value_of
from dreamgym.training.cast import CollectSettings
from dreamgym.training.collect import collect_trajectories
from dreamgym.training.domains.household import Household


@lru_cache
def real_episodes() -> list[Trajectory]:
    """Experts, random players and mistakes in the real engine, with the sheets that they started from."""
    settings = CollectSettings(
        shares={"expert": 0.4, "explorer": 0.3, "random": 0.3}, mistake_rate=0.2, max_turns=30
    )
    played = collect_trajectories(islice(generated_tasks(320_000), 60), settings, cast=Household(), seed=5)
    return [replace(t, sheet=sheet_of_game(game_of(t.task))) for t in played]


def test_no_real_episode_contradicts_itself() -> None:
    found = {t.id: first_contradiction(t) for t in real_episodes()}
    assert not {name: turn for name, turn in found.items() if turn is not None}


def test_nor_without_the_sheet() -> None:
    assert all(first_contradiction(replace(t, sheet=None)) is None for t in real_episodes())


def test_it_finds_a_wrong_answer_no_sooner_than_the_engine_does() -> None:
    """Every turn in which the engine refuses, but the dream says that the walk, the grab, … worked."""
    found = tried = 0
    for episode in real_episodes():
        for number, turn in enumerate(episode.transitions):
            if turn.next_state != "Nothing happens." or not turn.action.text.startswith(
                ("take", "open", "move")
            ):
                continue
            lie = replace(turn, next_state=f"You {turn.action.text}.")
            turns = (*episode.transitions[:number], lie, *episode.transitions[number + 1 :])
            falsified = replace(episode, transitions=turns)
            tried += 1
            found += first_contradiction(falsified) == number == replay(falsified).first_wrong
    assert tried > 30
    assert found / tried > 0.8  # words that are no command are left to the model's closed world


def turn(action: str, answer: str) -> Transition:
    return Transition(state="", action=Action(text=action), reward=0.0, next_state=answer)


def falsified(*turns: Transition) -> tuple[Trajectory, Sheet]:
    episode = next(t for t in real_episodes() if t.sheet)
    assert episode.sheet is not None
    return replace(episode, transitions=turns), episode.sheet


def test_a_place_that_shows_what_is_not_there_is_a_contradiction() -> None:
    _, sheet = falsified()
    surface = next(p for p in places(sheet) if value_of(sheet, p) == "surface")
    things = [f"a {name}" for name in contents(sheet, surface)]
    honest = (
        ", ".join([*things[:-1], f"and {things[-1]}"]) if len(things) > 1 else "".join(things) or "nothing"
    )
    arrive = f"You arrive at {surface}. On the {surface}, you see "
    good, _ = falsified(turn(f"go to {surface}", f"{arrive}{honest}."))
    bad, _ = falsified(turn("look", "Nothing happens."), turn(f"go to {surface}", f"{arrive}a unicorn 1."))
    assert first_contradiction(good) is None
    assert first_contradiction(bad) == 1


@pytest.mark.parametrize("action", ["go to moon 1", "take mug 99 from moon 1", "use lamp 77"])
def test_what_is_not_in_the_room_cannot_work(action: str) -> None:
    _, sheet = falsified()
    here = places(sheet)[0]
    episode, _ = falsified(turn(f"go to {here}", f"You arrive at {here}."), turn(action, "You do it."))
    assert first_contradiction(episode) == 1


def test_a_closed_door_that_is_seen_open_is_a_contradiction() -> None:
    _, sheet = falsified()
    closed = next(place for place in places(sheet) if value_of(sheet, place) == "closed")
    text = f"You arrive at {closed}. The {closed} is open. In it, you see nothing."
    episode, _ = falsified(turn(f"go to {closed}", text))
    assert first_contradiction(episode) == 0
