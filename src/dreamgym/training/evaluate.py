"""``python -m dreamgym.training.evaluate``, the same as ``dreamgym evaluate``: a checkpoint on a panel."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamgym.core.data_structures import Task, Trajectory
from dreamgym.utils.commands import INTERRUPTED, check_output, explained

if TYPE_CHECKING:  # these import torch; --help does not need it
    from dreamgym.core.config import TrainingConfig
    from dreamgym.training.evaluation import Bout, Evaluation
    from dreamgym.training.policy import Policy
    from dreamgym.utils.progress import Advance


@explained
def evaluate(
    checkpoint: Annotated[Path, typer.Option(help="Manifest of a checkpoint, policy_iter_0100.json.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="SECTION.KEY=VALUE", help="Settings, such as environment.max_turns=30."),
    ] = None,
    env: Annotated[str | None, typer.Option(help="Environment; default: the checkpoint's.")] = None,
    num_episodes: Annotated[
        int | None, typer.Option(min=1, help="Tasks of the panel; default: training.eval_episodes.")
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Times that each task is played; pass^k is told from two on.")
    ] = 1,
    output: Annotated[Path, typer.Option(help="Results as JSON; the episodes go beside it, as text.")] = Path(
        "results/eval_results.json"
    ),
    panel: Annotated[
        str, typer.Option(help="Pinned panel: valid, train, or the official valid_seen.")
    ] = "valid",
    seed: Annotated[int, typer.Option(help="Seed of the policy's sampling.")] = 0,
    dream: Annotated[
        bool,
        typer.Option(
            "--dream", help="Play in the dream, which is given the tasks' true sheets, not in the real world."
        ),
    ] = False,
) -> None:
    """Measure a checkpoint: success with its interval, by task type, and every episode as text.

    Ctrl-C keeps the episodes that have ended; short ones end first, so they are no figure of the panel.

    \b
    Examples:
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0020.json
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0100.json --env alfworld --num-episodes 20
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0020.json --panel valid_seen
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0020.json --num-episodes 20 --trials 8
    """
    from dreamgym.training.build import open_evaluation
    from dreamgym.training.episode_text import episodes_text
    from dreamgym.utils import atomic
    from dreamgym.utils.progress import make_reporter

    check_output(output)
    reporter, started = make_reporter(), time.monotonic()
    chosen = [*([f"environment.name={env}"] if env else []), *(overrides or ())]
    opened = open_evaluation(
        checkpoint, chosen, panel=panel, num_episodes=num_episodes, dream=dream, reporter=reporter
    )
    with opened as (bout, policy, config):
        tasks = [task for task in bout.tasks for _ in range(trials)]
        with reporter.stage(f"{bout.name} episodes", len(tasks)) as advance:
            evaluation = _played(bout, policy, config.training, tasks, seed=seed, advance=advance)
    complete = len(evaluation.trajectories) == len(tasks)
    results = {
        "checkpoint": str(checkpoint),
        "environment": config.environment.name,
        "world": bout.name,
        "panel": panel,
        "seed": seed,
        "trials": trials,
        "complete": complete,
        "seconds": round(time.monotonic() - started, 1),
        **evaluation.to_json(),
    }
    episodes = output.with_suffix(".episodes.txt")
    atomic.write_text(episodes, episodes_text(evaluation.trajectories))
    atomic.write_json(output, results)
    for line in evaluation.lines():
        print(line)
    print(f"results   {output}\nepisodes  {episodes}")
    if not complete:
        stopped = f"interrupted after {len(evaluation.trajectories)} of {len(tasks)} episodes"
        print(f"{stopped}: short ones end first, so this is no figure of the panel", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)


def _played(
    bout: Bout,
    policy: Policy,
    settings: TrainingConfig,
    tasks: Sequence[Task],
    *,
    seed: int,
    advance: Advance,
) -> Evaluation:
    """All episodes, or after Ctrl-C those that have ended."""
    from dreamgym.training.evaluation import Evaluation, play_panel

    ended: list[Trajectory] = []

    def note(trajectory: Trajectory) -> None:
        ended.append(trajectory)
        advance()

    try:
        return asyncio.run(
            play_panel(
                policy,
                tasks,
                bout.make_environment,
                origin=bout.origin,
                seed=seed,
                label=f"eval-{bout.name}",
                concurrency=settings.concurrency,
                max_failed_share=settings.max_failed_share,
                on_episode=note,
            )
        )
    except KeyboardInterrupt:
        if not ended:
            raise
        return Evaluation(trajectories=tuple(sorted(ended, key=lambda episode: episode.id)))


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command()(evaluate)

if __name__ == "__main__":
    app(prog_name="python -m dreamgym.training.evaluate")
