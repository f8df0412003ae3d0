"""The composition root: from a configuration to the parts of a run. Names become classes here alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import override_config
from dreamgym.core.data_structures import Origin, Task, Trajectory
from dreamgym.core.errors import ConfigError
from dreamgym.environments.dream import DreamFactory
from dreamgym.models.curriculum_generator import CurriculumTaskGenerator
from dreamgym.models.embedding import make_embedder
from dreamgym.models.llm_client import LLMClient, Usage, make_client
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.training.audit import ConsistencyAuditor, ReplayAuditor
from dreamgym.training.checkpoints import read_checkpoint
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.drift import Drift
from dreamgym.training.evaluation import Bout, PanelEvaluator
from dreamgym.training.grounds import EVALUATION_PANEL, Grounds, open_grounds
from dreamgym.training.grpo import GRPO
from dreamgym.training.known_sheets import with_known_sheets
from dreamgym.training.llm_metrics import logged_usage
from dreamgym.training.loggers import open_loggers
from dreamgym.training.manifest import read_manifest
from dreamgym.training.models import environment_client, experience_client, load_policy
from dreamgym.training.parts import Algorithm, Auditor, NoAudit, Parts
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.ppo import PPO
from dreamgym.training.rollout import EnvironmentFactory
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.trainer import Trainer
from dreamgym.training.win_rules import WinRules
from dreamgym.utils.metrics import MetricsLog
from dreamgym.utils.progress import Reporter
from dreamgym.utils.seeds import derive_seed

BY_RULES = "rules"
ALGORITHMS: dict[str, Callable[..., Algorithm]] = {"grpo": GRPO, "ppo": PPO}


@contextlib.contextmanager
def open_run(
    config: DreamGymConfig,
    folder: RunFolder,
    reporter: Reporter,
    checkpoint: Path | None = None,
    *,
    fresh: bool,
) -> Iterator[tuple[Trainer, Grounds]]:
    """The trainer of a run that begins, or continues at ``checkpoint``; its files are closed at the end.

    A ``fresh`` run begins with an empty buffer; one that was stopped before its first checkpoint is not.
    """
    finished = None if checkpoint is None else read_manifest(checkpoint).iteration
    path = config.buffer.path or folder.path / "experiences.sqlite"
    with open_grounds(config, path, fresh=fresh) as grounds:
        metrics = MetricsLog(folder.metrics, open_loggers(config, folder.path, finished=finished))
        with contextlib.closing(metrics):
            trainer = Trainer(
                config=config,
                parts=build_parts(config, grounds, folder, reporter),
                folder=folder,
                metrics=metrics,
                reporter=reporter,
            )
            grounds.account.spend(logged_usage(folder.metrics))
            if checkpoint is not None:
                trainer.resume(checkpoint)
            yield trainer, grounds


def build_parts(config: DreamGymConfig, grounds: Grounds, folder: RunFolder, reporter: Reporter) -> Parts:
    """The trainer's collaborators, at their start."""
    domain = grounds.domain
    dream = DreamFactory(grounds.dream, max_turns=config.environment.dream_max_turns, over=domain.over)
    real = {} if domain.make_real is None else {Origin.REAL: domain.make_real}
    clients = {"experience_model": grounds.client}
    if grounds.asked is not None:
        clients[config.environment.client_role] = grounds.asked
    if config.curriculum.name != BY_RULES:
        clients["curriculum"] = make_client(config.curriculum.name, config.llm, account=grounds.account)
    curriculum = build_curriculum(config, domain, grounds.offline, clients.get("curriculum"))
    return Parts(
        policy=grounds.policy,
        algorithm=build_algorithm(config, grounds.policy),
        curriculum=curriculum,
        replay_buffer=grounds.buffer,
        worlds={Origin.DREAMED: dream, **real},
        auditor=build_auditor(config, grounds, clients, reporter),
        evaluator=build_evaluator(config, grounds, folder, reporter),
        dream_tokens=lambda: computed_tokens(grounds.client.usage),
        invent=curriculum.invent,
        usages=lambda: {component: client.usage for component, client in clients.items()},
    )


@contextlib.contextmanager
def open_evaluation(
    checkpoint: Path,
    overrides: Sequence[str],
    *,
    panel: str,
    num_episodes: int | None,
    dream: bool,
    reporter: Reporter,
) -> Iterator[tuple[Bout, LocalPolicy, DreamGymConfig]]:
    """A checkpoint's policy, and the bout it is to play: in a dream the one that ``build_evaluator`` has."""
    found = read_checkpoint(checkpoint)
    try:
        config = override_config(found.config, overrides)
    except ConfigError as error:
        raise ConfigError(f"the configuration in {checkpoint}: {error}") from None
    with contextlib.ExitStack() as open_files:
        if dream:
            grounds = open_files.enter_context(open_grounds(config, dream=True))
            found.restore({"replay_buffer": grounds.buffer})
            domain, policy = grounds.domain, grounds.policy
        else:
            domain = open_domain(config.environment, environment_client(config))
            policy = load_policy(config.policy_model)
        found.restore({"policy": policy})
        tasks = domain.panels(panel, num_episodes or config.training.eval_episodes)
        bout = (
            _dreamed_bout(config, grounds, tasks, reporter) if dream else _real_bout(tasks, domain.real_world)
        )
        yield bout, policy, config


