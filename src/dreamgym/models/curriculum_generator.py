"""The curriculum task generator (paper §5): tasks at the edge of what the policy can do.

Eq. 7 ranks tasks by the variance of their rewards, from the ordinary training rollouts; Eq. 6 varies the
best of them, by an LLM (`generate_tasks`, `invent`) or, after each iteration, by the environment's rules
(`TaskVariator`).

- *Seed tasks* come once each per epoch, in random order.
- *Synthetic tasks* are at most a share λ of an iteration. One leaves when ``retire_after`` groups never
  solved it, when a whole group always did, or when newer ones need its place.
- ``difficulty_increment`` is how much harder than its parent a variation shall be; 0 switches it all off.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Protocol

from dreamgym.core.config import CurriculumConfig
from dreamgym.core.data_structures import Group, Task, Trajectory
from dreamgym.core.errors import CheckpointError, DataError
from dreamgym.models.embedding import Embedder, HashingEmbedder
from dreamgym.models.llm_client import LLMClient, run_sync
from dreamgym.models.llm_tasks import TaskMaker
from dreamgym.models.recombination import HOUSEHOLD_SEEDS, recombinations
from dreamgym.models.task_pool import Observed, TaskPool
from dreamgym.models.task_value import CLUSTER_SIZE, group_values, reward_variance
from dreamgym.utils.atomic import write_json
from dreamgym.utils.random_state import random_state, set_random_state

POOL_ITERATIONS = 4  # the pool holds what so many iterations make
RECENT_RETURNS = CLUSTER_SIZE  # that tell the value of a task played one episode at a time
STATE = "curriculum.json"
logger = logging.getLogger(__name__)


class TaskVariator(Protocol):
    """What an environment knows about its own tasks."""

    def variations(self, seed: Task, rng: Random, *, increment: float) -> Iterable[Task]:
        """Feasible tasks in the world of ``seed``, about ``increment`` harder, the most wanted first."""
        ...

    def refusal(self, task: Task) -> str | None:
        """Why the task cannot be done in its world, in a word or two; None where it can, as far as known."""
        ...

    def task_type(self, instruction: str) -> str:
        """The type of task that the instruction asks for; empty where it is not understood."""
        ...


class CurriculumTaskGenerator:
    """Chooses the tasks of an iteration, learns from its groups, makes new tasks.

    ``seeds`` are the user's tasks (a few household ones without them). All randomness comes from ``rng``.
    With an ``llm_client`` it makes the variations, in ``invent``; else the environment's rules do, in
    ``observe``.
    """

    def __init__(
        self,
        config: CurriculumConfig,
        seeds: Sequence[Task] = (),
        *,
        variator: TaskVariator | None = None,
        embedder: Embedder | None = None,
        rng: Random | None = None,
        llm_client: LLMClient | None = None,
    ) -> None:
        self._config = config
        self._seeds = tuple(seeds) or HOUSEHOLD_SEEDS
        self._variator = variator
        self._embedder = embedder or HashingEmbedder()
        self._rng = rng or Random(0)
        self._client = llm_client
        self._epoch: list[int] = []  # seeds still to come, the next one last
        self._pool = TaskPool(POOL_ITERATIONS * config.variations_per_iteration, config.retire_after)
        self._refused: Counter[str] = Counter()
        self._latest: dict[str, float] = {}
        for task in self._seeds:
            self._pool.know(task)

    @property
    def is_on(self) -> bool:
        """False where ``difficulty_increment`` is 0: seed tasks alone."""
        return self._config.difficulty_increment > 0

    def sample(self, num_tasks: int, *, synthetic: bool = True) -> list[Task]:
        """Tasks for an iteration, at most a share λ of them synthetic (none where ``synthetic`` is false)."""
        # λ · n may fall short of a whole number by the float's last bit.
        most = int(self._config.synthetic_share * num_tasks + 1e-9) if synthetic and self.is_on else 0
        made = self._pool.draw(most, self._rng)
        self._latest["synthetic_share"] = len(made) / num_tasks if num_tasks else 0.0
        return made + self._next_seeds(num_tasks - len(made))

    def observe(self, groups: Sequence[Group]) -> None:
        """Rank the tasks of ``groups`` by reward variance (Eq. 7), then vary the best (Eq. 6)."""
        scored = [group for group in groups if group.returns]
        values = group_values(scored, self._embedder)
        for group, value in zip(scored, values, strict=True):
            self._remember(group.scored, group.returns, value)
        if values:
            self._latest["reward_variance"] = sum(values) / len(values)
        if self.is_on and self._variator is not None and self._client is None:
            best = self._pool.best(self._config.num_seeds)
            self._take(self._variations(best), self._config.variations_per_iteration)

    def update_performance(self, completed_episode: Trajectory) -> None:
        """Learn from one finished episode; its task's value is that of its last returns."""
        if completed_episode.stop_reason.is_failure:
            return
        known = self._pool.observed.get(completed_episode.task.id)
        earlier = known.returns if known else ()
        returns = (*earlier, completed_episode.episode_return)[-RECENT_RETURNS:]
        self._remember([completed_episode], returns, reward_variance(returns))

    def generate_tasks(self, num_tasks: int, llm_client: LLMClient) -> list[Task]:
        """``agenerate_tasks``, not from inside a running event loop."""
        return run_sync(self.agenerate_tasks(num_tasks, llm_client), instead="agenerate_tasks")

    async def invent(self) -> None:
        """Vary the best tasks by the language model (Eq. 6), once something is known of them."""
        if self._client is not None and self._pool.best(1):
            await self.agenerate_tasks(self._config.variations_per_iteration, self._client)

    async def agenerate_tasks(self, num_tasks: int, llm_client: LLMClient) -> list[Task]:
        """At most ``num_tasks`` new variations of the most valuable tasks, by an LLM (Eq. 6).

        Where its answers are unusable, rules take over: the environment's, then words exchanged between
        tasks. The tasks are put into play too.
        """
        if not self.is_on:
            return []
        maker = TaskMaker(llm_client, self._rng, problem=self._problem, task_type=self._type_of)
        made: list[Task] = []
        while len(made) < num_tasks and not maker.is_hopeless:
            task = await maker.make(self._parents())
            made += [] if task is None else self._take([task], 1)
        self._refused.update(maker.refused)
        if len(made) < num_tasks:
            logger.info("%d of %d tasks made by the language model, the rest by rules", len(made), num_tasks)
            made += self._take(self._by_rules(), num_tasks - len(made))
        return made

    def metrics(self) -> dict[str, float]:
        """The pool now, the last iteration's variance, and what was made, refused and dropped so far."""
        refused = {f"refused/{reason}": count for reason, count in self._refused.items()}
        numbers = {"pool": len(self._pool.active), **self._pool.counts, **refused, **self._latest}
        return {f"curriculum/{name}": float(value) for name, value in numbers.items()}

    def state(self) -> dict[str, Any]:
        """Everything that changes, JSON-able."""
        return {
            "seeds": _digest(self._seeds),
            "epoch": list(self._epoch),
            "pool": self._pool.state(),
            "refused": dict(sorted(self._refused.items())),
            "latest": dict(self._latest),
            "rng": random_state(self._rng),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue exactly from ``state``'s value."""
        if state["seeds"] != _digest(self._seeds):
            raise CheckpointError(
                f"the curriculum was saved with other seed tasks than these {len(self._seeds)}: "
                "resume with the settings the checkpoint was made with"
            )
        self._pool.load_state(state["pool"])
        self._epoch = list(state["epoch"])
        self._refused, self._latest = Counter(state["refused"]), dict(state["latest"])
        set_random_state(self._rng, state["rng"])

    def save(self, folder: Path) -> None:
        """Write ``state`` into ``folder``."""
        write_json(folder / STATE, self.state())

    def load(self, folder: Path) -> None:
        """Continue exactly where ``save`` wrote."""
        path = folder / STATE
        try:
            self.load_state(json.loads(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError, DataError) as error:
            raise CheckpointError(
                f"{path} holds no curriculum ({error!r}): take an earlier checkpoint"
            ) from error

    def _next_seeds(self, count: int) -> list[Task]:
        """The next seeds of this epoch, then of the next; one that came just now comes last again."""
        taken: list[int] = []
        while len(taken) < count:
            if not self._epoch:
                order = self._rng.sample(range(len(self._seeds)), len(self._seeds))
                self._epoch = sorted(order, key=taken.count, reverse=True)
            taken.append(self._epoch.pop())
        return [self._seeds[index] for index in taken]

    def _remember(self, episodes: Sequence[Trajectory], returns: Sequence[float], value: float) -> None:
        first = episodes[0]
        opening = first.task.opening or (first.transitions[0].state if first.transitions else "")
        task = replace(first.task, sheet=first.sheet or first.task.sheet, opening=opening)
        self._pool.know(task)
        self._pool.observe(
            Observed(
                task=task,
                returns=tuple(returns),
                value=value,
                groups=1.0 if len(episodes) > 1 else 1 / CLUSTER_SIZE,
                solved=any(episode.success for episode in episodes),
            )
        )

    def _parents(self) -> list[Task]:
        """The m most valuable tasks; seeds at random where there are not so many."""
        best = self._pool.best(self._config.num_seeds)
        ids = {task.id for task in best}
        others = [task for task in self._seeds if task.id not in ids]
        return best + self._rng.sample(others, min(self._config.num_seeds - len(best), len(others)))

    def _variations(self, parents: Sequence[Task]) -> Iterator[Task]:
        """What the environment's rules make of ``parents``, in turns."""
        if self._variator is not None:
            increment = self._config.difficulty_increment
            yield from _in_turns(
                [self._variator.variations(p, self._rng, increment=increment) for p in parents]
            )

    def _by_rules(self) -> Iterator[Task]:
        parents = self._parents()
        yield from self._variations(parents)
        others = self._rng.sample(self._seeds, len(self._seeds))
        yield from _in_turns([recombinations(seed, self._seeds, self._rng) for seed in parents + others])

    def _take(self, tasks: Iterable[Task], most: int) -> list[Task]:
        """Put up to ``most`` of ``tasks`` into play; the others' problems are counted."""
        taken: list[Task] = []
        for task in tasks:
            if len(taken) >= most:
                break
            problem = self._problem(task)
            if problem is None:
                taken.append(self._pool.add(task))
            else:
                self._refused[problem] += 1
        return taken

    def _problem(self, task: Task) -> str | None:
        """What speaks against a new task."""
        if not task.instruction.strip() or not task.instruction.isprintable():
            return "unreadable"
        if self._pool.knows(task):
            return "duplicate"
        return None if self._variator is None else self._variator.refusal(task)

    def _type_of(self, instruction: str) -> str:
        return "" if self._variator is None else self._variator.task_type(instruction)


def _in_turns(sources: Sequence[Iterable[Task]]) -> Iterator[Task]:
    """One of each source, then the next of each, until all are empty."""
    left = [iter(source) for source in sources]
    while left:
        for source in list(left):
            try:
                yield next(source)
            except StopIteration:
                left.remove(source)


def _digest(tasks: Sequence[Task]) -> str:
    return blake2b("\x1f".join(task.id for task in tasks).encode(), digest_size=8).hexdigest()
