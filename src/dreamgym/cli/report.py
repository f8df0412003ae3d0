"""``dreamgym report``: one page of what runs did, to look at and to send on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.utils.commands import check_output, explained


@explained
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs (training.output_dir).")
    ],
    output: Annotated[Path, typer.Option(help="The page, one HTML file.")] = Path("results/report.html"),
) -> None:
    """Write a page about one run, or about several side by side: curves, fidelity, tasks, cost, episodes.

    The file needs no network and holds no script. A run that still trains is shown as far as it is.

    \b
    Examples:
      dreamgym report data/checkpoints
      dreamgym report results/learning/dream-grpo/1 results/learning/real-grpo/1 --output results/two.html
    """
    from dreamgym.reports.page import read_runs, render
    from dreamgym.utils import atomic
    from dreamgym.utils.progress import make_reporter

    check_output(output)
    read = read_runs(runs)
    with make_reporter().stage("drawing", len(read) + 1) as advance:
        page = render(read, advance=advance)
    atomic.write_text(output, page)
    for run in read:
        for problem in run.problems.found:
            typer.echo(f"{run.name}: {problem}", err=True)
    print(f"report  {output}  ({len(page.encode()) / 1e6:.1f} MB; open it in a browser)")
