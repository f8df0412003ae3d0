"""``check_env``: does an environment keep the protocol? For people who write their own.

Every check plays fresh environments, so a failure is told on its own; all of them run before the verdict.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dreamgym.core.data_structures import Task
from dreamgym.core.errors import DreamGymError
from dreamgym.environments.base_env import Environment
from dreamgym.environments.check_list import CHECKS, NONSENSE, TYPES, Check, Probe, Unwanted, check_types

SCRIPT_TURNS = 12
PLAYED = "step answers every action, until the episode ends"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One check: what was wanted and, where it failed, what was found."""

    check: str
    wanted: str
    found: str = ""

    def __str__(self) -> str:
        if not self.found:
            return f"  ok    {self.check}"
        return f"  FAIL  {self.check}\n          found:  {self.found}\n          wanted: {self.wanted}"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentReport:
    """What ``check_env`` found; printing it gives one line a check."""

    environment: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The checks that found something else than wanted."""
        return tuple(finding for finding in self.findings if finding.found)

    def __str__(self) -> str:
        passed = len(self.findings) - len(self.failures)
        head = f"{self.environment}: {passed} of {len(self.findings)} checks passed"
        return "\n".join([head, *map(str, self.findings)])


class EnvironmentCheckError(DreamGymError):
    """The environment breaks the protocol; ``report`` and the message say where."""

    def __init__(self, report: EnvironmentReport) -> None:
        super().__init__(str(report))
        self.report = report


def check_env(
    make_env: Callable[[], Environment],
    task: Task,
    *,
    actions: Sequence[str] = (),
    seed: int = 0,
    max_turns: int = 200,
) -> EnvironmentReport:
    """Play ``task`` in environments from ``make_env`` and return the report where all is as wanted.

    ``actions`` are some it understands, for a world that lists no admissible actions; by ``max_turns`` turns
    its turn limit must have ended an episode. Raises ``EnvironmentCheckError`` with the report.
    """
    probe = Probe(make_env=make_env, task=task, seed=seed, max_turns=max_turns)
    return asyncio.run(_report(probe, actions))


async def _report(probe: Probe, actions: Sequence[str]) -> EnvironmentReport:
    first = await _finding("reset and step answer in the protocol's types", TYPES, check_types, probe)
    findings = [first]
    if not first.found:
        script: list[str] = []

        async def play(probe: Probe) -> None:
            script.extend(await write_script(probe, actions))

        played = await _finding("an episode can be played", PLAYED, play, probe)
        findings.append(played)
        if not played.found:
            probe = replace(probe, script=tuple(script))
            findings += [await _finding(name, wanted, check, probe) for name, wanted, check in CHECKS]
    report = EnvironmentReport(environment=probe.task.environment, findings=tuple(findings))
    if report.failures:
        raise EnvironmentCheckError(report)
    return report


async def _finding(name: str, wanted: str, check: Check, probe: Probe) -> Finding:
    try:
        await check(probe)
    except Unwanted as unwanted:
        return Finding(check=name, wanted=wanted, found=str(unwanted))
    except Exception as error:  # a stranger's code may raise anything, and that is the finding
        return Finding(check=name, wanted=wanted, found=f"{type(error).__name__}: {str(error)[:500]}")
    return Finding(check=name, wanted=wanted)


async def write_script(probe: Probe, actions: Sequence[str]) -> tuple[str, ...]:
    """Up to twelve actions, admissible ones where the world lists them, none of which ends the episode."""
    rng = random.Random(probe.seed)
    script: list[str] = []
    async with probe.fresh() as environment:
        admissible = (await environment.reset(probe.task, probe.seed)).admissible
        for _ in range(SCRIPT_TURNS):
            choices = admissible or actions or (NONSENSE,)
            answer = await environment.step(action := rng.choice(choices))
            if answer.terminated or answer.truncated:
                break
            script.append(action)
            admissible = answer.observation.admissible
    return tuple(script) or (NONSENSE,)
