"""tau-bench: tools and a user, in a world of our own or in the original domains."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Task
from dreamgym.environments.players import Listener, Player, PlayerMaker
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import own_parts, plugged

NAME = "taubench"
ORIGINALS = ("retail:test", "airline:test")


def taubench(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/taubench``."""
    return plugged(NAME, "TaubenchEnv", config, _players(), ORIGINALS)


def _players() -> Mapping[str, PlayerMaker]:
    """The players of our own shop, who are told the shop behind a task such as ``shop:train:7``."""
    shop, players = own_parts(NAME, "shop", "players")

    def maker(name: str) -> PlayerMaker:
        def make(task: Task, rng: Random) -> Player:
            _, split, number = task.id.split(":")
            return Listener(players.PLAYERS[name](shop.make_shop(split, int(number)), rng))

        return make

    return {name: maker(name) for name in players.PLAYERS}
