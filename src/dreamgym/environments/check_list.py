"""What ``check_env`` checks: one function a check, and the list of them with what each wants.

A check plays fresh environments and raises ``Unwanted`` with what it found.
"""

from __future__ import annotations

import inspect
import math
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from dreamgym.core.data_structures import Origin, Task
from dreamgym.core.errors import DreamGymError
from dreamgym.environments.base_env import Environment, Observation, StepResult

NONSENSE = "xyzzy plugh 7"
HUGE = "go to " + "cabinet " * 131_072  # 1 MB
CONTROL = "look\x00\x1b[2J\x07\r\n\u202e\ud800 around"
SEEDS = 4
MAX_OBSERVATION = 65_536  # characters; an answer that echoes a huge action fills every context


class Unwanted(Exception):
    """What a check found instead of what it wanted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """The environment under test and what is played in it; no action of ``script`` ends the episode."""

    make_env: Callable[[], Environment]
    task: Task
    seed: int
    max_turns: int
    script: tuple[str, ...] = (NONSENSE,)

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Environment]:
        """A new environment, closed at the end."""
        environment = self.make_env()
        try:
            yield environment
        finally:
            await environment.close()

    async def play(self, environment: Environment, seed: int) -> list[Observation | StepResult]:
        """Everything the environment says when the script is played from a reset."""
        return [await environment.reset(self.task, seed), *await play_on(environment, self.script)]


async def play_on(environment: Environment, actions: Sequence[str]) -> list[StepResult]:
    """The answers to ``actions``, until one ends the episode."""
    answers: list[StepResult] = []
    for action in actions:
        answers.append(answer := await environment.step(action))
        if answer.terminated or answer.truncated:
            break
    return answers


def require(condition: bool, found: str) -> None:
    """Report ``found`` unless ``condition`` holds."""
    if not condition:
        raise Unwanted(found)


def require_observation(observation: object) -> None:
    """An ``Observation`` whose text a context and a terminal can hold."""
    require(isinstance(observation, Observation), f"{type(observation).__name__} {observation!r:.200}")
    assert isinstance(observation, Observation)
    text, admissible = observation.text, observation.admissible
    require(isinstance(text, str) and bool(text.strip()), f"the text {text!r}")
    require(len(text) <= MAX_OBSERVATION, f"an observation of {len(text):,} characters")
    control = sorted({c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"})
    require(not control, f"control characters {control[:5]} in the observation {text!r:.200}")
    if admissible is not None:
        strings = isinstance(admissible, tuple) and all(isinstance(action, str) for action in admissible)
        require(strings, f"admissible actions {admissible!r:.200}")


def require_step(answer: object) -> None:
    """A ``StepResult`` with a finite reward and flags that are booleans."""
    require(isinstance(answer, StepResult), f"{type(answer).__name__} {answer!r:.200}")
    assert isinstance(answer, StepResult)
    require_observation(answer.observation)
    for flag in ("terminated", "truncated", "won", "valid"):
        value = getattr(answer, flag)
        require(isinstance(value, bool), f"{flag}={value!r}, a {type(value).__name__}")
    number = isinstance(answer.reward, (int, float)) and not isinstance(answer.reward, bool)
    require(number and math.isfinite(answer.reward), f"the reward {answer.reward!r}")
    require(not answer.won or answer.terminated, "won=True in an episode that has not terminated")


def require_equal(found: Sequence[object], wanted: Sequence[object]) -> None:
    """The same answers, told apart at the first turn that differs."""
    for turn, (one, other) in enumerate(zip(found, wanted, strict=False)):
        require(one == other, f"at turn {turn} {one!r:.300} where the first play had {other!r:.300}")
    require(len(found) == len(wanted), f"{len(found)} answers where the first play had {len(wanted)}")


async def check_types(probe: Probe) -> None:
    """Names, kinds and types."""
    async with probe.fresh() as environment:
        missing = [name for name in MEMBERS if not hasattr(environment, name)]
        require(not missing, f"{type(environment).__name__} has no {', '.join(missing)}")
        blocking = [name for name in ("reset", "step", "close") if not _is_async(environment, name)]
        require(not blocking, f"{', '.join(blocking)} not declared `async def`")
        require(isinstance(environment.name, str) and bool(environment.name), f"name={environment.name!r}")
        require(isinstance(environment.origin, Origin), f"origin={environment.origin!r}")
        require_observation(await environment.reset(probe.task, probe.seed))
        require_step(await environment.step(NONSENSE))
        sheet = environment.sheet
        require(
            environment.origin is not Origin.REAL or sheet is None,
            f"a real world with the sheet {sheet!r:.200}",
        )


def _is_async(environment: Environment, name: str) -> bool:
    return inspect.iscoroutinefunction(getattr(environment, name))


async def check_same_seed(probe: Probe) -> None:
    """Two environments, the same seed, the same actions; a few seeds, for worlds that say little."""
    for seed in range(probe.seed, probe.seed + SEEDS):
        async with probe.fresh() as one, probe.fresh() as other:
            first = await probe.play(one, seed)
            for answer in first[1:]:
                require_step(answer)
            require_equal(await probe.play(other, seed), first)


async def check_reset_again(probe: Probe) -> None:
    """The same episode, to its end, in a fresh environment and in one left in the middle of another."""
    to_the_end = replace(probe, script=probe.script + (NONSENSE,) * probe.max_turns)
    async with probe.fresh() as fresh, probe.fresh() as used:
        first = await to_the_end.play(fresh, probe.seed)
        await probe.play(used, probe.seed + 1)
        require_equal(await to_the_end.play(used, probe.seed), first)


async def check_independence(probe: Probe) -> None:
    """Another episode of another environment, turn by turn in between."""
    async with probe.fresh() as alone, probe.fresh() as one, probe.fresh() as other:
        first = await probe.play(alone, probe.seed)
        found: list[Observation | StepResult] = [await one.reset(probe.task, probe.seed)]
        await other.reset(probe.task, probe.seed + 1)
        for action in probe.script[: len(first) - 1]:
            await other.step(NONSENSE)
            found.append(await one.step(action))
        require_equal(found, first)


async def check_snapshot(probe: Probe) -> None:
    """Restore in the middle, twice: what was played meanwhile must not have changed the snapshot."""
    half = len(probe.script) // 2
    async with probe.fresh() as environment:
        await environment.reset(probe.task, probe.seed)
        await play_on(environment, probe.script[:half])
        snapshot = environment.snapshot()
        first = await play_on(environment, probe.script[half:])
        for _ in range(2):
            environment.restore(snapshot)
            require_equal(await play_on(environment, probe.script[half:]), first)


async def check_turn_limit(probe: Probe) -> None:
    """Nothing but an action that no world understands."""
    async with probe.fresh() as environment:
        await environment.reset(probe.task, probe.seed)
        answers = await play_on(environment, [NONSENSE] * probe.max_turns)
        last = answers[-1]
        flags = f"terminated={last.terminated}, truncated={last.truncated}"
        require(
            last.truncated and not last.terminated and not last.won,
            f"{flags} after {len(answers)} turns of {NONSENSE!r}",
        )


async def check_step_after_end(probe: Probe) -> None:
    """One more action after the turn limit."""
    async with probe.fresh() as environment:
        await environment.reset(probe.task, probe.seed)
        await play_on(environment, [NONSENSE] * probe.max_turns)
        try:
            answer = await environment.step(probe.script[0])
        except (DreamGymError, RuntimeError):
            return
        ended = answer.terminated or answer.truncated
        require(ended and answer.reward == 0 and not answer.won, f"{answer!r:.300}")


def answers_with_error(action: str) -> Check:
    """A check that ``action`` is answered in text and the episode goes on as if it had not been said."""

    async def check(probe: Probe) -> None:
        async with probe.fresh() as environment:
            await environment.reset(probe.task, probe.seed)
            answer = await environment.step(action)
            require_step(answer)
            require(not answer.terminated, f"the action ended the episode: {answer!r:.300}")
            require(not answer.won and answer.reward <= 0, f"the action was rewarded: {answer!r:.300}")
            require(not answer.valid, f"the action counts as valid: {answer!r:.300}")
            for following in await play_on(environment, probe.script):
                require_step(following)

    return check


async def check_close_twice(probe: Probe) -> None:
    """Before the first reset, and twice after it."""
    async with probe.fresh():
        pass
    async with probe.fresh() as environment:
        await environment.reset(probe.task, probe.seed)
        await environment.close()


Check = Callable[[Probe], Awaitable[None]]
MEMBERS = ("name", "origin", "reset", "step", "snapshot", "restore", "sheet", "close")
TYPES = (
    "`name: str`, `origin: Origin`, async reset -> Observation, async step -> StepResult with a finite "
    "reward and boolean flags, snapshot, restore, sheet (None in a real world), async close"
)
ERROR = (
    f"a StepResult whose text tells the error in at most {MAX_OBSERVATION:,} characters, none of them a "
    "control character, with valid=False, without reward and without an end; never an exception"
)
CHECKS: tuple[tuple[str, str, Check], ...] = (
    (
        "a seed gives one episode",
        "two environments with one seed answer the same actions alike",
        check_same_seed,
    ),
    ("reset starts over", "a reset forgets the episode before it", check_reset_again),
    (
        "episodes are independent",
        "an environment is not changed by another one that plays",
        check_independence,
    ),
    ("snapshot and restore", "after each restore the same actions get the same answers", check_snapshot),
    (
        "the turn limit truncates",
        "an episode of useless actions ends by `max_turns` turns with truncated, not terminated or won",
        check_turn_limit,
    ),
    (
        "a step after the end",
        "a DreamGymError or RuntimeError, or an answer that has ended still and pays nothing",
        check_step_after_end,
    ),
    ("an action it does not understand", ERROR, answers_with_error(NONSENSE)),
    ("an empty action", ERROR, answers_with_error("")),
    ("an action of 1 MB", ERROR, answers_with_error(HUGE)),
    ("an action with control characters", ERROR, answers_with_error(CONTROL)),
    ("close twice", "close frees everything, and does nothing the second time", check_close_twice),
)
