"""``dreamgym fidelity``: how far the dream can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.training.settings import RunFlags, resolve
from dreamgym.utils.commands import check_output, explained


@explained
def fidelity(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="SECTION.KEY=VALUE", help="Settings, as for train.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file; default: configs/default.yaml.")] = None,
    env: Annotated[str | None, typer.Option(help="Environment, and its preset.")] = None,
    episodes: Annotated[int | None, typer.Option(min=1, help="Dreamed episodes to replay.")] = None,
    output: Annotated[
        Path, typer.Option(help="The report as JSON; a few episodes beside it as .jsonl.")
    ] = Path("results/fidelity.json"),
) -> None:
    """Measure the dream on held-out turns and under the starting policy's own actions, replayed for real.

    Exits with 2 where the dream is below the gate of training.fidelity.

    \b
    Examples:
      dreamgym fidelity
      dreamgym fidelity --episodes 200 reasoning_model.top_k=0
    """
    from dreamgym.training.gate import check_dream
    from dreamgym.training.grounds import open_grounds
    from dreamgym.training.traces.fidelity import check_traces
    from dreamgym.utils.progress import make_reporter

    check_output(output)
    chosen = [*([f"training.fidelity.episodes={episodes}"] if episodes else []), *(overrides or ())]
    settings = resolve(RunFlags(config=config, env=env, overrides=chosen))
    with open_grounds(settings, dream=True) as grounds:
        if grounds.domain.replay is None:
            check_traces(settings, grounds, output, make_reporter())
        else:
            check_dream(settings, grounds, output, make_reporter(), by_type=True)
    print(f"report  {output}")
