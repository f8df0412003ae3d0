"""``python -m dreamgym.training.train``, the same as ``dreamgym train``: RL in the dream, proof outside."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamgym.core.config import DreamGymConfig
from dreamgym.core.errors import ConfigError, DreamGymError
from dreamgym.training.manifest import latest_checkpoint
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.settings import TRACES, RunFlags, resolve
from dreamgym.utils.commands import INTERRUPTED, explained
from dreamgym.utils.interrupts import terminated_like_interrupted

if TYPE_CHECKING:
    from dreamgym.training.grounds import Grounds
    from dreamgym.training.trainer import Trainer
    from dreamgym.utils.progress import Reporter


@explained
def train(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings as section.key=value, such as rl.clip=0.1.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file; default: configs/default.yaml.")] = None,
    env: Annotated[
        str | None, typer.Option(help="Environment, and its preset where --config is not given.")
    ] = None,
    num_iterations: Annotated[
        int | None, typer.Option(min=1, help="Iterations in all; phases keep their proportions.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Trajectories per iteration, a multiple of rl.group_size.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    use_wandb: Annotated[
        bool, typer.Option("--use-wandb", help="Log to Weights & Biases, offline without a key.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in training.output_dir.")
    ] = False,
    traces: Annotated[
        list[Path] | None,
        typer.Option(help="Your own traces: a file (repeat for more), or a folder of ingested ones."),
    ] = None,
    fit_steps: Annotated[
        int | None, typer.Option(min=1, help="With --traces: steps of each model's fit on them.")
    ] = None,
    allow_low_fidelity: Annotated[
        bool, typer.Option("--allow-low-fidelity", help="Train even in a dream below the fidelity gate.")
    ] = False,
) -> None:
    """Train an agent in a dream of its environment, then show it in the real one.

    \b
    Examples:
      dreamgym train
      dreamgym train --config configs/debug.yaml
      dreamgym train --env alfworld --num-iterations 100 --batch-size 64 --seed 42
      dreamgym train --resume
      dreamgym train rl.algorithm=ppo training.output_dir=data/checkpoints/ppo
      dreamgym train --traces chats.jsonl training.output_dir=data/checkpoints/chats
    """
    flags = RunFlags(
        config=config,
        env=_environment(env, traces),
        num_iterations=num_iterations,
        batch_size=batch_size,
        seed=seed,
        use_wandb=use_wandb,
        allow_low_fidelity=allow_low_fidelity,
        overrides=overrides or (),
    )
    if fit_steps and not traces:
        raise ConfigError("--fit-steps is for a run on --traces; other models are fitted with `dreamgym fit`")
    resolved = resolve(flags)
    if traces:
        from dreamgym.training.traces.prepare import prepare
        from dreamgym.utils.progress import make_reporter

        with terminated_like_interrupted():
            resolved = prepare(resolved, traces, make_reporter(), steps=fit_steps)
    run_training(resolved, resume=resume)


def _environment(env: str | None, traces: list[Path] | None) -> str | None:
    """The environment to train for: that of the traces where there are some."""
    if traces and env not in (None, TRACES):
        raise ConfigError(f"--env {env} and --traces: traces are an environment of their own, give one")
    return TRACES if traces else env


def run_training(config: DreamGymConfig, *, resume: bool = False) -> None:
    """Start or continue the run in ``training.output_dir`` and print what came of it."""
    from rich.console import Console

    from dreamgym.training.advice import advice
    from dreamgym.training.grounds import check_available
    from dreamgym.training.summary import print_summary, summarise
    from dreamgym.utils import atomic
    from dreamgym.utils.progress import make_reporter

    reporter = make_reporter()
    check_available(config)
    for doubt in advice(config):
        reporter.line(f"note: {doubt}")
    with RunFolder(config.training.output_dir) as folder, terminated_like_interrupted():
        checkpoint = folder.resume() if resume else None
        if resume:
            reporter.line(
                f"continuing from {checkpoint}" if checkpoint else "no checkpoint yet: from the start"
            )
        with (
            _opened(config, folder, reporter, checkpoint, resume=resume) as (trainer, grounds),
            _spending_logged(trainer),
        ):
            if checkpoint is None and config.dreams:
                _pass_the_gate(trainer, grounds)
            best = _train(trainer)
        summary = summarise(folder, best)
        atomic.write_json(folder.path / "summary.json", summary)
        print_summary(summary, folder, config.training.log_dir, Console())


@contextlib.contextmanager
def _opened(
    config: DreamGymConfig, folder: RunFolder, reporter: Reporter, checkpoint: Path | None, *, resume: bool
) -> Iterator[tuple[Trainer, Grounds]]:
    """The parts of the run; where they cannot be made, an earlier run in its folder stays where it was."""
    from dreamgym.training.build import open_run

    earlier = None if resume else folder.start(config)
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(open_run(config, folder, reporter, checkpoint, fresh=not resume))
        except BaseException:
            if not resume:
                folder.put_back(earlier)
            raise
        if earlier is not None:
            reporter.line(f"an earlier run was moved to {earlier}")
        yield opened


@contextlib.contextmanager
def _spending_logged(trainer: Trainer) -> Iterator[None]:
    """What was spent is spent, whatever became of it."""
    try:
        yield
    except DreamGymError:
        trainer.log_usage()
        raise


def _pass_the_gate(trainer: Trainer, grounds: Grounds) -> None:
    """Measure how far the dream can be trusted; below the gate nothing begins."""
    from dreamgym.training.gate import check_dream, report_metrics
    from dreamgym.training.traces.fidelity import check_traces

    trainer.reporter.line("measuring how far the dream can be trusted")
    started = time.monotonic()
    config, output = trainer.config, trainer.folder.path / "fidelity.json"
    try:
        if grounds.domain.replay is None:
            measured = check_traces(config, grounds, output, trainer.reporter)
        else:
            measured = report_metrics(check_dream(config, grounds, output, trainer.reporter))
    except KeyboardInterrupt:
        print(
            "interrupted before the first iteration: the same command with --resume begins again",
            file=sys.stderr,
        )
        raise SystemExit(INTERRUPTED) from None
    times = {"time/gate": time.monotonic() - started}
    trainer.metrics.log(0, {**measured, **times, **trainer.newly_used()})


def _train(trainer: Trainer) -> Path:
    """Run the loop; whatever ends it early, say what is saved and how to go on."""
    try:
        return asyncio.run(trainer.train())
    except KeyboardInterrupt:
        saved = trainer.save_interrupted() or latest_checkpoint(trainer.folder.path)
        print(f"interrupted: {saved} is saved, the same command with --resume continues", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except (DreamGymError, OSError):  # a full disk may stop any write
        saved = latest_checkpoint(trainer.folder.path)
        left = f"the last checkpoint is {saved}" if saved else "no checkpoint is written yet"
        print(f"stopped after iteration {trainer.finished}; {left}", file=sys.stderr)
        raise


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command()(train)

if __name__ == "__main__":
    app(prog_name="python -m dreamgym.training.train")
