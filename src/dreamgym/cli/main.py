"""The command ``dreamgym``; each command's work is in a module of its own."""

from __future__ import annotations

from typing import Annotated

import typer

import dreamgym
from dreamgym.cli.annotate import annotate
from dreamgym.cli.average import average
from dreamgym.cli.collect import collect
from dreamgym.cli.doctor import doctor
from dreamgym.cli.envs import envs
from dreamgym.cli.fidelity import fidelity
from dreamgym.cli.fit import fit_app
from dreamgym.cli.ingest import ingest
from dreamgym.cli.models import models_app
from dreamgym.cli.play import play
from dreamgym.cli.report import report
from dreamgym.cli.reproduce import reproduce_app
from dreamgym.cli.trust import trust
from dreamgym.training.evaluate import evaluate
from dreamgym.training.train import train

app = typer.Typer(
    name="dreamgym",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(train)
app.command()(evaluate)
app.command()(average)
app.command()(collect)
app.command()(ingest)
app.command()(annotate)
app.add_typer(fit_app, name="fit")
app.add_typer(models_app, name="models")
app.command()(fidelity)
app.command()(envs)
app.command()(doctor)
app.command()(play)
app.command()(report)
app.command()(trust)
app.add_typer(reproduce_app, name="reproduce")


def _print_version(asked: bool) -> None:
    if asked:
        print(dreamgym.__version__)
        raise typer.Exit


@app.callback()
def dreamgym_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train LLM agents by reinforcement learning inside a dream of their environment.

    \b
    Start with:
      dreamgym train                                    the default run, about 7 minutes on two cores
      dreamgym train --config configs/debug.yaml        the same path in a minute
      dreamgym play --env alfworld                      play the environment yourself
    """


if __name__ == "__main__":
    app(prog_name="dreamgym")
