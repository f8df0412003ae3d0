"""What training, evaluation and the fidelity measurement stand on: models, environment, offline data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import ConfigError, DataError
from dreamgym.environments.dream import Dreamer
from dreamgym.models.closed_world import OPEN_WORLD, ClosedWorld, known_forms, known_things
from dreamgym.models.llm_client import Account, LLMClient, ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.replay_buffer import ExperienceReplayBuffer
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.dreamable import check_dreamable, offline_folder
from dreamgym.training.memory import check_memory
from dreamgym.training.models import environment_client, experience_client, load_policy, model_name
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.policy import LocalPolicy
from dreamgym.utils.seeds import derive_seed

EVALUATION_PANEL = "valid"


def check_available(config: DreamGymConfig) -> None:
    """Raise what would stop a run right after its folder was begun: no such environment, model or data."""
    open_domain(config.environment)
    if (games := config.environment.data_dir) is not None and not games.is_dir():
        raise ConfigError(
            f"environment.data_dir is {games}, wanted a folder that holds alfworld/*.jsonl.xz, webshop/, …"
        )
    if (logins := config.environment.auth_dir) is not None and not logins.is_dir():
        raise ConfigError(
            f"environment.auth_dir is {logins}, wanted the folder that auto_login.py has filled"
        )
    model_name(config.policy_model.name, "policy")
    if _is_dreamed(config):
        check_dreamable(config)
    if ":" not in config.reasoning_model.name:
        model_name(config.reasoning_model.name, "experience")
    check_memory(config)
    for split in ("train", "heldout"):
        next(offline_trajectories(config, split), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounds:
    """What training, evaluation and the fidelity measurement all stand on.

    ``asked`` is the model that the environment asks, if any; ``account`` is that of all calls to hosted ones.
    """

    domain: Domain
    policy: LocalPolicy
    buffer: ExperienceReplayBuffer
    dream: Dreamer
    world: ClosedWorld
    client: LLMClient
    asked: LLMClient | None
    account: Account
    offline: Sequence[Trajectory]
    heldout: Sequence[Trajectory]


@contextlib.contextmanager
def open_grounds(
    config: DreamGymConfig, buffer_path: Path | None = None, *, fresh: bool = False, dream: bool = False
) -> Iterator[Grounds]:
    """The models, the environment and the offline data; the buffer is in memory without a path.

    ``dream``: somebody will, whether or not the run's own rollouts are dreamed.

    Raises:
        ConfigError: the buffer shall be ``fresh``, but its file holds experiences of an earlier run.
    """
    if dream or _is_dreamed(config):
        check_dreamable(config)
    account = Account(config.llm)
    asked = environment_client(config, account)
    domain = open_domain(config.environment, asked)
    policy = load_policy(config.policy_model, seed=derive_seed(config.training.seed, "policy"))
    offline = list(offline_trajectories(config, "train"))
    client = _dreaming(config, account)
    buffer = build_buffer(config, domain, buffer_path)
    world = closed_world(config, domain, offline)
    with contextlib.closing(buffer):
        if fresh and len(buffer):
            raise ConfigError(
                f"buffer.path: {buffer_path} holds {len(buffer):,} experiences of an earlier run, which "
                "would ground this one's dreams: name another file, or continue that run with --resume"
            )
        buffer.add_trajectories(offline)
        yield Grounds(
            domain=domain,
            policy=policy,
            buffer=buffer,
            dream=ReasoningExperienceModel(
                config.reasoning_model, client, retriever=buffer, world=world, view=domain.view
            ),
            world=world,
            client=client,
            asked=asked,
            account=account,
            offline=offline,
            heldout=list(offline_trajectories(config, "heldout")),
        )


def _is_dreamed(config: DreamGymConfig) -> bool:
    """Whether anything of a run is: its rollouts or, where data grounds a dream, its evaluations."""
    return config.dreams or offline_folder(config) is not None


def _dreaming(config: DreamGymConfig, account: Account) -> LLMClient:
    """Who dreams; nobody where nothing is dreamed and no data would ground it."""
    if not _is_dreamed(config):
        return ScriptedClient({})
    return experience_client(config.reasoning_model, config.llm, account)


def open_dream(config: DreamGymConfig) -> ReasoningExperienceModel:
    """The experience model alone, grounded in the offline data."""
    check_dreamable(config)
    domain = open_domain(config.environment)
    buffer = build_buffer(config, domain, None)
    offline = list(offline_trajectories(config, "train"))
    buffer.add_trajectories(offline)
    return ReasoningExperienceModel(
        config.reasoning_model,
        experience_client(config.reasoning_model, config.llm),
        retriever=buffer,
        world=closed_world(config, domain, offline),
        view=domain.view,
    )


def build_buffer(config: DreamGymConfig, domain: Domain, path: Path | None) -> ExperienceReplayBuffer:
    """The replay buffer, deaf to the tasks that are evaluated on."""
    return ExperienceReplayBuffer(
        config.buffer.model_copy(update={"path": path}),
        evaluation_tasks={task.id for task in domain.panels(EVALUATION_PANEL, None)},
        rng=Random(derive_seed(config.training.seed, "buffer")),
    )


def closed_world(config: DreamGymConfig, domain: Domain, offline: Sequence[Trajectory]) -> ClosedWorld:
    """What the offline data has shown of the world; what it shows nothing of is open."""
    if not config.reasoning_model.closed_world:
        return OPEN_WORLD
    things = known_things(domain.hindsight(trajectory) for trajectory in offline)
    return ClosedWorld(forms=known_forms(offline) or None, things=things or None)


def offline_trajectories(config: DreamGymConfig, split: str) -> Iterator[Trajectory]:
    """The real trajectories that ground the dream, or those held out to measure it; none without a folder.

    Raises:
        DataError: they cannot be read, or hold what is evaluated on or another environment's.
    """
    folder = offline_folder(config)
    if folder is None:
        return
    path = folder / f"{split}.jsonl.gz"
    for number, trajectory in enumerate(read_trajectories(path), start=1):
        if trajectory.task.split.startswith("valid"):
            raise DataError(
                f"{path}, line {number}: plays {trajectory.task.id} of the split {trajectory.task.split!r}, "
                "which is evaluated on: take it out"
            )
        if trajectory.task.environment != config.environment.name:
            raise DataError(
                f"{path}, line {number}: plays the environment {trajectory.task.environment!r}, wanted "
                f"{config.environment.name!r}: name its own data in environment.offline_data"
            )
        yield trajectory
