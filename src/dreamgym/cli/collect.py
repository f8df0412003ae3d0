"""``dreamgym collect``: offline trajectories for the experience model and the starting policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamgym.core.errors import ConfigError
from dreamgym.training.settings import RunFlags, resolve
from dreamgym.utils.commands import explained


@explained
def collect(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="SECTION.KEY=VALUE", help="Settings, such as environment.workers=2."),
    ] = None,
    env: Annotated[str, typer.Option(help="Environment.")] = "alfworld",
    output: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("data/offline"),
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to play.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of players, mistakes and order.")] = 0,
    share: Annotated[
        list[str] | None,
        typer.Option(metavar="PLAYER=SHARE", help="Who plays; repeat. Players not named do not play."),
    ] = None,
    mistake_rate: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Chance at each state of labelled invalid actions.")
    ] = 0.22,
    max_turns: Annotated[
        int | None, typer.Option(min=1, help="Turn limit; default: environment.max_turns.")
    ] = None,
    heldout_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the scenes that is held out.")
    ] = 0.1,
    fresh_tasks: Annotated[
        str,
        typer.Option(metavar="FROM:TO", help="Play the tasks of no panel with these numbers, in turn."),
    ] = "",
    include: Annotated[
        Path | None, typer.Option(help="A data set whose episodes come before the new ones.")
    ] = None,
    policy: Annotated[
        str, typer.Option(help="Who plays the share of 'policy': embedded, or a model's folder.")
    ] = "embedded",
) -> None:
    """Collect offline data: players of every strength, and labelled mistakes of every kind.

    \b
    Examples:
      dreamgym collect --episodes 500
      dreamgym collect --share expert=0.3 --share weak=0.4 --share policy=0.3 --output data/offline/mine
      dreamgym collect --env webshop --episodes 500 --output data/offline/webshop
      dreamgym collect --env webshop --fresh-tasks 0:100 --episodes 800 --output data/offline/more
    """
    from dreamgym.training.cast import POLICY, CollectSettings
    from dreamgym.training.domains.registry import open_domain
    from dreamgym.training.models import load_policy
    from dreamgym.training.offline_data import collect_offline_data
    from dreamgym.utils.progress import make_reporter

    chosen = [f"policy_model.name={policy}", *(overrides or ())]
    config = resolve(RunFlags(env=env, overrides=chosen))
    domain = open_domain(config.environment)
    cast = domain.cast
    if cast is None:
        raise ConfigError(f"the environment '{env}' has no players: nothing can be collected in it")
    if asked := config.environment.client:
        raise ConfigError(
            f"environment.{config.environment.client_role}={asked}: no language model is asked where "
            "episodes are collected, leave it out"
        )
    if domain.collected:
        print(f"played {domain.collected}")
    shares = dict(_parse(text) for text in share) if share else cast.shares
    limit = max_turns or config.environment.max_turns
    with make_reporter().stage("collecting episodes", episodes) as advance:
        manifest = collect_offline_data(
            output,
            episodes=episodes,
            settings=CollectSettings(shares=shares, mistake_rate=mistake_rate, max_turns=limit),
            cast=cast,
            seed=seed,
            fresh=_numbers(fresh_tasks),
            policy=load_policy(config.policy_model) if shares.get(POLICY) else None,
            heldout_share=heldout_share,
            include=include,
            advance=advance,
        )
    for name, summary in manifest["splits"].items():
        print(f"{name:<9}{summary['trajectories']:,} episodes, {summary['turns']:,} turns")
    print(f"written to {output}; next: dreamgym fit experience --data {output}")


def _numbers(text: str) -> range:
    """``FROM:TO``, without ``TO``; empty for an empty text."""
    try:
        first, end = map(int, text.split(":")) if text else (0, 0)
    except ValueError:
        first = end = -1
    if first < 0 or (text and first >= end):
        raise ConfigError(f"--fresh-tasks {text}: wanted FROM:TO, such as 0:100 for the first hundred")
    return range(first, end)


def _parse(text: str) -> tuple[str, float]:
    """One ``PLAYER=SHARE``."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise ConfigError(f"--share {text}: wanted PLAYER=SHARE, such as expert=0.2") from None
