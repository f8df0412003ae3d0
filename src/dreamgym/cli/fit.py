"""``dreamgym fit``: the embedded models from scratch, or on your own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.training.settings import RunFlags, resolve
from dreamgym.utils.commands import explained
from dreamgym.utils.interrupts import terminated_like_interrupted

fit_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Fit the embedded models from scratch."
)
DATA = Annotated[Path, typer.Option(help="Folder of offline data, from dreamgym collect.")]
EPOCHS = Annotated[float | None, typer.Option(help="Passes over the data; default: as shipped.")]
BASE = Annotated[Path | None, typer.Option(help="Train on from this model; default: from scratch.")]
SEED = Annotated[int, typer.Option(help="Seed of weights and order.")]


@fit_app.command()
@explained
def policy(
    data: DATA = Path("data/offline"),
    output: Annotated[Path, typer.Option(help="Folder of the model.")] = Path(
        "data/checkpoints/fitted/policy"
    ),
    seed: SEED = 0,
    epochs: EPOCHS = None,
    base: BASE = None,
) -> None:
    """Clone the explorers of the offline data, distracted ones too: the starting policy.

    \b
    Example:
      dreamgym fit policy --data data/offline --output data/checkpoints/fitted/policy
    """
    from dreamgym.training.fit import fit_policy

    with terminated_like_interrupted():
        fit_policy(data, output, seed=seed, base=base, **({} if epochs is None else {"epochs": epochs}))


@fit_app.command()
@explained
def experience(
    data: DATA = Path("data/offline"),
    output: Annotated[Path, typer.Option(help="Folder of the model.")] = Path(
        "data/checkpoints/fitted/experience"
    ),
    seed: SEED = 0,
    epochs: EPOCHS = None,
    base: BASE = None,
    context: Annotated[
        str, typer.Option(help="What the model reads: quotes, sheet or history (reasoning_model.context).")
    ] = "quotes",
    reasoning: Annotated[bool, typer.Option(help="Whether it reasons before it answers.")] = True,
) -> None:
    """Train the experience model on annotated turns, the paper's Eq. 5.

    \b
    Examples:
      dreamgym fit experience --data data/offline --output data/checkpoints/fitted/experience
      dreamgym fit experience --context history --no-reasoning --output data/checkpoints/fitted/plain
    """
    from dreamgym.training.fit import fit_experience

    chosen = [f"reasoning_model.context={context}", f"reasoning_model.reasoning={str(reasoning).lower()}"]
    form = resolve(RunFlags(overrides=chosen)).reasoning_model
    fitted = {} if epochs is None else {"epochs": epochs}
    with terminated_like_interrupted():
        fit_experience(data, output, form=form, seed=seed, base=base, **fitted)
