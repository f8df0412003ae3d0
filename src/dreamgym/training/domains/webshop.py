"""WebShop: shopping in a generated catalogue, or in the original's where its files are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Sheet, Task
from dreamgym.environments.players import Listener, Player, PlayerMaker
from dreamgym.environments.webshop.notes.annotate import OVER
from dreamgym.environments.webshop.notes.hindsight import blank_sheet, together
from dreamgym.environments.webshop.notes.replay import replay
from dreamgym.environments.webshop.notes.truth import true_sheet
from dreamgym.environments.webshop.notes.view import view
from dreamgym.environments.webshop.panels import is_generated, world_of
from dreamgym.training.annotation import NO_SHEET, hindsight_of
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.plugged import own_parts, plugged

NAME = "webshop"
ORIGINALS = ("goals_test", "goals_eval", "goals_train")


def webshop(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/webshop``."""
    plain = plugged(NAME, "WebshopEnv", config, _players(config), ORIGINALS)

    def true_sheet_of(task: Task) -> Sheet:
        return true_sheet(*world_of(task)) if is_generated(task.id) else NO_SHEET

    def panels(name: str, size: int | None) -> Sequence[Task]:
        tasks = plain.panels(name, size)
        return [_unseen(task) for task in tasks] if name == "train" else tasks

    return replace(
        plain,
        panels=panels,
        hindsight=hindsight_of,
        together=together,
        true_sheet=true_sheet_of,
        replay=lambda trajectory: replay(trajectory, config.data_dir),
        replays_truth=True,
        over=OVER,
        view=view,
    )


def _unseen(task: Task) -> Task:
    """The task with a sheet that holds nothing but what its instruction tells, for a dream of it."""
    return replace(task, sheet=blank_sheet(task.instruction)) if is_generated(task.id) else task


def _players(config: EnvironmentConfig) -> Mapping[str, PlayerMaker]:
    """The shop's players, who are told the goal behind the task."""
    panels, players = own_parts(NAME, "panels", "players")

    def maker(name: str) -> PlayerMaker:
        def make(task: Task, rng: Random) -> Player:
            _, goal = panels.world_of(task, config.data_dir)
            return Listener(players.PLAYERS[name](goal, rng))

        return make

    return {name: maker(name) for name in players.PLAYERS}
