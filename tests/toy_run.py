"""A whole run small enough for pure Python: a tabular policy learns to say ``go`` in a countdown.

Its parts have state, so that a checkpoint that forgets one shows. As a script it is what a test kills:
``python toy_run.py FOLDER ITERATIONS [--resume]``.
"""

from __future__ import annotations

import asyncio
import copy
import json
import math
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from countdown import Countdown, make_task
from dreamgym.core.config import DreamGymConfig
from dreamgym.core.config_io import load_config
from dreamgym.core.data_structures import Action, Group, Origin, Task, Trajectory
from dreamgym.environments.base_env import Observation
from dreamgym.training.parts import Audit, Parts
from dreamgym.training.run_folder import RunFolder
from dreamgym.training.trainer import Trainer
from dreamgym.utils.metrics import MetricsLog
from dreamgym.utils.progress import PlainReporter

WORDS = ("go", "wait", "look", "sing")


class JsonState:
    """Keeps ``self.kept`` in one JSON file."""

    def __init__(self, **state: object) -> None:
        self.kept = dict(state)

    def save(self, folder: Path) -> None:
        (folder / "state.json").write_text(json.dumps(self.kept))

    def load(self, folder: Path) -> None:
        self.kept = json.loads((folder / "state.json").read_text())


class TabularPolicy(JsonState):
    def __init__(self) -> None:
        super().__init__(version=0, scores=dict.fromkeys(WORDS, 0.0))

    @property
    def version(self) -> int:
        return self.kept["version"]

    def start(self, task: Task, seed: int) -> TabularAgent:
        return TabularAgent(self.kept["scores"], random.Random(seed))


class TabularAgent:
    def __init__(self, scores: Mapping[str, float], rng: random.Random) -> None:
        self.weights, self.rng = [math.exp(scores[word]) for word in WORDS], rng

    async def act(self, observation: Observation) -> Action:
        await asyncio.sleep(0)
        word = self.rng.choices(WORDS, self.weights)[0]
        return Action(text=word, prompt_ids=(9,), token_ids=(WORDS.index(word),), logprobs=(-1.0,))

    def close(self) -> None: ...


class Reinforce(JsonState):
    """Raises the score of what won; its momentum and its noise are state that a resume must not lose."""

    def __init__(self) -> None:
        super().__init__(momentum=dict.fromkeys(WORDS, 0.0))

    def update(self, policy: TabularPolicy, groups: Sequence[Group]) -> dict[str, float]:
        baseline = sum(sum(g.returns) for g in groups) / max(1, sum(len(g.returns) for g in groups))
        for word, momentum in self.kept["momentum"].items():
            said = [
                t.episode_return - baseline
                for g in groups
                for t in g.scored
                for turn in t.transitions
                if turn.action.text == word
            ]
            self.kept["momentum"][word] = 0.5 * momentum + sum(said) / 20 + random.gauss(0, 0.01)
            policy.kept["scores"][word] += self.kept["momentum"][word]
        policy.kept["version"] += 1
        return {"baseline": baseline}


class LeastPlayed(JsonState):
    """Tasks that were drawn least; how often each was drawn and played is state."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__(drawn=[0] * len(tasks), played=[0] * len(tasks))
        self.tasks = tasks
        self.asked: list[tuple[int, bool]] = []

    def sample(self, num_tasks: int, *, synthetic: bool = True) -> list[Task]:
        self.asked.append((num_tasks, synthetic))
        order = sorted(range(len(self.tasks)), key=lambda i: (self.kept["drawn"][i], i))
        for i in order[:num_tasks]:
            self.kept["drawn"][i] += 1
        return [self.tasks[i] for i in order[:num_tasks]]

    def state(self) -> dict:
        return copy.deepcopy(self.kept)

    def load_state(self, state: dict) -> None:
        self.kept = copy.deepcopy(state)

    def observe(self, groups: Sequence[Group]) -> None:
        for group in groups:
            self.kept["played"][self.tasks.index(group.task)] += 1

    def metrics(self) -> dict[str, float]:
        return {"curriculum/played": float(sum(self.kept["played"]))}


class CountingBuffer(JsonState):
    def __init__(self) -> None:
        super().__init__(turns=0)

    def add_groups(self, groups: Sequence[Group]) -> None:
        self.add_trajectories(t for g in groups for t in g.trajectories)

    def add_trajectories(self, trajectories: Iterable[Trajectory]) -> None:
        self.kept["turns"] += sum(len(t.transitions) for t in trajectories)

    def metrics(self) -> dict[str, float]:
        return {"replay/size": float(self.kept["turns"])}


@dataclass
class ScriptedAuditor:
    """Gives its audits in turn, then clean ones."""

    audits: list[Audit] = field(default_factory=list)

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        return self.audits[iteration] if iteration < len(self.audits) else Audit()


@dataclass
class ScoreEvaluator:
    """Measures the policy's score of the right word."""

    seen: list[int] = field(default_factory=list)

    async def evaluate(self, policy: TabularPolicy, iteration: int) -> dict[str, float]:
        self.seen.append(iteration)
        return {"eval/real/score": policy.kept["scores"]["go"]}


def world_of(origin: Origin):
    async def prepare(task: Task, seed: int):
        return lambda: Countdown(length=2, limit=4, origin=origin)

    return prepare


def toy_config(iterations: int, *overrides: str) -> DreamGymConfig:
    phases = f"training.phases=[{{world: dream, iterations: {iterations}}}]"
    small = ["rl.group_size=4", "training.tasks_per_iteration=3", "training.checkpoint_every=2"]
    return load_config(None, [phases, *small, *overrides])


def toy_parts(config: DreamGymConfig, auditor: ScriptedAuditor | None = None) -> Parts:
    return Parts(
        policy=TabularPolicy(),
        algorithm=Reinforce(),
        curriculum=LeastPlayed([make_task(str(n)) for n in range(7)]),
        replay_buffer=CountingBuffer(),
        worlds={origin: world_of(origin) for origin in Origin},
        auditor=auditor or ScriptedAuditor(),
        evaluator=ScoreEvaluator(),
        dream_tokens=lambda: 0,
    )


def toy_trainer(folder: Path, config: DreamGymConfig, auditor: ScriptedAuditor | None = None) -> Trainer:
    run = RunFolder(folder)
    return Trainer(
        config=config,
        parts=toy_parts(config, auditor),
        folder=run,
        metrics=MetricsLog(run.metrics),
        reporter=PlainReporter(),
    )


def main(folder: str, iterations: str, *flags: str) -> None:
    config = toy_config(int(iterations), "training.eval_every=3")
    trainer = toy_trainer(Path(folder), config)
    with trainer.folder:
        if "--resume" in flags:
            checkpoint = trainer.folder.resume()
            if checkpoint is not None:
                trainer.resume(checkpoint)
        else:
            trainer.folder.start(config)
        asyncio.run(trainer.train())


if __name__ == "__main__":
    main(*sys.argv[1:])
