"""tau-bench: tools and a user, in a world of our own or in the original domains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Sheet, Task
from dreamgym.environments.players import Listener, Player, PlayerMaker
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.notes.annotate import OVER
from dreamgym.environments.taubench.notes.replay import replay
from dreamgym.environments.taubench.notes.truth import true_sheet
from dreamgym.environments.taubench.panels import OFFICIAL
from dreamgym.environments.taubench.shop import make_shop
from dreamgym.environments.taubench.world import SHOP
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.sheet import joined
from dreamgym.training.annotation import NO_SHEET, hindsight_of
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import own_parts, plugged
from dreamgym.training.domains.real_worlds import factory_of
from dreamgym.training.rollout import EnvironmentFactory

NAME = "taubench"
ORIGINALS = (*OFFICIAL, "tau2:telecom:solo")


def taubench(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/taubench``."""
    plain = plugged(NAME, "TaubenchEnv", config, _players(), ORIGINALS)
    return replace(
        plain,
        hindsight=hindsight_of,
        together=joined,
        true_sheet=_true_sheet,
        replay=replay,
        replays_truth=True,
        over=OVER,
        needs_episode=True,
        asking=lambda user: _talking_to(user, config),
    )


def _talking_to(user: LLMClient, config: EnvironmentConfig) -> EnvironmentFactory:
    """The real environment in this process, with one language model as the user of all its episodes."""
    return factory_of(
        lambda: TaubenchEnv(
            config.max_turns, config.data_dir, show_admissible=config.show_admissible, user=user
        )
    )


def _true_sheet(task: Task) -> Sheet:
    """The whole sheet of our own shop."""
    if not task.id.startswith(f"{SHOP}:"):
        return NO_SHEET
    _, split, number = task.id.split(":")
    return true_sheet(make_shop(split, int(number)))


def _players() -> Mapping[str, PlayerMaker]:
    """The players of our own shop, who are told the shop behind a task such as ``shop:train:7``."""
    shop, players = own_parts(NAME, "shop", "players")

    def maker(name: str) -> PlayerMaker:
        def make(task: Task, rng: Random) -> Player:
            _, split, number = task.id.split(":")
            return Listener(players.PLAYERS[name](shop.make_shop(split, int(number)), rng))

        return make

    return {name: maker(name) for name in players.PLAYERS}
