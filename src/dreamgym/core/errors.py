"""What can go wrong and be told to a person: the message says what was found, what was wanted, what to do.

The command line prints a ``DreamGymError`` in one line and exits with 2; any other exception is a defect and
shows its traceback.
"""

from __future__ import annotations

from typing import ClassVar

from dreamgym.core.data_structures import StopReason


class DreamGymError(Exception):
    """Base of every error that its message explains."""


class ConfigError(DreamGymError):
    """A setting or a flag that cannot be used."""


class CheckpointError(DreamGymError):
    """A checkpoint that is missing, truncated, foreign, or of another config."""


class DataError(DreamGymError):
    """A data file or line that cannot be read; the message names both."""


class StoreError(DreamGymError):
    """The experience store is locked, full, damaged, or not ours; what it held before is still there."""


class UnavailableError(DreamGymError):
    """Something this installation does not have: an environment, an extra, a folder of games."""


class ModelError(DreamGymError):
    """A local model that cannot be loaded or batched, or whose output is not a number."""


class NonFiniteLossError(DreamGymError):
    """The loss or its gradient is NaN or infinite; the weights are still those before the update."""


class FidelityError(DreamGymError):
    """The dream is below the gate's thresholds; the message holds the table and the remedy."""


class TooManyFailuresError(DreamGymError):
    """So many episodes failed that what is left says nothing; the message says which way they failed."""


class EndpointSetupError(DreamGymError):
    """An LLM endpoint that cannot be used as it is named: no such URL, key or model. No try would help."""


class CircuitOpenError(DreamGymError):
    """So many LLM calls failed one after the other that the run stops; the message has the last reason."""


class BudgetError(DreamGymError):
    """The next LLM call might exceed the budget in tokens or in money."""


class EpisodeError(DreamGymError):
    """Ends one trajectory with ``stop_reason``; never a reward of 0, never the run."""

    stop_reason: ClassVar[StopReason] = StopReason.ENVIRONMENT_ERROR


class ContextFullError(EpisodeError):
    """The policy's context has no room for the next turn."""

    stop_reason = StopReason.CONTEXT_FULL


class InvalidDreamError(EpisodeError):
    """The experience model's answer is malformed, also after its retries."""

    stop_reason = StopReason.INVALID_DREAM


class EndpointError(EpisodeError):
    """An LLM endpoint does not answer, or refuses, also after its retries."""

    stop_reason = StopReason.ENDPOINT_ERROR


class AnswerFormatError(EndpointError):
    """An LLM's answer is not in the form asked for, also after its retries; ``answer`` is the last."""

    def __init__(self, message: str, answer: str) -> None:
        super().__init__(message)
        self.answer = answer


class UserSimulatorError(EpisodeError):
    """The simulated user failed: that says nothing about the agent, and is counted apart."""

    stop_reason = StopReason.USER_ERROR


class JudgeError(EpisodeError):
    """The language model that judges the outcome failed: nobody knows whether the agent has won."""

    stop_reason = StopReason.JUDGE_ERROR


class TaskUnavailableError(EpisodeError):
    """One task of many that cannot be played here: its site, its login or its judge is missing."""

    stop_reason = StopReason.ENVIRONMENT_ERROR


class EnvironmentFailedError(EpisodeError):
    """An environment raised an exception of its own."""

    stop_reason = StopReason.ENVIRONMENT_ERROR
