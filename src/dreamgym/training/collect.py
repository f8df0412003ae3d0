"""Offline data: players of every strength in the real engine, with labelled mistakes among their turns.

What the experience model has not seen it believes, so the data holds every kind of invalid command. Mistakes
leave the world as it is; the engine itself is the one that calls them invalid. A recorded trajectory holds
what an agent sees and no more; who played and which turns are inserted mistakes stands in its ``detail``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.core.errors import ConfigError
from dreamgym.environments.alfworld.engine import World
from dreamgym.environments.alfworld.env import AlfworldEnv
from dreamgym.environments.alfworld.mistakes import draw_mistake
from dreamgym.environments.alfworld.notes import NOTHING, Notes
from dreamgym.environments.alfworld.panels import game_of, scene_of
from dreamgym.environments.alfworld.players import PLAYERS, Player
from dreamgym.environments.alfworld.situation import Situation
from dreamgym.training.rollout import Seeds, play_episode
from dreamgym.utils.draws import draw
from dreamgym.utils.seeds import derive_seed

if TYPE_CHECKING:
    from dreamgym.training.policy import Policy

POLICY = "policy"
SCRIPTED = {"expert": 0.2, "explorer": 0.2, "weak": 0.25, "tinkerer": 0.15, "random": 0.05}
SHARES = {**SCRIPTED, POLICY: 0.15}  # what the policy does wrong, no script does
POLICY_CHUNK = 128  # episodes of the policy that play at once


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectSettings:
    """How to play. ``mistake_rate``: the chance, at each state, of 1 to ``most_mistakes`` mistakes there."""

    shares: Mapping[str, float] = field(default_factory=lambda: SCRIPTED)
    mistake_rate: float = 0.22
    most_mistakes: int = 3
    max_turns: int = 50

    def __post_init__(self) -> None:
        known = (*PLAYERS, POLICY)
        for name, share in self.shares.items():
            if name not in known:
                raise ConfigError(f"no player {name!r}: choose among {', '.join(known)}")
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


def collect_trajectories(
    tasks: Iterable[Task],
    settings: CollectSettings,
    *,
    seed: int,
    policy: Policy | None = None,
    label: str = "offline",
    data_dir: Path | None = None,
) -> Iterator[Trajectory]:
    """One trajectory per task, in order; who plays it is drawn from ``settings.shares``.

    Raises:
        ConfigError: the policy has a share, but there is no policy.
    """
    if settings.shares.get(POLICY) and policy is None:
        raise ConfigError("the share of 'policy' is not 0, but no policy was given")
    weights = {name: round(share * 1_000_000) for name, share in settings.shares.items()}
    numbered = iter(enumerate(tasks))
    while chunk := list(islice(numbered, POLICY_CHUNK)):
        drawn = [(n, task, draw(Random(derive_seed(seed, label, n, "player")), weights)) for n, task in chunk]
        by_policy = [(n, task) for n, task, player in drawn if player == POLICY]
        if by_policy and policy is not None:
            played = iter(asyncio.run(_play_policy(by_policy, policy, settings, seed, label, data_dir)))
        for number, task, player in drawn:
            if player == POLICY:
                yield next(played)
            else:
                rng = Random(derive_seed(seed, label, number))
                yield _play_script(f"{label}-{number:06d}", task, player, rng, settings, data_dir)


def player_of(trajectory: Trajectory) -> str:
    """Who played it; empty for logs that were not collected here."""
    return str(_collected(trajectory).get("player", ""))


def mistakes_of(trajectory: Trajectory) -> dict[int, str]:
    """The turns that are inserted mistakes, and their kinds."""
    return {int(turn): kind for turn, kind in _collected(trajectory).get("mistakes", {}).items()}


def _collected(trajectory: Trajectory) -> dict[str, Any]:
    """What ``collect`` wrote down about it."""
    try:
        about = json.loads(trajectory.detail)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def without_mistakes(trajectory: Trajectory) -> Trajectory:
    """The player's own turns alone, for cloning it.

    Each state is the answer to its own turn before, not the refusal of a mistake in between.
    """
    inserted = mistakes_of(trajectory)
    turns: list[Transition] = []
    state = trajectory.transitions[0].state
    for index, turn in enumerate(trajectory.transitions):
        if index not in inserted:
            turns.append(replace(turn, state=state))
            state = turn.next_state
    return replace(trajectory, transitions=tuple(turns), detail=json.dumps({"player": player_of(trajectory)}))


def is_heldout(task: Task, share: float = 0.1) -> bool:
    """Whether the task's scene, with all its tasks, is kept out of training."""
    number = int.from_bytes(hashlib.sha256(scene_of(task).encode()).digest()[:4], "big")
    return number < share * 2**32


@dataclass(slots=True)
class _Episode:
    """A scripted episode while it is played."""

    world: World
    player: Player
    truth: Notes
    turns: list[Transition] = field(default_factory=list)
    mistakes: dict[int, str] = field(default_factory=dict)
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


def _play_script(
    id: str, task: Task, name: str, rng: Random, settings: CollectSettings, data_dir: Path | None
) -> Trajectory:
    game = game_of(task, data_dir)
    episode = _Episode(world=World(game), player=PLAYERS[name](game, rng), truth=Notes.of_game(game))
    episode.begin()
    past: list[str] = []
    situation = Situation(game=game, truth=episode.truth, past=past, rng=rng)
    while len(episode.turns) < settings.max_turns and not episode.won:
        _insert_mistakes(episode, situation, settings)
        if len(episode.turns) < settings.max_turns:
            command = episode.player.choose(episode.world.admissible)
            episode.act(command, is_last=len(episode.turns) + 1 == settings.max_turns)
            if episode.state != NOTHING:
                past.append(command)
    detail: dict[str, object] = {"player": name}
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


def _insert_mistakes(episode: _Episode, situation: Situation, settings: CollectSettings) -> None:
    rng = situation.rng
    if rng.random() >= settings.mistake_rate:
        return
    for _ in range(1 + int(rng.random() * settings.most_mistakes)):
        if len(episode.turns) < settings.max_turns:
            kind, command = draw_mistake(episode.world, situation)
            episode.mistakes[len(episode.turns)] = kind
            episode.act(command, is_last=len(episode.turns) + 1 == settings.max_turns)


async def _play_policy(
    numbered: Sequence[tuple[int, Task]],
    policy: Policy,
    settings: CollectSettings,
    seed: int,
    label: str,
    data_dir: Path | None,
) -> list[Trajectory]:
    """Episodes of the policy, together; its mistakes are its own."""

    async def play(number: int, task: Task) -> Trajectory:
        environment = AlfworldEnv(settings.max_turns, data_dir)
        seeds = Seeds(world=0, agent=derive_seed(seed, label, number))
        played = await play_episode(environment, policy, task, seeds=seeds, id=f"{label}-{number:06d}")
        turns = tuple(replace(turn, action=Action(text=turn.action.text)) for turn in played.transitions)
        return replace(played, transitions=turns, detail=json.dumps({"player": POLICY}))

    async with asyncio.TaskGroup() as running:
        plays = [running.create_task(play(number, task)) for number, task in numbered]
    return [done.result() for done in plays]
