"""``dreamgym ingest``: files of other programs' traces into a folder of offline data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.utils.commands import explained
from dreamgym.utils.interrupts import terminated_like_interrupted


@explained
def ingest(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON lines or JSON, also packed with gzip.")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("data/offline/traces"),
    format: Annotated[
        str, typer.Option(help="auto, chat, openai-tools, tau2, agentlab or verl-agent.")
    ] = "auto",
    heldout_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the tasks, with all their traces, held out.")
    ] = 0.1,
    keep_secrets: Annotated[
        bool, typer.Option("--keep-secrets", help="Do not mask keys, tokens and passwords.")
    ] = False,
) -> None:
    """Read your own traces: tool-calling chats, tau2 simulations, AgentLab steps, verl-agent rollouts.

    Whatever cannot be used is told with its line and left out; the whole report is ingest_report.json in the
    output folder. docs/your_own_traces.md says what each format looks like.

    \b
    Examples:
      dreamgym ingest chats.jsonl --output data/offline/chats
      dreamgym ingest results/*.json --format tau2 --output data/offline/tau2
    """
    from dreamgym.training.traces.ingest import REPORT, Ingest
    from dreamgym.utils.progress import make_reporter

    reading = Ingest(
        folder=output,
        reporter=make_reporter(),
        format=format,
        heldout_share=heldout_share,
        keep_secrets=keep_secrets,
    )
    with terminated_like_interrupted():
        manifest = reading.run(files)
    for line in [line for report in reading.reports for line in report.lines()]:
        print(line)
    for name, summary in manifest["splits"].items():
        print(f"{name:<9}{summary['trajectories']:,} episodes, {summary['turns']:,} turns")
    if not manifest["splits"]["heldout"]["trajectories"]:
        print("no trace is held out, so a dream of these cannot be measured: raise --heldout-share")
    print(f"written to {output}, the whole report is {output / REPORT}")
    print(f"next: dreamgym train --traces {output}")
