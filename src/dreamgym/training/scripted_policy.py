"""Scripted players in the place of a policy, so that rollouts play them like any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from dreamgym.core.data_structures import Action, Task
from dreamgym.environments.base_env import Observation
from dreamgym.environments.players import Player, PlayerMaker, draw_slip
from dreamgym.utils.seeds import derive_seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Slips:
    """``rate``: the chance, at each state, of 1 to ``most`` plausible mistakes before the player goes on."""

    rate: float = 0.0
    most: int = 1


@dataclass(slots=True)
class ScriptedAgent:
    """One episode of a player; ``slipped`` are the turns at which a mistake was slipped in, by kind."""

    player: Player
    rng: Random
    slips: Slips
    slipped: dict[int, str] = field(default_factory=dict)
    _past: list[str] = field(default_factory=list)
    _due: int = 0
    _behind: Observation | None = None

    async def act(self, observation: Observation) -> Action:
        """See ``Agent``. The player hears nothing of slips: a world that refuses one stays as it was."""
        seen = self._behind or observation
        if self._behind is None and self.rng.random() < self.slips.rate:
            self._due = 1 + int(self.rng.random() * self.slips.most)
        if self._due:
            self._due, self._behind = self._due - 1, seen
            self.slipped[len(self._past)], text = draw_slip(seen, self._past, self.rng)
        else:
            self._behind, text = None, self.player.act(seen)
        self._past.append(text)
        return Action(text=text)

    def close(self) -> None:
        """See ``Agent``."""


@dataclass(slots=True)
class ScriptedPolicy:
    """Starts a player for every episode."""

    make: PlayerMaker
    slips: Slips = field(default_factory=Slips)
    version: int = 0
    last: ScriptedAgent | None = None

    def start(self, task: Task, seed: int) -> ScriptedAgent:
        """See ``Policy``."""
        player = self.make(task, Random(derive_seed(seed, "player")))
        self.last = ScriptedAgent(player=player, rng=Random(derive_seed(seed, "slips")), slips=self.slips)
        return self.last
