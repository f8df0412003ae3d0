"""The offline data of any environment that lists its actions or brings players: played in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from random import Random

from dreamgym.core.data_structures import Task, Trajectory
from dreamgym.core.errors import ConfigError
from dreamgym.environments.base_env import Environment
from dreamgym.environments.players import PlayerMaker
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.training.cast import CollectSettings
from dreamgym.training.domains.real_worlds import make_world
from dreamgym.training.rollout import Seeds, play_episode
from dreamgym.training.scripted_policy import ScriptedPolicy, Slips


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayersCast:
    """``players`` by name, in the environment of ``spec``, on ``training``'s tasks, also more than once.

    The players see what an agent sees and the admissible actions besides, where the world lists them.
    """

    spec: EnvironmentSpec
    workers: int
    players: Mapping[str, PlayerMaker]
    training: Callable[[int], Sequence[Task]]
    fresh: Callable[[range], Iterator[Task]] | None = None

    @property
    def shares(self) -> Mapping[str, float]:
        """See ``Cast``: everyone alike."""
        return {name: 1.0 / len(self.players) for name in self.players}

    @property
    def at_once(self) -> int:
        """See ``Cast``: one here, which nothing would make faster, or one in each worker."""
        return self.workers or 1

    def tasks(self, episodes: int) -> Iterator[Task]:
        """See ``Cast``."""
        return islice(cycle(self.training(episodes)), episodes)

    def fresh_tasks(self, numbers: range) -> Iterator[Task]:
        """See ``Cast``."""
        if self.fresh is None:
            raise ConfigError(
                f"the environment '{self.spec.name}' has no training tasks but those of its panels: "
                "leave --fresh-tasks out"
            )
        return self.fresh(numbers)

    def environment(self, max_turns: int) -> Environment:
        """See ``Cast``."""
        return make_world(replace(self.spec, max_turns=max_turns), self.workers)

    async def play(
        self, id: str, task: Task, player: str, rng: Random, settings: CollectSettings
    ) -> Trajectory:
        """See ``Cast``. What slipped in and was refused is a mistake; what the world accepted was none."""
        spec = replace(self.spec, max_turns=settings.max_turns, show_admissible=True)
        policy = ScriptedPolicy(
            make=self.players[player], slips=Slips(rate=settings.mistake_rate, most=settings.most_mistakes)
        )
        seeds = Seeds(world=int(rng.random() * 2**32), agent=int(rng.random() * 2**32))
        played = await play_episode(make_world(spec, self.workers), policy, task, seeds=seeds, id=id)
        if played.stop_reason.is_failure:
            return played
        slipped = {} if policy.last is None else policy.last.slipped
        mistakes = {turn: kind for turn, kind in slipped.items() if not played.transitions[turn].valid}
        detail = {"player": player, **({"mistakes": mistakes} if mistakes else {})}
        return replace(played, seed=0, detail=json.dumps(detail))
