"""What the replay buffer knows of each stored experience without reading it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from dreamgym.core.data_structures import Experience, Origin
from dreamgym.models.balance import Stratum


@dataclass(frozen=True, slots=True)
class Row:
    """An experience's number, and what duplicates, balance, eviction and retrieval depend on."""

    number: int
    origin: Origin
    stratum: Stratum  # (origin, success, task type)
    policy_version: int
    outcome_key: int  # of state, action and what came of it
    turn_key: int  # of state and action
    owner: int  # of the trajectory

    @property
    def rank(self) -> int:
        """Among equally similar neighbours: real before dreamed, then the newest."""
        return self.number + (1 << 48 if self.origin is Origin.REAL else 0)


def row_of(number: int, experience: Experience) -> Row:
    """The row of an experience."""
    e = experience
    return Row(
        number=number,
        origin=e.origin,
        stratum=(e.origin.value, e.success, e.task_type),
        policy_version=e.policy_version,
        outcome_key=_key(e.environment, e.state, e.action, e.next_state, repr(e.reward), str(e.terminated)),
        turn_key=_key(e.state, e.action),
        owner=owner_key(e.trajectory_id),
    )


def owner_key(trajectory_id: str) -> int:
    """A trajectory's name in 63 bits."""
    return _key(trajectory_id) >> 1


def _key(*texts: str) -> int:
    # The quality filter lets no control character in, so the separator is never part of a text.
    return int.from_bytes(blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "big")


class Ledger:
    """Rows by number, by outcome, by stratum, and in the order of eviction."""

    def __init__(self) -> None:
        self.strata: dict[Stratum, dict[int, None]] = {}  # dicts as sets that keep the order
        self._rows: dict[int, Row] = {}
        self._by_outcome: dict[int, int] = {}
        self._dreams_of_turn: Counter[int] = Counter()
        self._evictions: list[tuple[bool, int, int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """All rows in the order of arrival."""
        return (self._rows[number] for number in sorted(self._rows))

    def add(self, row: Row) -> None:
        """Take a row whose outcome is not here yet."""
        self._rows[row.number] = row
        self._by_outcome[row.outcome_key] = row.number
        self.strata.setdefault(row.stratum, {})[row.number] = None
        is_real = row.origin is Origin.REAL
        self._dreams_of_turn[row.turn_key] += not is_real
        heapq.heappush(self._evictions, (is_real, 0 if is_real else row.policy_version, row.number))

    def remove(self, row: Row) -> None:
        """Forget a row."""
        del self._rows[row.number]
        del self._by_outcome[row.outcome_key]
        del self.strata[row.stratum][row.number]
        if not self.strata[row.stratum]:
            del self.strata[row.stratum]
        self._dreams_of_turn[row.turn_key] -= row.origin is Origin.DREAMED
        if not self._dreams_of_turn[row.turn_key]:
            del self._dreams_of_turn[row.turn_key]

    def twin(self, row: Row) -> Row | None:
        """The row with the same state, action and outcome."""
        number = self._by_outcome.get(row.outcome_key)
        return None if number is None else self._rows[number]

    def dreams_of(self, row: Row) -> int:
        """How many outcomes were dreamed of the row's state and action."""
        return self._dreams_of_turn[row.turn_key]

    def pop_excess(self, capacity: int) -> list[Row]:
        """Remove and return the rows over ``capacity``: dreamed before real, old before new."""
        victims = []
        while len(self) > capacity:
            _, _, number = heapq.heappop(self._evictions)
            row = self._rows.get(number)  # None: it left another way
            if row is not None:
                self.remove(row)
                victims.append(row)
        return victims
