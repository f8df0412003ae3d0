"""Who plays an environment for its offline data: the settings, and what an environment's players offer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from dreamgym.core.data_structures import Task, Trajectory
from dreamgym.core.errors import ConfigError
from dreamgym.environments.base_env import Environment

POLICY = "policy"  # the player that is no script
USUAL_SHARES = {"expert": 0.2, "explorer": 0.2, "weak": 0.25, "tinkerer": 0.15, "random": 0.05}


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectSettings:
    """How to play. ``mistake_rate``: the chance, at each state, of 1 to ``most_mistakes`` mistakes there."""

    shares: Mapping[str, float] = field(default_factory=lambda: USUAL_SHARES)
    mistake_rate: float = 0.22
    most_mistakes: int = 3
    max_turns: int = 50

    def __post_init__(self) -> None:
        for name, share in self.shares.items():
            if not 0 <= share < math.inf:
                raise ConfigError(f"the share of {name} is {share}: use 0 or more")
        if not any(self.shares.values()):
            raise ConfigError("every share is 0: nobody would play")
        if not 0 <= self.mistake_rate <= 1:
            raise ConfigError(f"the mistake rate is {self.mistake_rate}: use 0 to 1")
        if self.most_mistakes < 1 or self.max_turns < 1:
            raise ConfigError(
                f"{self.most_mistakes} mistakes in {self.max_turns} turns: use 1 or more of each"
            )


class Cast(Protocol):
    """An environment's scripted players and what they play."""

    @property
    def shares(self) -> Mapping[str, float]:
        """The players by name, each with how often it plays where nothing else is said."""
        ...

    @property
    def at_once(self) -> int:
        """How many episodes can be played at the same time."""
        ...

    def tasks(self, episodes: int) -> Iterator[Task]:
        """What is played, in order; no task that is evaluated on."""
        ...

    def fresh_tasks(self, numbers: range) -> Iterator[Task]:
        """The training tasks with these numbers among those that are in no panel.

        Raises:
            ConfigError: there are none.
        """
        ...

    def environment(self, max_turns: int) -> Environment:
        """A fresh one, for a policy."""
        ...

    async def play(
        self, id: str, task: Task, player: str, rng: Random, settings: CollectSettings
    ) -> Trajectory:
        """An episode of the scripted ``player``, inserted mistakes written down in its ``detail``."""
        ...
