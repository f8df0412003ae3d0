"""``dreamgym doctor``: what this machine has, what it lacks, and what to do about it."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Annotated

import typer

from dreamgym.core.errors import UnavailableError
from dreamgym.utils.commands import explained


@explained
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, by section.")] = False,
) -> None:
    """Look the machine over: Python, torch, memory, extras, browser, data, keys, models.

    Of keys it says whether they are set, never what they are. "no" is something optional that is not there.
    Exits with 2 only where nothing could run at all.

    \b
    Examples:
      dreamgym doctor
      dreamgym doctor --json
    """
    try:
        import_module("torch")
    except (ImportError, OSError) as error:
        raise UnavailableError(f"torch cannot be loaded ({error}): pip install -r requirements.txt") from None
    from dreamgym.core.serialization import encode
    from dreamgym.training.machine import everything

    sections = everything()
    if as_json:
        print(
            json.dumps({name: [encode(need) for need in needs] for name, needs in sections.items()}, indent=2)
        )
    else:
        for name, needs in sections.items():
            print(name)
            for need in needs:
                state = "ok" if need.found is not None else "no" if need.optional else "missing"
                print(f"  {state:<8}{need.name}: {need.found if need.found is not None else need.hint}")
    essential = [need for name in ("machine", "models") for need in sections[name] if not need.optional]
    if lacking := [need for need in essential if need.found is None]:
        raise UnavailableError("; ".join(f"{need.name}: {need.hint}" for need in lacking))
