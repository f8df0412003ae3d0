"""``dreamgym envs``: which environments there are, what they need, how large and how fast they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dreamgym.core.errors import ConfigError
from dreamgym.training.settings import RunFlags, resolve
from dreamgym.utils.commands import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dreamgym.training.environment_facts import Facts

SHIPPED = "figures of two cores, as shipped; measure here with --measure"
WIDTH = 150  # characters, of which the table needs so many; a narrower terminal wraps them
HERE = "real figures measured here; fidelity, and the dream's speed without --dreams, as shipped"


@explained
def envs(
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure the real worlds here, a few seconds each.")
    ] = False,
    dreams: Annotated[
        bool, typer.Option("--dreams", help="With --measure: the shipped dreams, too, half a minute each.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one object for each.")] = False,
) -> None:
    """List the environments: installed or how to, tasks by panel, turns a second, fidelity of the dream.

    Panels in brackets cannot be played yet; below the table is why: most need the original's data, whose
    folder DREAMGYM_DATA names.

    \b
    Examples:
      dreamgym envs
      dreamgym envs --measure --dreams
      dreamgym envs --json
    """
    if dreams and not measure:
        raise ConfigError("--dreams measures the shipped dreams besides the real worlds: add --measure")
    from dreamgym.training.environment_facts import facts_of, listed
    from dreamgym.utils.progress import make_reporter

    reporter = make_reporter() if not as_json else None
    found = []
    for name in listed():
        facts = facts_of(name, resolve(RunFlags(env=name)).environment)
        if measure and not facts.missing:
            if reporter is not None:
                reporter.line(f"measuring {name}")
            facts = _measured(facts, dreams=dreams)
        found.append(facts)
    if as_json:
        from dreamgym.core.serialization import encode

        print(json.dumps([encode(facts) for facts in found], indent=2))
    else:
        _print(found, HERE if measure else SHIPPED)


def _measured(facts: Facts, *, dreams: bool) -> Facts:
    from dreamgym.training.dream_speed import dreamed_turns_per_second
    from dreamgym.training.environment_facts import measured

    config = resolve(RunFlags(env=facts.name))
    figures = measured(facts.name, config.environment, facts.figures)
    if dreams and figures.fidelity:
        figures = replace(figures, dreamed_turns_per_second=dreamed_turns_per_second(config))
    return replace(facts, figures=figures)


def _print(found: Sequence[Facts], note: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="environments", title_justify="left")
    for heading in ("", "here", "tasks", "real turns/s", "reset", "dreamed turns/s", "fidelity of the dream"):
        table.add_column(heading)
    for facts in found:
        figures = facts.figures
        table.add_row(
            facts.name,
            facts.missing or "ready",
            ", ".join([*(f"{panel} {size:,}" for panel, size in facts.tasks.items()), *_absent(facts)]),
            _number(figures.real_turns_per_second),
            f"{figures.reset_ms:,.2f} ms" if figures.reset_ms is not None else "-",
            _number(figures.dreamed_turns_per_second),
            figures.fidelity or "no dream is shipped",
        )
    console = Console(width=max(Console().width, WIDTH))
    console.print(table, markup=False)
    for line in [*_reasons(found), note]:
        console.print(line, markup=False, highlight=False)


def _absent(facts: Facts) -> list[str]:
    return [f"[{', '.join(facts.elsewhere)}]"] if facts.elsewhere else []


def _reasons(found: Sequence[Facts]) -> Iterator[str]:
    """Why panels cannot be played, each reason once."""
    for facts in found:
        panels: dict[str, list[str]] = {}
        for panel, reason in facts.elsewhere.items():
            rest = reason.removeprefix(panel)  # with which many begin
            panels.setdefault(f": {reason}" if rest == reason else rest, []).append(panel)
        for reason, names in panels.items():
            yield f"{facts.name} [{', '.join(names)}]{reason}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
