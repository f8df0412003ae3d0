"""The experience replay buffer (paper §4): real and dreamed turns that ground the next dreams.

Seeded with offline real trajectories, then enriched with every fresh one, so that it grows with the policy.

- *Quality*: `quality` says what is taken; refusals are counted by reason.
- *Duplicates*: state, action and outcome make an experience. The first one stays, but a real one takes the
  place of its dreamed twin.
- *Eviction*: over capacity dreamed experiences go, those of the oldest policy version first and of these the
  oldest; real ones go, the oldest first, only when nothing dreamed is left.
- *Truth*: the SQLite file. Everything else can be rebuilt from it.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from dreamgym.core.config import BufferConfig
from dreamgym.core.data_structures import Experience, Group, Trajectory
from dreamgym.core.errors import CheckpointError
from dreamgym.models.admission import Candidate, admit, withdraw
from dreamgym.models.balance import balanced_choice
from dreamgym.models.embedding import Embedder, make_embedder
from dreamgym.models.experience_store import ExperienceStore
from dreamgym.models.ledger import Ledger, owner_key, row_of
from dreamgym.models.quality import Refusal, episode_problems, experiences_of
from dreamgym.models.turn_index import ROWS_AT_ONCE, TurnIndex
from dreamgym.utils.atomic import write_json
from dreamgym.utils.gathering import Gathering
from dreamgym.utils.random_state import random_state, set_random_state

NEIGHBOURS = 2
STORE, VECTORS, STATE = "replay_buffer.sqlite", "replay_buffer.vectors", "replay_buffer.json"
Question = tuple[str, str, str | None, int]  # state, action, the trajectory to exclude, k
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class AddReport:
    """What became of the experiences that were handed in, and whom they pushed out."""

    added: int
    replaced: int = 0
    evicted: int = 0
    refused: dict[Refusal, int] = field(default_factory=dict)


class ExperienceReplayBuffer:
    """Stores experiences, finds similar ones, draws balanced batches.

    ``config.path`` names the SQLite file; without it all is in memory. Experiences of ``evaluation_tasks``
    (their ids) are neither taken nor kept. ``rng`` draws the batches.

    Raises:
        StoreError: the file is locked, full, damaged or not ours.
    """

    def __init__(
        self,
        config: BufferConfig,
        *,
        evaluation_tasks: Collection[str] = (),
        embedder: Embedder | None = None,
        rng: Random | None = None,
    ) -> None:
        self._capacity = config.capacity
        self._evaluation_tasks = frozenset(evaluation_tasks)
        self._rng = rng or Random(0)
        self._counts: Counter[str] = Counter()
        vectors = None if config.path is None else config.path.with_suffix(".vectors")
        self._turns = TurnIndex(embedder or make_embedder(config), config.capacity, vectors)
        self._gathering = Gathering(self._answer_all)
        self._store = ExperienceStore(config.path)
        self._read_store()

    def __len__(self) -> int:
        return len(self._ledger)

    def add_experience(self, experience: Experience) -> AddReport:
        """Add one experience; many at once are much faster."""
        return self.add_experiences([experience])

    def add_experiences(self, experiences: Iterable[Experience]) -> AddReport:
        """Add what passes the quality filter. A chunk is stored whole or not at all."""
        return self._add([(experience, None) for experience in experiences])

    def add_trajectories(self, trajectories: Iterable[Trajectory]) -> AddReport:
        """Add the turns of finished episodes."""
        return self._add(
            [
                pair
                for trajectory in trajectories
                for pair in zip(experiences_of(trajectory), episode_problems(trajectory), strict=True)
            ]
        )

    def add_groups(self, groups: Iterable[Group]) -> AddReport:
        """Add the turns of every trajectory of the groups."""
        return self.add_trajectories(trajectory for group in groups for trajectory in group.trajectories)

    def sample_balanced(self, batch_size: int) -> tuple[Experience, ...]:
        """``batch_size`` different experiences (all, where there are fewer), in random order.

        Balanced by origin, within an origin by the episode's success, within these by task type: each value
        has the same share as far as there are enough of it.
        """
        return self._store.fetch(balanced_choice(self._ledger.strata, batch_size, self._rng))

    def neighbours(
        self, state: str, action: str, *, exclude_trajectory: str | None = None, k: int = NEIGHBOURS
    ) -> tuple[Experience, ...]:
        """The ``k`` experiences nearest to this turn, best first.

        Equally near ones come real before dreamed, then newest first. None is of ``exclude_trajectory``, the
        query's own, and none of an evaluation task.
        """
        return self.neighbours_batch([(state, action)], exclude_trajectories=[exclude_trajectory], k=k)[0]

    def neighbours_batch(
        self,
        turns: Sequence[tuple[str, str]],
        *,
        exclude_trajectories: Sequence[str | None] | None = None,
        k: int = NEIGHBOURS,
    ) -> list[tuple[Experience, ...]]:
        """``neighbours`` of many (state, action) pairs: the same answers, several times faster."""
        names = exclude_trajectories or [None] * len(turns)
        excluded = [None if name is None else owner_key(name) for name in names]
        found = self._turns.search(turns, k, excluded)
        return [self._store.fetch([match.number for match in matches]) for matches in found]

    async def aneighbours(
        self, state: str, action: str, *, exclude_trajectory: str | None = None, k: int = NEIGHBOURS
    ) -> tuple[Experience, ...]:
        """``neighbours`` for coroutines: those that ask at once are answered by one search."""
        found = await self._gathering.ask((state, action, exclude_trajectory, k))
        return found[:k]

    def metrics(self) -> dict[str, float]:
        """Sizes now, and what was added, evicted and refused since the buffer began."""
        numbers: Counter[str] = Counter(self._counts)
        for (origin, *_), rows in self._ledger.strata.items():
            numbers[str(origin)] += len(rows)
        return {f"replay/{name}": float(value) for name, value in {"size": len(self), **numbers}.items()}

    def save(self, folder: Path) -> None:
        """Write the whole state to ``folder``; equal states give equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self._store.copy_to(folder / STORE)
        self._turns.save(folder / VECTORS, list(self._ledger))
        state = {
            "size": len(self),
            "next_number": self._next_number,
            "counts": dict(sorted(self._counts.items())),
        }
        write_json(folder / STATE, state | {"rng": random_state(self._rng)})

    def load(self, folder: Path) -> None:
        """Continue exactly where ``save`` wrote; what the store held before is replaced."""
        path = folder / STATE
        try:
            state = json.loads(path.read_text())
            next_number, counts, rng, size = (state[k] for k in ("next_number", "counts", "rng", "size"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path} is missing or no state of a replay buffer ({error!r}): take an earlier checkpoint"
            ) from error
        self._store.replace_from(folder / STORE)
        self._read_store(folder / VECTORS)
        if len(self) != size:
            raise CheckpointError(f"{folder / STORE} holds {len(self)} experiences, its state says {size}")
        self._next_number, self._counts = next_number, Counter(counts)
        set_random_state(self._rng, rng)

    def close(self) -> None:
        """Free the file; may be called twice."""
        self._store.close()

    def _read_store(self, vectors: Path | None = None) -> None:
        """Rebuild everything in memory from the store, which may hold too much after a change of settings."""
        self._ledger, unwanted = Ledger(), []
        self._next_number = 1
        for stored in self._store.scan():
            self._next_number = stored.number + 1
            row = row_of(stored.number, stored.experience)
            if stored.experience.task_id in self._evaluation_tasks or self._ledger.twin(row):
                unwanted.append(row)
            else:
                self._ledger.add(row)
        unwanted.extend(self._ledger.pop_excess(self._capacity))
        if unwanted:
            self._store.write([], [row.number for row in unwanted])
        self._turns.restore(list(self._ledger), self._store.fetch, vectors)

    def _answer_all(self, questions: Sequence[Question]) -> list[tuple[Experience, ...]]:
        turns = [(state, action) for state, action, *_ in questions]
        excluded = [trajectory for _, _, trajectory, _ in questions]
        most = max(k for *_, k in questions)
        return self.neighbours_batch(turns, exclude_trajectories=excluded, k=most)

    def _add(self, candidates: Sequence[Candidate]) -> AddReport:
        counts: Counter[str] = Counter()
        for start in range(0, len(candidates), ROWS_AT_ONCE):
            counts += self._add_chunk(candidates[start : start + ROWS_AT_ONCE])
        self._counts += counts
        refused = {reason: counts[f"refused/{reason}"] for reason in Refusal if counts[f"refused/{reason}"]}
        logger.debug("replay buffer: %s", dict(counts))
        return AddReport(
            added=counts["added"], replaced=counts["replaced"], evicted=counts["evicted"], refused=refused
        )

    def _add_chunk(self, candidates: Sequence[Candidate]) -> Counter[str]:
        batch = admit(
            self._ledger,
            candidates,
            first_number=self._next_number,
            capacity=self._capacity,
            evaluation_tasks=self._evaluation_tasks,
        )
        try:
            vectors = self._turns.embed(
                [(stored.experience.state, stored.experience.action) for stored in batch.added]
            )
            self._store.write(batch.added, [row.number for row in batch.removed])
        except BaseException:
            withdraw(self._ledger, batch)
            raise
        finally:
            self._next_number += len(candidates)  # also of what failed: its numbers wait for eviction
        self._turns.update(batch.rows, vectors, batch.removed)
        if self._turns.is_wasteful:
            self._turns.compact(list(self._ledger))
        return batch.counts
