"""tau2-bench's tasks as an environment: its orchestrator, its tools, its evaluator, in threads of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from dreamgym.core.data_structures import Origin, Task
from dreamgym.core.errors import EnvironmentFailedError, UnavailableError, UserSimulatorError
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.taubench.calls import RESPOND, CallError, ToolCall, parse_call
from dreamgym.environments.taubench.episode import bounded, content_of
from dreamgym.environments.taubench.tau2_package import Tau2Game, end_reason, make_game, split_id

STEPS_PER_TURN = 4  # messages that tau2 may count for one turn of ours: call, answer, a word of the user's
CLOSE_SECONDS = 10.0
DONE = ToolCall(name="done").to_json()
OVER = "The conversation is over."
USER_FAILED = ("user_error", "infrastructure_error")
FAILED = ("", "timeout", "unexpected_error")


class Tau2Env:
    """Plays tasks whose ids begin with ``tau2:``; each blocking call of tau2 is made in a thread."""

    name = "taubench"
    origin = Origin.REAL
    sheet = None

    def __init__(self, max_turns: int, make: Callable[[str, int], Tau2Game] = make_game) -> None:
        self._max_turns = max_turns
        self._make = make
        self._game: Tau2Game | None = None
        self._solo = True
        self._turn = 0
        self._over = False
        self._running = False  # tau2's threads wait for an action

    async def reset(self, task: Task, seed: int) -> Observation:
        """Start ``task``; tau2 takes no seed.

        Raises:
            UserSimulatorError: tau2's user simulator said nothing, where it wants a model and has none.
            UnavailableError: tau2-bench is not installed.
        """
        await self.close()
        _, self._solo, _ = split_id(task.id)
        steps = STEPS_PER_TURN * (self._max_turns + 2)
        self._game = await asyncio.to_thread(self._make, task.id, steps)
        text, _ = await asyncio.to_thread(self._game.reset)
        self._turn, self._over, self._running = 0, False, True
        if not text and not self._solo:
            raise UserSimulatorError(
                "tau2's user simulator said nothing: does it have its model and its key?"
            )
        return Observation(text=bounded(text or task.opening))

    async def step(self, action: str) -> StepResult:
        """Act: a tool call as JSON; ``done`` ends an episode that is played alone.

        Raises ``UserSimulatorError`` or ``EnvironmentFailedError`` where tau2 says that it was not the agent.
        """
        game = self._playing()
        if self._over:
            raise RuntimeError("the episode is over: call reset before the next step")
        self._turn += 1
        try:
            words = self._words(parse_call(action))
        except CallError as refusal:
            return self._result(str(refusal), valid=False)
        text, reward, terminated, _, info = await asyncio.to_thread(game.step, words)
        if not terminated:
            return self._result(text, valid=not text.startswith("tool: Error"))
        self._over, self._running = True, False
        self._blame(end_reason(info))
        won = reward >= 1
        return StepResult(
            observation=Observation(text=bounded(text) or OVER),
            reward=float(reward),
            terminated=True,
            truncated=False,
            won=won,
        )

    @property
    def db_hash(self) -> str:
        """tau2 keeps its databases to itself."""
        return ""

    def snapshot(self) -> object:
        """Raises ``UnavailableError``."""
        raise UnavailableError("an episode of tau2-bench runs in threads of its own: no state can be kept")

    async def close(self) -> None:
        """See ``Environment``; an unfinished episode is ended, or its threads would wait for ever."""
        game, self._game = self._game, None
        if game is not None and self._running:
            self._running = False
            ending = asyncio.to_thread(game.step, DONE)
            await asyncio.wait([asyncio.ensure_future(ending)], timeout=CLOSE_SECONDS)

    def _words(self, call: ToolCall) -> str:
        """The call as tau2 wants it. Raises ``CallError``."""
        if call.name != RESPOND:
            return json.dumps({"name": call.name, "arguments": dict(call.arguments)})
        if self._solo:
            raise CallError("Error: there is no user to talk to; call done when everything is done")
        return content_of(call)

    def _blame(self, reason: str) -> None:
        """Raise what an ended episode says nothing about the agent by."""
        if reason in USER_FAILED:
            raise UserSimulatorError(f"tau2's user simulator failed: {reason}")
        if reason in FAILED:
            raise EnvironmentFailedError(f"tau2-bench failed: {reason or 'its orchestrator raised'}")

    def _playing(self) -> Tau2Game:
        if self._game is None:
            raise RuntimeError("no episode was started: call reset first")
        return self._game

    def _result(self, text: str, *, valid: bool) -> StepResult:
        self._over = truncated = self._turn >= self._max_turns
        return StepResult(
            observation=Observation(text=bounded(text) or "(nothing)"),
            reward=0.0,
            terminated=False,
            truncated=truncated,
            valid=valid,
        )
