"""ALFWorld's players in its own engine, with labelled mistakes of every kind among their turns.

Mistakes leave the world as it is; the engine itself is the one that calls them invalid.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.env import AlfworldEnv
from dreamgym.environments.alfworld.mistakes import draw_mistake
from dreamgym.environments.alfworld.notes import NOTHING, Notes
from dreamgym.environments.alfworld.panels import SIZES, TASKS_PER_SCENE, game_of, generated_tasks
from dreamgym.environments.alfworld.players import PLAYERS, Player
from dreamgym.environments.alfworld.situation import Situation
from dreamgym.environments.base_env import Environment
from dreamgym.training.cast import POLICY, USUAL_SHARES, CollectSettings


@dataclass(frozen=True, slots=True)
class Household:
    """The cast of ALFWorld; ``data_dir`` is needed for official games."""

    data_dir: Path | None = None
    at_once: int = 128
    shares: Mapping[str, float] = field(default_factory=lambda: {**USUAL_SHARES, POLICY: 0.15})

    def tasks(self, episodes: int) -> Iterator[Task]:
        """See ``Cast``. The first thousand are those of the panel ``train``."""
        return islice(generated_tasks(0, per_scene=TASKS_PER_SCENE["train"]), episodes)

    def fresh_tasks(self, numbers: range) -> Iterator[Task]:
        """See ``Cast``."""
        listed = SIZES["train"]
        every = generated_tasks(0, per_scene=TASKS_PER_SCENE["train"])
        return islice(every, listed + numbers.start, listed + numbers.stop)

    def environment(self, max_turns: int) -> Environment:
        """See ``Cast``."""
        return AlfworldEnv(max_turns, self.data_dir)

    async def play(
        self, id: str, task: Task, player: str, rng: Random, settings: CollectSettings
    ) -> Trajectory:
        """See ``Cast``."""
        game = game_of(task, self.data_dir)
        episode = _Episode(world=World(game), player=PLAYERS[player](game, rng), truth=Notes.of_game(game))
        episode.begin()
        situation = Situation(game=game, truth=episode.truth, past=episode.past, rng=rng)
        while len(episode.turns) < settings.max_turns and not episode.won:
            _insert_mistakes(episode, situation, settings)
            if len(episode.turns) < settings.max_turns:
                command = episode.player.choose(episode.world.admissible)
                episode.act(command, is_last=len(episode.turns) + 1 == settings.max_turns)
                if episode.state != NOTHING:
                    episode.past.append(command)
        detail: dict[str, object] = {"player": player}
        if episode.mistakes:
            detail["mistakes"] = episode.mistakes
        return Trajectory(
            id=id,
            task=task,
            origin=Origin.REAL,
            transitions=tuple(episode.turns),
            stop_reason=StopReason.TERMINATED if episode.won else StopReason.TURN_LIMIT,
            detail=json.dumps(detail),
        )


@dataclass(slots=True)
class _Episode:
    """A scripted episode while it is played; ``past`` are the commands that worked."""

    world: World
    player: Player
    truth: Notes
    turns: list[Transition] = field(default_factory=list)
    mistakes: dict[int, str] = field(default_factory=dict)
    past: list[str] = field(default_factory=list)
    state: str = ""
    won: bool = False

    def begin(self) -> None:
        self._tell("", self.world.reset())

    def act(self, command: str, *, is_last: bool) -> None:
        """One turn."""
        outcome = self.world.step(command)
        self.turns.append(
            Transition(
                state=self.state,
                action=Action(text=command),
                reward=float(outcome.won),
                next_state=outcome.observation,
                terminated=outcome.done,
                truncated=is_last and not outcome.done,
                valid=outcome.observation != NOTHING,
            )
        )
        self.won = outcome.won
        self._tell(command, outcome.observation)

    def _tell(self, command: str, observation: str) -> None:
        self.state = observation
        self.truth.read(command, observation)
        self.player.see(command, observation)


def _insert_mistakes(episode: _Episode, situation: Situation, settings: CollectSettings) -> None:
    rng = situation.rng
    if rng.random() >= settings.mistake_rate:
        return
    for _ in range(1 + int(rng.random() * settings.most_mistakes)):
        if len(episode.turns) < settings.max_turns:
            kind, command = draw_mistake(episode.world, situation)
            episode.mistakes[len(episode.turns)] = kind
            episode.act(command, is_last=len(episode.turns) + 1 == settings.max_turns)
