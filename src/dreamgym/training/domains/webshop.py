"""WebShop: shopping in a generated catalogue, or in the original's where its files are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.environments.players import Listener, Player, PlayerMaker
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import own_parts, plugged

NAME = "webshop"
ORIGINALS = ("goals_test", "goals_eval", "goals_train")


def webshop(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/webshop``."""
    return plugged(NAME, "WebshopEnv", config, _players(config), ORIGINALS)


def _players(config: EnvironmentConfig) -> Mapping[str, PlayerMaker]:
    """The shop's players, who are told the goal behind the task."""
    panels, players = own_parts(NAME, "panels", "players")

    def maker(name: str) -> PlayerMaker:
        def make(task: Task, rng: Random) -> Player:
            _, goal = panels.world_of(task, config.data_dir)
            return Listener(players.PLAYERS[name](goal, rng))

        return make

    return {name: maker(name) for name in players.PLAYERS}
