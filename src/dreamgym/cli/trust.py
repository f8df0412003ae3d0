"""``dreamgym trust``: dreams with planted hacks, and honest ones, against all that is meant to notice."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamgym.core.errors import ConfigError
from dreamgym.training.settings import RunFlags, resolve
from dreamgym.utils.commands import INTERRUPTED, check_output, explained

if TYPE_CHECKING:
    from dreamgym.core.config import DreamGymConfig
    from dreamgym.training.trust.bench import Plan

WIDTH = 112  # characters, of which the widest table needs so many; a narrower terminal wraps them


@explained
def trust(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="SECTION.KEY=VALUE", help="Settings, as for train.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Three hacks, two honest seeds, two iterations: some minutes.")
    ] = False,
    hack: Annotated[
        list[str] | None, typer.Option(help="Only this planted hack; may be repeated. --list shows them.")
    ] = None,
    honest_seeds: Annotated[
        int | None, typer.Option(min=0, help="Honest dreams, each of its own seed.")
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(min=1, max=5, help="Iterations of GRPO in each dream.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="CLIENT", help="A judge LLM, such as local:FOLDER or scripted:FILE.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file; default: configs/default.yaml.")] = None,
    output: Annotated[
        Path, typer.Option(help="Results as JSON; a Markdown table is written beside it.")
    ] = Path("results/trust.json"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep the dreams that --output holds.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the planted hacks and stop.")] = False,
) -> None:
    """Plant hacks in honest dreams, let GRPO find them, and see what notices: the gate, the monitors of a
    run, the distance from the data, a judge LLM.

    Results are written after each dream; Ctrl-C keeps them, and --resume goes on.

    \b
    Examples:
      dreamgym trust --quick
      dreamgym trust
      dreamgym trust --resume
      dreamgym trust --hack "teleporting" --honest-seeds 1
      dreamgym trust --quick --judge local:path/to/model
    """
    from dreamgym.environments.planted.table import PLANTED

    if show_list:
        print("\n".join(PLANTED))
        return
    if unknown := [name for name in hack or () if name not in PLANTED]:
        raise ConfigError(f"--hack {unknown[0]!r} is not planted here: --list shows what is")
    check_output(output)
    settings = resolve(RunFlags(config=config, overrides=overrides or ()))
    plan = _plan(quick=quick, hacks=hack, honest_seeds=honest_seeds, iterations=iterations)
    _run(settings, plan, overrides or (), output, judge=judge, resume=resume)


def _plan(
    *, quick: bool, hacks: Sequence[str] | None, honest_seeds: int | None, iterations: int | None
) -> Plan:
    """The quick or the full plan with what the flags change."""
    from dreamgym.training.trust.bench import Plan

    plan = Plan.quick() if quick else Plan.full()
    return replace(
        plan,
        hacks=plan.hacks if hacks is None else tuple(hacks),
        honest_seeds=plan.honest_seeds if honest_seeds is None else honest_seeds,
        iterations=iterations or plan.iterations,
    )


def _run(
    settings: DreamGymConfig,
    plan: Plan,
    overrides: Sequence[str],
    output: Path,
    *,
    judge: str | None,
    resume: bool,
) -> None:
    """The bench, then its tables; an interrupted one shows what it has measured."""
    from rich.console import Console

    from dreamgym.models.llm_client import make_client
    from dreamgym.training.trust.bench import bench_config, run_bench
    from dreamgym.training.trust.records import Results
    from dreamgym.training.trust.table import markdown, print_results
    from dreamgym.utils import atomic
    from dreamgym.utils.interrupts import terminated_like_interrupted
    from dreamgym.utils.progress import make_reporter

    interrupted = False
    with terminated_like_interrupted():
        try:
            results = run_bench(
                bench_config(settings, plan, overrides),
                plan,
                output,
                make_reporter(),
                judge=make_client(judge) if judge else None,
                judge_name=judge or "",
                resume=resume,
            )
        except KeyboardInterrupt:
            if not output.exists():
                raise
            interrupted, results = True, Results.read(output)
    if results.dreams:
        print_results(results, Console(width=max(Console().width, WIDTH)))
        atomic.write_text(output.with_suffix(".md"), markdown(results))
        print(f"results  {output}\ntables   {output.with_suffix('.md')}")
    if interrupted:
        print("interrupted: the same command with --resume tries the dreams that are left", file=sys.stderr)
        raise SystemExit(INTERRUPTED)
