"""``check_env`` passes the documented example and names each way of breaking the protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from documents import code_blocks, run_blocks
from dreamgym.core.data_structures import Origin, Sheet, Task
from dreamgym.environments.base_env import Environment, Observation, StepResult
from dreamgym.environments.checks import EnvironmentCheckError, EnvironmentReport, check_env

PAGE = "docs/add_an_environment.md"
GuessEnv: Any = run_blocks(PAGE, code_blocks(PAGE, "python")[:1]).GuessEnv
TASK = Task(id="guess-1", environment="guess", instruction="Guess the number between 1 and 20.")


def verdict(make_env: Any) -> EnvironmentReport:
    return check_env(make_env, TASK, actions=["guess 5", "guess 12", "guess 19"])


def failed_checks(make_env: Any) -> set[str]:
    with pytest.raises(EnvironmentCheckError) as caught:
        verdict(make_env)
    return {finding.check for finding in caught.value.report.failures}


def test_the_documented_page_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    run_blocks(PAGE, code_blocks(PAGE, "python"))
    printed = capsys.readouterr().out
    assert printed.startswith("guess: 13 of 13 checks passed\n  ok ")
    assert printed.endswith("turns, terminated, return 1.0\n")


def test_the_example_is_as_long_as_promised() -> None:
    lines = code_blocks(PAGE, "python")[0].splitlines()
    code = [line for line in lines if line.strip() and not line.startswith(("import", "from"))]
    assert len(code) <= 40


def test_the_example_is_an_environment_and_passes() -> None:
    assert isinstance(GuessEnv(), Environment)
    report = verdict(GuessEnv)
    assert not report.failures
    assert len(report.findings) == 13


class Tires(GuessEnv):
    """Breaks down on its third turn, which no check of two turns sees."""

    async def step(self, action: str) -> StepResult:
        if self.state.turn == 2:
            raise RuntimeError("out of breath")
        return await super().step(action)


def test_an_environment_that_breaks_down_is_a_finding() -> None:
    with pytest.raises(EnvironmentCheckError, match="out of breath") as caught:
        verdict(Tires)
    assert [finding.check for finding in caught.value.report.failures] == ["an episode can be played"]


class Unseeded(GuessEnv):
    resets = 0

    async def reset(self, task: Task, seed: int) -> Observation:
        Unseeded.resets += 1
        return await super().reset(task, Unseeded.resets)


class LeavesTheOldEpisode(GuessEnv):
    async def reset(self, task: Task, seed: int) -> Observation:
        turn = self.state.turn
        observation = await super().reset(task, seed)
        self.state = replace(self.state, turn=turn % self.max_turns)
        return observation


class SharesItsState(GuessEnv):
    shared: Any = None

    @property
    def state(self) -> Any:
        return SharesItsState.shared

    @state.setter
    def state(self, state: Any) -> None:
        SharesItsState.shared = state


class ForgetsTheTurnInSnapshots(GuessEnv):
    def restore(self, snapshot: Any) -> None:
        super().restore(replace(snapshot, turn=self.state.turn, secret=1))


class TerminatesAtTheLimit(GuessEnv):
    async def step(self, action: str) -> StepResult:
        result = await super().step(action)
        return replace(result, terminated=result.terminated or result.truncated, truncated=False)


class NeverEnds(GuessEnv):
    async def step(self, action: str) -> StepResult:
        result = await super().step(action)
        self.state = replace(self.state, turn=min(self.state.turn, self.max_turns - 1))
        return replace(result, truncated=False)


class PaysAfterTheEnd(GuessEnv):
    async def step(self, action: str) -> StepResult:
        over = self.state.turn >= self.max_turns
        self.state = replace(self.state, turn=min(self.state.turn, self.max_turns - 1))
        result = await super().step(action)
        return replace(result, reward=1.0 if over else result.reward)


class ParsesWithoutCare(GuessEnv):
    def answer(self, action: str) -> tuple[str, bool, bool]:
        return super().answer(f"guess {int(action.split()[1])}")


class RepeatsTheAction(GuessEnv):
    def answer(self, action: str) -> tuple[str, bool, bool]:
        text, valid, won = super().answer(action)
        return f"You said {action}. {text}", valid, won


class TakesEverythingForValid(GuessEnv):
    async def step(self, action: str) -> StepResult:
        return replace(await super().step(action), valid=True)


class ClosesOnce(GuessEnv):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise ValueError("already closed")
        self.closed = True


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Unseeded, "a seed gives one episode"),
        (LeavesTheOldEpisode, "reset starts over"),
        (SharesItsState, "episodes are independent"),
        (ForgetsTheTurnInSnapshots, "snapshot and restore"),
        (TerminatesAtTheLimit, "the turn limit truncates"),
        (NeverEnds, "the turn limit truncates"),
        (PaysAfterTheEnd, "a step after the end"),
        (RepeatsTheAction, "an action of 1 MB"),
        (RepeatsTheAction, "an action with control characters"),
        (TakesEverythingForValid, "an action it does not understand"),
        (ClosesOnce, "close twice"),
    ],
)
def test_each_broken_promise_is_found(broken: Any, check: str) -> None:
    assert check in failed_checks(broken)


def test_a_fault_is_blamed_on_its_own_check_only() -> None:
    assert failed_checks(TerminatesAtTheLimit) == {"the turn limit truncates"}
    assert failed_checks(RepeatsTheAction) == {"an action of 1 MB", "an action with control characters"}


def test_an_environment_that_throws_is_reported_with_its_exception() -> None:
    with pytest.raises(EnvironmentCheckError, match="ValueError: invalid literal"):
        verdict(ParsesWithoutCare)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"reward": float("nan")}, "the reward nan"),
        ({"reward": True}, "the reward True"),
        ({"terminated": 0}, "terminated=0, a int"),
        ({"won": True}, "won=True in an episode that has not terminated"),
        ({"observation": Observation(text="\x1b[2J")}, r"control characters \['\\x1b'\]"),
        ({"observation": Observation(text=" ")}, "the text ' '"),
        ({"observation": "text"}, "str 'text'"),
    ],
)
def test_wrong_answers_are_told_with_what_was_found(change: dict[str, Any], found: str) -> None:
    class Wrong(GuessEnv):
        async def step(self, action: str) -> StepResult:
            return replace(await super().step(action), **change)

    with pytest.raises(EnvironmentCheckError, match=found):
        verdict(Wrong)


def test_a_blocking_or_incomplete_class_is_told_before_it_is_played() -> None:
    class Blocking(GuessEnv):
        def step(self, action: str) -> Any:
            raise AssertionError("never called")

    class Incomplete:
        name, origin = "incomplete", Origin.REAL

        async def close(self) -> None: ...

    with pytest.raises(EnvironmentCheckError, match="step not declared `async def`"):
        verdict(Blocking)
    with pytest.raises(
        EnvironmentCheckError, match="Incomplete has no reset, step, snapshot, restore, sheet"
    ):
        verdict(Incomplete)


def test_a_real_world_has_no_sheet() -> None:
    class Sheeted(GuessEnv):
        sheet = Sheet(facts=())

    with pytest.raises(EnvironmentCheckError, match="a real world with the sheet"):
        verdict(Sheeted)
