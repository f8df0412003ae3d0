"""``dreamgym fit``: experience models and policies, from scratch or on a base, on any offline data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.training.settings import RunFlags, resolve
from dreamgym.utils.commands import explained
from dreamgym.utils.interrupts import terminated_like_interrupted

fit_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Fit an experience model or a policy to offline data."
)
DATA = Annotated[Path, typer.Option(help="Folder of offline data, from dreamgym collect.")]
EPOCHS = Annotated[float | None, typer.Option(help="Passes over the data; default: as shipped.")]
BASE = Annotated[
    str | None,
    typer.Option(
        help="Train on from this model: a folder, smollm2, a Hugging Face name; default: from scratch."
    ),
]
LORA_RANK = Annotated[
    int, typer.Option(min=0, help="Train an adapter of this rank on --base, not its weights.")
]
LEARNING_RATE = Annotated[float | None, typer.Option(help="Default: as shipped, or usual for the base.")]
BATCH_TOKENS = Annotated[
    int | None,
    typer.Option(min=1, help="Tokens of a step; small data needs many small ones. Default: as shipped."),
]
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
    lora_rank: LORA_RANK = 0,
    learning_rate: LEARNING_RATE = None,
    batch_tokens: BATCH_TOKENS = None,
) -> None:
    """Clone the explorers of the offline data, distracted ones too: the starting policy.

    \b
    Examples:
      dreamgym fit policy --data data/offline --output data/checkpoints/fitted/policy
      dreamgym fit policy --base smollm2 --lora-rank 16 --output data/checkpoints/fitted/smollm2_policy
    """
    from dreamgym.training.fit import fit_policy
    from dreamgym.training.fit_start import FitChoices

    choices = FitChoices(
        base=base,
        lora_rank=lora_rank,
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_tokens=batch_tokens,
    )
    with terminated_like_interrupted():
        fit_policy(data, output, choices=choices)


@fit_app.command()
@explained
def experience(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="reasoning_model.KEY=VALUE", help="Of its form: top_k, history."),
    ] = None,
    data: DATA = Path("data/offline"),
    output: Annotated[Path, typer.Option(help="Folder of the model.")] = Path(
        "data/checkpoints/fitted/experience"
    ),
    seed: SEED = 0,
    epochs: EPOCHS = None,
    base: BASE = None,
    lora_rank: LORA_RANK = 0,
    learning_rate: LEARNING_RATE = None,
    batch_tokens: BATCH_TOKENS = None,
    context: Annotated[
        str, typer.Option(help="What the model reads: quotes, sheet or history (reasoning_model.context).")
    ] = "quotes",
    reasoning: Annotated[bool, typer.Option(help="Whether it reasons before it answers.")] = True,
) -> None:
    """Train the experience model on annotated turns, the paper's Eq. 5.

    \b
    Examples:
      dreamgym fit experience --data data/offline --output data/checkpoints/fitted/experience
      dreamgym fit experience --base smollm2 --lora-rank 16 --output data/checkpoints/fitted/smollm2
      dreamgym fit experience --context history --no-reasoning --output data/checkpoints/fitted/plain
      dreamgym fit experience --context sheet reasoning_model.history=2 reasoning_model.top_k=0
    """
    from dreamgym.training.fit import fit_experience
    from dreamgym.training.fit_start import FitChoices

    chosen = [f"reasoning_model.context={context}", f"reasoning_model.reasoning={str(reasoning).lower()}"]
    form = resolve(RunFlags(overrides=[*chosen, *(overrides or ())])).reasoning_model
    choices = FitChoices(
        base=base,
        lora_rank=lora_rank,
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_tokens=batch_tokens,
    )
    with terminated_like_interrupted():
        fit_experience(data, output, form=form, choices=choices)
