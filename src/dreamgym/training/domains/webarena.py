"""WebArena: a real browser on a small site of our own, on MiniWoB++, or on the sites that a user runs.

Training tasks are all of our own site, whose offline data are played without the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from dreamgym.core.config import EnvironmentConfig
from dreamgym.core.data_structures import Sheet, Task
from dreamgym.environments.players import Player, PlayerMaker, Reader
from dreamgym.environments.webarena.env import WebarenaEnv
from dreamgym.environments.webarena.notes.annotate import OVER
from dreamgym.environments.webarena.notes.replay import replay
from dreamgym.environments.webarena.notes.together import together
from dreamgym.environments.webarena.notes.truth import true_sheet
from dreamgym.environments.webarena.still.still_env import ABSTRACT
from dreamgym.models.llm_client import LLMClient
from dreamgym.training.annotation import NO_SHEET, OWN_SITE, hindsight_of
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.players_cast import PlayersCast
from dreamgym.training.domains.plugged import own_parts, plugged
from dreamgym.training.domains.real_worlds import factory_of
from dreamgym.training.rollout import EnvironmentFactory

NAME = "webarena"
ORIGINALS = ("miniwob", "webarena", "webarena_lite")
STILL = "dreamgym.environments.webarena.still.still_env:StillEnv"


def webarena(config: EnvironmentConfig) -> Domain:
    """The domain of ``environments/webarena``; of our own site alone there is a sheet."""
    logins = () if config.auth_dir is None else (("auth_dir", str(config.auth_dir.absolute())),)
    options = (("state", config.state), *logins)
    plain = plugged(NAME, "WebarenaEnv", config, _players(), ORIGINALS, options)
    played = _without_browser(plain) if config.state == ABSTRACT else plain
    return replace(
        played,
        hindsight=hindsight_of,
        together=together,
        true_sheet=_true_sheet,
        replay=replay,
        replays_truth=True,
        over=OVER,
        needs_episode=True,
        asking=lambda judge: _judged_by(judge, config),
    )


def _judged_by(judge: LLMClient, config: EnvironmentConfig) -> EnvironmentFactory:
    """The real environment in this process, with one language model as the judge of all its episodes."""
    return factory_of(
        lambda: WebarenaEnv(
            config.max_turns,
            config.data_dir,
            show_admissible=config.show_admissible,
            state=config.state,
            judge=judge,
            auth_dir=config.auth_dir,
        )
    )


def _without_browser(domain: Domain) -> Domain:
    """The domain, its offline data from pages that need no Chromium; agents are still evaluated in it."""
    assert isinstance(domain.cast, PlayersCast)
    spec = replace(domain.cast.spec, place=STILL, options=(("state", ABSTRACT),))
    return replace(
        domain,
        cast=replace(domain.cast, spec=spec),
        collected="on our own site's pages without a browser; environment.state=full plays in Chromium",
    )


def _true_sheet(task: Task) -> Sheet:
    """The whole sheet of our own site."""
    return true_sheet(task) if task.id.startswith(OWN_SITE) else NO_SHEET


def _players() -> Mapping[str, PlayerMaker]:
    """The players of our own site."""
    (players,) = own_parts(NAME, "players")

    def maker(name: str) -> PlayerMaker:
        def make(task: Task, rng: Random) -> Player:
            return Reader(players.PLAYERS[name](task, rng))

        return make

    return {name: maker(name) for name in players.PLAYERS}
