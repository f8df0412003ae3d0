"""What is meant to notice a dream that lies, behind one protocol: asked in every iteration, it says why not.

The two monitors are the audits of a run with the rule that raises a run's flag (``training.exploitation``):
what is measured here is what a run does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dreamgym.core.config import FidelityConfig
from dreamgym.core.data_structures import Group
from dreamgym.training.audit import dreams
from dreamgym.training.drift import Drift
from dreamgym.training.exploitation import Audited, exploitation, latest
from dreamgym.training.parts import Audit, Auditor
from dreamgym.utils.stats import wilson

MAX_FAR = 0.02  # share of turns farther from the data than all but a hundredth of held-out real ones


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a detector says in an iteration (0: before the first); no ``reason`` where it believes."""

    detector: str
    iteration: int
    reason: str
    seconds: float
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A detector's answer: why the dream is not to be believed, and what was measured."""

    reason: str
    measured: Mapping[str, float] = field(default_factory=dict)


class Detector(Protocol):
    """Looks at the dreamed groups of an iteration; it may remember those before."""

    name: str

    async def look(self, iteration: int, groups: Sequence[Group]) -> Finding:
        """Say whether these dreams are to be believed."""
        ...


class Monitor:
    """A run's auditor and the rule that a run's flag is raised by."""

    def __init__(self, name: str, auditor: Auditor, config: FidelityConfig) -> None:
        self.name = name
        self._auditor = auditor
        self._config = config
        self._audits: tuple[Audited, ...] = ()

    async def look(self, iteration: int, groups: Sequence[Group]) -> Finding:
        """Audit as a run does."""
        audit = await self._auditor.audit(iteration, groups)
        if audit.audited.episodes:
            self._audits = latest(self._audits, audit.audited)
        counts = {name: float(value) for name, value in audit.audited._asdict().items()}
        return Finding(reason=exploitation(self._audits, self._config), measured={**audit.metrics, **counts})


class Distance:
    """On-policy turns that are farther from the logged ones than held-out real turns are."""

    name = "distance"

    def __init__(self, drift: Drift, far: float) -> None:
        self._drift = drift
        self._far = far

    async def look(self, iteration: int, groups: Sequence[Group]) -> Finding:
        """Flag where more than ``MAX_FAR`` of the turns are far, chance apart."""
        turns = [(turn.state, turn.action.text) for t in dreams(groups) for turn in t.transitions]
        distances = self._drift.distances(turns)
        far = int((distances > self._far).sum())
        share = wilson(far, len(distances))
        reason = f"{far} of {len(distances)} turns are unlike the data" if share.low > MAX_FAR else ""
        mean = float(distances.mean()) if len(distances) else 0.0
        return Finding(reason=reason, measured={"far": share.estimate if turns else 0.0, "drift": mean})


class Watch:
    """A trainer's auditor that asks every detector and keeps their verdicts; it never stops the run."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors
        self.verdicts: list[Verdict] = []

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """Ask them all; iterations are counted from 1."""
        for detector in self._detectors:
            started = time.monotonic()
            finding = await detector.look(iteration, groups)
            self.verdicts.append(
                Verdict(
                    detector=detector.name,
                    iteration=iteration + 1,
                    reason=finding.reason,
                    seconds=time.monotonic() - started,
                    measured=finding.measured,
                )
            )
        return Audit()
