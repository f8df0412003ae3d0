"""What was kept of the files, what was skipped and why, with the places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dreamgym.core.data_structures import Trajectory
from dreamgym.models.dream_prompts import MAX_ACTION_CHARACTERS

MOST_STRETCHES = 10_000  # of places with one reason in one file
SHOWN_REASONS = 8
LONG = 65_536  # characters of one text: no experience of the replay buffer is longer


@dataclass(slots=True)
class Places:
    """Places as stretches, since bad lines come in a row."""

    count: int = 0
    stretches: list[list[int]] = field(default_factory=list)

    def add(self, place: int) -> None:
        """One more; places come in rising order."""
        self.count += 1
        if self.stretches and place == self.stretches[-1][1] + 1:
            self.stretches[-1][1] = place
        elif len(self.stretches) < MOST_STRETCHES:
            self.stretches.append([place, place])

    def words(self, unit: str) -> str:
        """``lines 3 to 5, 9 and 2 more``."""
        shown = [str(a) if a == b else f"{a} to {b}" for a, b in self.stretches[:3]]
        left = self.count - sum(b - a + 1 for a, b in self.stretches[:3])
        more = f" and {left} more" if left > 0 else ""
        return f"{unit if self.count == 1 else unit + 's'} {', '.join(shown)}{more}"


@dataclass(slots=True)
class FileReport:
    """One file."""

    file: str
    format: str
    unit: str
    kept: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, Places] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)

    def keep(self, trajectory: Trajectory, *, outcome_told: bool) -> None:
        """Count a trajectory."""
        self.kept.update(traces=1, turns=len(trajectory.transitions))
        self.kept["refused turns"] += sum(not turn.valid for turn in trajectory.transitions)
        outcome = "won" if trajectory.success else "lost" if outcome_told else "without an outcome"
        self.kept[outcome] += 1
        texts = (text for turn in trajectory.transitions for text in (turn.state, turn.action.text))
        long = sum(len(turn.action.text) > MAX_ACTION_CHARACTERS for turn in trajectory.transitions)
        self.notes[f"actions of which a dream reads the first {MAX_ACTION_CHARACTERS:,} characters"] += long
        self.notes[f"texts of more than {LONG:,} characters, kept whole"] += sum(len(t) > LONG for t in texts)

    def skip(self, place: int, reason: str) -> None:
        """Count what could not be used."""
        self.skipped.setdefault(reason, Places()).add(place)

    def to_json(self) -> dict[str, Any]:
        """The whole of it."""
        return {
            "file": self.file,
            "format": self.format,
            "kept": dict(self.kept),
            "skipped": [
                {"reason": reason, "count": places.count, f"{self.unit}s": places.stretches}
                for reason, places in self.skipped.items()
            ],
            "notes": dict(+self.notes),
            "masked": dict(self.masked),
        }

    def lines(self) -> Iterator[str]:
        """In short, for a terminal."""
        kept, skipped = self.kept, sum(places.count for places in self.skipped.values())
        outcomes = [f"{kept[k]:,} {k}" for k in ("won", "lost", "without an outcome") if kept[k]]
        told = f" ({', '.join(outcomes)})" if outcomes else ""
        yield f"{self.file}: {self.format}, {kept['traces']:,} kept{told}, {skipped:,} skipped"
        worst = sorted(self.skipped.items(), key=lambda item: -item[1].count)
        for reason, places in worst[:SHOWN_REASONS]:
            yield f"  skipped, {places.words(self.unit)}: {reason}"
        if len(worst) > SHOWN_REASONS:
            yield f"  and {len(worst) - SHOWN_REASONS} more reasons"
        yield from (f"  {count:,} {note}" for note, count in (+self.notes).items())
        if self.masked:
            kinds = ", ".join(f"{count:,} × {kind}" for kind, count in self.masked.most_common())
            yield f"  masked: {kinds}"
