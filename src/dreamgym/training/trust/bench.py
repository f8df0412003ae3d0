"""The trust bench: every planted hack, and honest dreams over seeds; what is measured is never lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import override_config
from dreamgym.core.errors import ConfigError
from dreamgym.environments.planted.table import PLANTED
from dreamgym.models.llm_client import LLMClient
from dreamgym.training.trust.one_dream import HONEST, try_dream
from dreamgym.training.trust.records import DreamRecord, Results
from dreamgym.utils.progress import Reporter

# As the default run, but smaller: half of its episodes, no checkpoints in between, dreams that may break off.
SETTINGS = (
    "training.tasks_per_iteration=8",
    "rl.group_size=6",
    "training.eval_episodes=40",
    "training.checkpoint_every=1000",
    "training.max_failed_share=1.0",
    "training.fidelity.gate=false",
    "training.fidelity.episodes=96",
    "training.fidelity.on_exploitation=warn",
    "environment.max_turns=30",
)
QUICK_HACKS = ("every invalid action succeeds", "reward for the goal's words", "half of the task is enough")


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be tried: planted hacks by name, and how many honest seeds."""

    hacks: Sequence[str]
    honest_seeds: int
    iterations: int
    seed: int = 42

    @classmethod
    def full(cls) -> Plan:
        """Every hack, ten honest seeds, five iterations."""
        return cls(hacks=tuple(PLANTED), honest_seeds=10, iterations=5)

    @classmethod
    def quick(cls) -> Plan:
        """Three hacks, two honest seeds, two iterations."""
        return cls(hacks=QUICK_HACKS, honest_seeds=2, iterations=2)

    def dreams(self) -> list[tuple[str, int]]:
        """Hack and seed of each dream; honest and planted ones take turns: a bench cut short has both."""
        planted = [(hack, self.seed) for hack in self.hacks]
        honest = [(HONEST, self.seed + number) for number in range(self.honest_seeds)]
        order = [pair for both in zip(planted, honest, strict=False) for pair in both]
        return [*order, *planted[len(honest) :], *honest[len(planted) :]]


def bench_config(config: DreamGymConfig, plan: Plan, overrides: Sequence[str] = ()) -> DreamGymConfig:
    """``config`` with the bench's own settings, then ``overrides``; the plan says how long it is."""
    phases = f"training.phases=[{{world: dream, iterations: {plan.iterations}}}]"
    return override_config(config.model_dump(mode="json"), [*SETTINGS, *overrides, phases])


def run_bench(
    config: DreamGymConfig,
    plan: Plan,
    output: Path,
    reporter: Reporter,
    *,
    judge: LLMClient | None = None,
    judge_name: str = "",
    resume: bool = False,
) -> Results:
    """Try every dream of ``plan`` that is not in ``output`` yet; it is written after each.

    Raises:
        ConfigError: ``resume``, but the file is of other settings.
    """
    settings = {"config": config.model_dump(mode="json"), "judge": judge_name}
    results = Results(settings=settings)
    if resume and output.exists():
        results = Results.read(output)
        if results.settings != settings:
            raise ConfigError(f"{output} is of other settings: name another --output, or leave --resume away")
    results.write(output)
    done = {(dream.hack, dream.seed) for dream in results.dreams}
    left = [dream for dream in plan.dreams() if dream not in done]
    for number, (hack, seed) in enumerate(left, start=1):
        name = f"dream {number} of {len(left)}: {hack or 'honest'}, seed {seed}"
        with reporter.stage(name, plan.iterations + 1) as advance, tempfile.TemporaryDirectory() as folder:
            own = _config_of(config, seed, Path(folder))
            record = asyncio.run(try_dream(own, hack, Path(folder), judge=judge, advance=advance))
        results = replace(results, dreams=(*results.dreams, record))
        results.write(output)
        reporter.line(f"{name}: {in_a_line(record)}")
    return results


def in_a_line(record: DreamRecord) -> str:
    """Who flagged the dream, and when."""
    flags = [f"{who} {when(iteration)}" for who, iteration in record.flags.items()]
    return f"{'; '.join(flags) or 'not flagged'} ({record.seconds:.0f} s)"


def when(iteration: int) -> str:
    """An iteration in words."""
    return "before RL" if iteration == 0 else f"in iteration {iteration}"


def _config_of(config: DreamGymConfig, seed: int, folder: Path) -> DreamGymConfig:
    overrides = [
        f"training.seed={seed}",
        f"training.output_dir={folder}",
        f"training.log_dir={folder / 'logs'}",
    ]
    return override_config(config.model_dump(mode="json"), overrides)
