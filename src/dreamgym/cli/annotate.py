"""``dreamgym annotate``: a teacher explains offline episodes turn by turn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.training.settings import RunFlags, resolve
from dreamgym.utils.commands import explained
from dreamgym.utils.interrupts import terminated_like_interrupted


@explained
def annotate(
    teacher: Annotated[
        str,
        typer.Option(metavar="CLIENT", help="openai:MODEL, anthropic:MODEL, local:FOLDER, scripted:FILE."),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="llm.KEY=VALUE", help="Settings of the section llm.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of offline data.")] = Path("data/offline"),
    output: Annotated[Path, typer.Option(help="Folder of its annotated copy.")] = Path("data/annotated"),
    config: Annotated[Path | None, typer.Option(help="YAML file; default: configs/default.yaml.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take and cost, and stop.")
    ] = False,
) -> None:
    """Let a teacher write the reasoning of every offline turn, the R* of the paper's Eq. 5.

    One call per episode. Broken off, the same command goes on; what was set aside is asked for again.

    \b
    Examples:
      dreamgym annotate --teacher openai:gpt-5-mini --dry-run \\
          llm.input_usd_per_million=0.25 llm.output_usd_per_million=2
      dreamgym annotate --teacher openai:gpt-5-mini --output data/annotated llm.max_cost_usd=5 \\
          llm.input_usd_per_million=0.25 llm.output_usd_per_million=2
      dreamgym fit experience --data data/annotated --context history
    """
    from dreamgym.training.annotating.dataset import OfflineData
    from dreamgym.training.annotating.job import AnnotationJob
    from dreamgym.utils.progress import make_reporter

    job = AnnotationJob(
        data=OfflineData(folder=data),
        teacher=teacher,
        output=output,
        settings=resolve(RunFlags(config=config, overrides=overrides or ())).llm,
        reporter=make_reporter(),
    )
    if dry_run:
        print("\n".join(job.estimate()))
        return
    with terminated_like_interrupted():
        counts = job.run()
    further = f"; next: dreamgym fit experience --data {output} --context history"
    print(f"written to {output}{further if counts['annotated'] else ', without any reasoning'}")
