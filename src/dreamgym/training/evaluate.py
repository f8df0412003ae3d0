"""``python -m dreamgym.training.evaluate``, the same as ``dreamgym evaluate``: a checkpoint on a panel."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from dreamgym.utils.commands import check_output, explained


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
        bool, typer.Option("--dream", help="Play in the dream instead of the real environment.")
    ] = False,
) -> None:
    """Measure a checkpoint: success with its interval, by task type, and every episode as text.

    \b
    Examples:
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0020.json
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0100.json --env alfworld --num-episodes 20
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0020.json --panel valid_seen
      dreamgym evaluate --checkpoint data/checkpoints/policy_iter_0020.json --num-episodes 20 --trials 8
    """
    from dreamgym.training.build import open_evaluation
    from dreamgym.training.episode_text import episodes_text
    from dreamgym.training.evaluation import play_panel
    from dreamgym.utils import atomic
    from dreamgym.utils.progress import make_reporter

    check_output(output)
    reporter, started = make_reporter(), time.monotonic()
    chosen = [*([f"environment.name={env}"] if env else []), *(overrides or ())]
    opened = open_evaluation(checkpoint, chosen, panel=panel, num_episodes=num_episodes, dream=dream)
    with (
        opened as (bout, policy, config),
        reporter.stage(f"{bout.name} episodes", trials * len(bout.tasks)) as advance,
    ):
        evaluation = asyncio.run(
            play_panel(
                policy,
                [task for task in bout.tasks for _ in range(trials)],
                bout.make_environment,
                origin=bout.origin,
                seed=seed,
                label=f"eval-{bout.name}",
                concurrency=config.training.concurrency,
                max_failed_share=config.training.max_failed_share,
                on_episode=lambda _: advance(),
            )
        )
    results = {
        "checkpoint": str(checkpoint),
        "environment": config.environment.name,
        "world": bout.name,
        "panel": panel,
        "seed": seed,
        "trials": trials,
        "seconds": round(time.monotonic() - started, 1),
        **evaluation.to_json(),
    }
    episodes = output.with_suffix(".episodes.txt")
    atomic.write_text(episodes, episodes_text(evaluation.trajectories))
    atomic.write_json(output, results)
    for line in evaluation.lines():
        print(line)
    print(f"results   {output}\nepisodes  {episodes}")


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command()(evaluate)

if __name__ == "__main__":
    app(prog_name="python -m dreamgym.training.evaluate")
