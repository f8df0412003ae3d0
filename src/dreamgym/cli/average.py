"""``dreamgym average``: the mean policy of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.utils.commands import explained


@explained
def average(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run (training.output_dir).")],
) -> None:
    """Average the policies of a run's latter half, which is steadier than its last one.

    It is the mean of their weights, a checkpoint like any other to evaluate and play; a run that goes on
    goes on from its last policy.

    \b
    Example:
      dreamgym average data/checkpoints
      dreamgym evaluate --checkpoint data/checkpoints/policy_average.json --num-episodes 200
    """
    from dreamgym.training.average import average_run, latter_half
    from dreamgym.utils.progress import make_reporter

    with make_reporter().stage("checkpoints", len(latter_half(run))) as advance:
        path, iterations = average_run(run, advance)
    print(f"the mean of the policies after {', '.join(map(str, iterations))} iterations")
    print(f"checkpoint {path}\nevaluate   dreamgym evaluate --checkpoint {path} --num-episodes 200")
