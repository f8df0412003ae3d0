"""Deciding which experiences the replay buffer takes, and which ones leave for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from dreamgym.core.data_structures import Experience, Origin
from dreamgym.models.experience_store import StoredExperience
from dreamgym.models.ledger import Ledger, Row, row_of
from dreamgym.models.quality import MAX_DREAMS_OF_A_TURN, Refusal, quality_problem

Candidate = tuple[Experience, Refusal | None]  # the second: what its episode says against it


@dataclass(kw_only=True)
class Admission:
    """A batch decided upon: ``added`` and ``removed`` are what the store has to do."""

    added: list[StoredExperience] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)  # of ``added``
    removed: list[Row] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def admit(
    ledger: Ledger,
    candidates: Sequence[Candidate],
    *,
    first_number: int,
    capacity: int,
    evaluation_tasks: Collection[str],
) -> Admission:
    """Decide on the candidates in order, and enter the decision into the ledger."""
    batch = Admission()
    for number, (experience, problem) in enumerate(candidates, first_number):
        if experience.task_id in evaluation_tasks:
            problem = Refusal.EVALUATION_TASK
        problem = problem or quality_problem(experience)
        if problem is None:
            problem = _enter(ledger, row_of(number, experience), experience, batch)
        batch.counts["added" if problem is None else f"refused/{problem}"] += 1
    evicted = ledger.pop_excess(capacity)
    batch.counts["evicted"] += len(evicted)
    batch.removed.extend(evicted)
    _drop_passers_by(batch)
    return batch


def withdraw(ledger: Ledger, batch: Admission) -> None:
    """Take the decision back out of the ledger."""
    for row in batch.rows:
        ledger.remove(row)
    for row in batch.removed:
        ledger.add(row)


def _enter(ledger: Ledger, row: Row, experience: Experience, batch: Admission) -> Refusal | None:
    """Add the row unless it says nothing new; a real one takes the place of its dreamed twin."""
    twin = ledger.twin(row)
    is_real = row.origin is Origin.REAL
    if twin is not None and (twin.origin is Origin.REAL or not is_real):
        return Refusal.DUPLICATE
    if not is_real and ledger.dreams_of(row) >= MAX_DREAMS_OF_A_TURN:
        return Refusal.COMMON_TURN
    if twin is not None:
        ledger.remove(twin)
        batch.removed.append(twin)
        batch.counts["replaced"] += 1
    ledger.add(row)
    batch.added.append(StoredExperience(row.number, experience))
    batch.rows.append(row)
    return None


def _drop_passers_by(batch: Admission) -> None:
    """What came and left within the batch is no work for the store."""
    came, left = {row.number for row in batch.rows}, {row.number for row in batch.removed}
    batch.added = [stored for stored in batch.added if stored.number not in left]
    batch.rows = [row for row in batch.rows if row.number not in left]
    batch.removed = [row for row in batch.removed if row.number not in came]