def build_auditor(
    config: DreamGymConfig, grounds: Grounds, clients: dict[str, LLMClient], reporter: Reporter
) -> Auditor:
    """Who watches the dreams; a second opinion is the same model, sampled, without retrieved experiences.

    Its client joins the run's ``clients``.
    """
    fidelity = config.training.fidelity
    if fidelity.audit_share == 0.0 or not (config.dreams or grounds.offline):
        return NoAudit()
    with reporter.stage("logged turns, to tell how far dreams are from them", 1):
        drift = Drift(make_embedder(config.buffer), grounds.offline)
    # Where actions have no fixed forms, what wins had in common in their words says nothing.
    rules = WinRules(grounds.offline if config.reasoning_model.closed_world else ())
    if fidelity.audit == "replay":
        if grounds.domain.replay is None:
            raise ConfigError(
                f"training.fidelity.audit is replay, but no rules of '{grounds.domain.name}' play a dream "
                "again: set it to consistency"
            )
        if grounds.domain.replays_truth and config.curriculum.difficulty_increment:
            raise ConfigError(
                "training.fidelity.audit is replay, but the tasks that the curriculum makes are of no real "
                f"world of '{grounds.domain.name}': set curriculum.difficulty_increment=0, or the audit to "
                "consistency"
            )
        return ReplayAuditor(fidelity, drift, rules, grounds.domain.replay)
    second, clients["second_opinion"] = second_opinion(config, grounds)
    return ConsistencyAuditor(fidelity, second, drift, rules, grounds.domain.contradiction)


def second_opinion(config: DreamGymConfig, grounds: Grounds) -> tuple[ReasoningExperienceModel, LLMClient]:
    """The same experience model, sampled and without retrieved experiences, and the client it asks."""
    other = config.reasoning_model.model_copy(update={"top_k": 0, "temperature": 1.0})
    client = experience_client(other, config.llm, grounds.account)
    model = ReasoningExperienceModel(other, client, world=grounds.world, view=grounds.domain.view)
    return model, client


def build_algorithm(config: DreamGymConfig, policy: LocalPolicy) -> Algorithm:
    """PPO or GRPO."""
    seed = derive_seed(config.training.seed, "algorithm")
    return ALGORITHMS[config.rl.algorithm](config.rl, policy, seed=seed)


def build_curriculum(
    config: DreamGymConfig,
    domain: Domain,
    offline: Sequence[Trajectory],
    llm_client: LLMClient | None = None,
) -> CurriculumTaskGenerator:
    """The curriculum over the training panel; ``llm_client`` varies its tasks, else the rules do."""
    return CurriculumTaskGenerator(
        config.curriculum,
        with_known_sheets(domain, domain.panels("train", None), offline),
        variator=domain.variator,
        embedder=make_embedder(config.buffer),
        rng=Random(derive_seed(config.training.seed, "curriculum")),
        llm_client=llm_client,
    )


def build_evaluator(
    config: DreamGymConfig, grounds: Grounds, folder: RunFolder, reporter: Reporter
) -> PanelEvaluator:
    """Unseen tasks for real, and every second of them in a dream that is given their true sheets.

    The difference is what the dream flatters: same tasks, same turn limit, same hidden state (a dream of
    plain history keeps none). What is nowhere else than in its trajectories is evaluated in the dream alone,
    and for real alone what no offline data grounds a dream of.
    """
    domain = grounds.domain
    tasks = domain.panels(EVALUATION_PANEL, config.training.eval_episodes)
    bouts = []
    if domain.make_real is not None:
        bouts.append(_real_bout(tasks, domain.make_real))
    if grounds.offline or config.dreams:
        bouts.append(_dreamed_bout(config, grounds, tasks[:: len(bouts) + 1], reporter))
    return PanelEvaluator(
        bouts=bouts,
        folder=folder,
        reporter=reporter,
        seed=config.training.seed,
        concurrency=config.training.concurrency,
        max_failed_share=config.training.max_failed_share,
    )


def _real_bout(tasks: Sequence[Task], make_environment: EnvironmentFactory) -> Bout:
    origin = Origin.REAL
    return Bout(name=origin.value, tasks=tasks, make_environment=make_environment, origin=origin)


def _dreamed_bout(
    config: DreamGymConfig, grounds: Grounds, tasks: Sequence[Task], reporter: Reporter
) -> Bout:
    """``tasks`` in a dream that is given their true sheets, with the turns that the real world gives."""
    return Bout(
        name=Origin.DREAMED.value,
        tasks=_with_true_sheets(grounds.domain, tasks, reporter),
        make_environment=DreamFactory(
            grounds.dream, max_turns=config.environment.max_turns, over=grounds.domain.over
        ),
        origin=Origin.DREAMED,
    )


def _with_true_sheets(domain: Domain, tasks: Sequence[Task], reporter: Reporter) -> list[Task]:
    """``tasks``, each with all that there is to know of its world; the site takes a second for it."""
    known = []
    with reporter.stage("true sheets, to evaluate the dream by", len(tasks)) as advance:
        for task in tasks:
            known.append(replace(task, sheet=domain.true_sheet(task)))
            advance()
    return known


def computed_tokens(usage: Usage) -> int:
    """Tokens that went through the model: written, and read without those still in the cache."""
    return usage.prompt_tokens - usage.cached_tokens + usage.completion_tokens
