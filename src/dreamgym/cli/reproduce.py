"""``dreamgym reproduce``: tables of docs/ made again from nothing but this package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dreamgym.core.errors import ConfigError
from dreamgym.utils.commands import INTERRUPTED, check_output, explained

reproduce_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Make a table of docs/ again, from scratch."
)


@reproduce_app.callback()
def tables() -> None:
    """Make a table of docs/ again, from scratch.

    \b
    Examples:
      dreamgym reproduce grounding --quick
      dreamgym reproduce grounding
    """


@reproduce_app.command()
@explained
def grounding(
    seeds: Annotated[int, typer.Option(min=1, help="Models of each form, each of its own seed.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each fit, of 8,192 tokens.")] = 300,
    retrieval: Annotated[
        list[str] | None, typer.Option(help="off, hashing or minilm; may be repeated. Default: all three.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="One seed, 20 steps, hashing alone: to try it."),
    ] = False,
    models: Annotated[Path, typer.Option(help="Folder of the fitted models; they are kept.")] = Path(
        "data/checkpoints/grounding"
    ),
    output: Annotated[
        Path, typer.Option(help="Results as JSON; the tables are written beside it as Markdown.")
    ] = Path("results/grounding.json"),
) -> None:
    """What grounds the dream: retrieval, reasoning, the sheet and the history, each with and without.

    Fits small models on the shipped offline data and measures them on held-out real turns and on whole
    episodes. What was fitted or measured is kept: the same command goes on where it was stopped.

    \b
    Examples:
      dreamgym reproduce grounding --quick --output results/try.json --models data/checkpoints/try
      dreamgym reproduce grounding
      dreamgym reproduce grounding --retrieval off --retrieval hashing
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from dreamgym.training.grounding.grid import Retrieval, grid
    from dreamgym.training.grounding.job import Plan, run_grid
    from dreamgym.training.grounding.table import factor_table, grid_table, markdown
    from dreamgym.training.settings import RunFlags, resolve
    from dreamgym.utils import atomic
    from dreamgym.utils.interrupts import terminated_like_interrupted
    from dreamgym.utils.progress import make_reporter

    check_output(output)
    asked = retrieval or (["hashing"] if quick else list(Retrieval))
    if unknown := [name for name in asked if name not in list(Retrieval)]:
        raise ConfigError(f"--retrieval {unknown[0]!r}: wanted one of {', '.join(Retrieval)}")
    plan = Plan(
        cells=grid([Retrieval(name) for name in asked]),
        seeds=range(1 if quick else seeds),
        steps=20 if quick else steps,
        models=models,
    )
    try:
        with terminated_like_interrupted():
            results = run_grid(resolve(RunFlags()), plan, output, make_reporter())
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where it was stopped", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    factors = factor_table(results)
    table = Table(*factors[0], title="what grounds the dream", title_justify="left", box=SIMPLE_HEAD)
    for line in factors[1:]:
        table.add_row(*line)
    Console(width=max(Console().width, 180)).print(table)
    atomic.write_text(output.with_suffix(".md"), f"{markdown(factors)}\n{markdown(grid_table(results))}")
    print(f"results  {output}\ntables   {output.with_suffix('.md')}")
