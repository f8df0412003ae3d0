"""Audits of the dream on the current policy's own distribution, every iteration.

``ReplayAuditor`` plays dreamed actions again in the real engine: sharp, and its turns count as real ones.
``ConsistencyAuditor`` asks the experience model again, sampled and without its retrieved experiences: free,
and blind to errors that the model makes both times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from dreamgym.core.config import FidelityConfig
from dreamgym.core.data_structures import Group, Origin, Trajectory
from dreamgym.core.errors import EndpointError, InvalidDreamError
from dreamgym.environments.alfworld.replay import replay
from dreamgym.models.dream_prompts import Past, safe_action
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.training.drift import Drift
from dreamgym.training.episode_records import replayed_records
from dreamgym.training.fidelity import rates
from dreamgym.training.parts import Audit
from dreamgym.utils.seeds import derive_seed


def audited(groups: Sequence[Group], share: float) -> list[Trajectory]:
    """An even ``share`` of the dreamed, scored episodes."""
    dreamed = [t for group in groups for t in group.scored if t.origin is Origin.DREAMED and t.sheet]
    count = round(share * len(dreamed)) or min(1, len(dreamed))
    return [dreamed[i * len(dreamed) // count] for i in range(count)]


class ReplayAuditor:
    """Dreamed episodes replayed in the real engine, built from their sheets."""

    def __init__(self, config: FidelityConfig, drift: Drift) -> None:
        self._config = config
        self._drift = drift

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """Dreamed minus real success, accepted invalid actions and false wins of these episodes."""
        trajectories = audited(groups, self._config.audit_share)
        episodes = [replay(trajectory) for trajectory in trajectories]
        if not episodes:
            return Audit()
        turns = [turn for episode in episodes for turn in episode.turns]
        measured = rates(turns)
        dreamed = sum(episode.dreamed_success for episode in episodes) / len(episodes)
        real = sum(episode.real_success for episode in episodes) / len(episodes)
        denied = sum(episode.dreamed_success and not episode.real_success for episode in episodes)
        return Audit(
            metrics={
                "episodes": len(episodes),
                "dreamed_success": dreamed,
                "real_success": real,
                "gap": dreamed - real,
                "invalid_accepted": 1.0 - measured.invalid_recognised.estimate,
                "next_state_exact": measured.next_state_exact.estimate,
                "false_wins": sum(turn.false_win for turn in turns),
                **self._drift.of(trajectories),
            },
            score=real,
            denied=denied,
            episodes=len(episodes),
            real_turns=len(turns),
            shown=replayed_records(trajectories, episodes),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Check:
    """Of one episode: turns told differently, accepted actions refused, whether its win is denied."""

    differing: int
    refused: int
    denied: bool


class ConsistencyAuditor:
    """Dreamed episodes dreamed again by a second opinion, from the same sheet and with the same actions."""

    def __init__(self, config: FidelityConfig, model: ReasoningExperienceModel, drift: Drift) -> None:
        self._config = config
        self._model = model
        self._drift = drift

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """How often the second opinion differs: on next states, on what is accepted, on wins."""
        trajectories = audited(groups, self._config.audit_share)
        if not trajectories:
            return Audit()
        answers = await asyncio.gather(*(self._dream_again(trajectory) for trajectory in trajectories))
        checks = [check for check in answers if check is not None]
        trajectories = [t for t, check in zip(trajectories, answers, strict=True) if check is not None]
        if not checks:
            return Audit()
        turns = [turn for trajectory in trajectories for turn in trajectory.transitions]
        accepted = sum(turn.valid for turn in turns)
        won = sum(trajectory.success for trajectory in trajectories)
        denied = sum(check.denied for check in checks)
        return Audit(
            metrics={
                "episodes": len(trajectories),
                "dreamed_success": won / len(trajectories),
                "confirmed_success": (won - denied) / len(trajectories),
                "gap": denied / len(trajectories),
                "states_differing": sum(check.differing for check in checks) / max(1, len(turns)),
                "accepted_doubted": sum(check.refused for check in checks) / max(1, accepted),
                **self._drift.of(trajectories),
            },
            denied=denied,
            episodes=len(trajectories),
        )

    async def _dream_again(self, trajectory: Trajectory) -> _Check | None:
        """What the second opinion says of an episode; from a turn that it cannot answer on, it denies all.

        Where it could not be asked, it says nothing.
        """
        sheet, differing, refused, won = trajectory.sheet, 0, 0, False
        assert sheet is not None  # ``audited`` chose it for its sheet
        past = Past(start=sheet)
        for number, turn in enumerate(trajectory.transitions):
            action = safe_action(turn.action.text)
            try:
                again = await self._model.dream_turn(
                    task=trajectory.task,
                    state=turn.state,
                    action=action,
                    sheet=sheet,
                    past=past,
                    seed=derive_seed(trajectory.id, "second opinion", number),
                )
            except InvalidDreamError:
                left = trajectory.transitions[number:]
                differing, refused = differing + len(left), refused + sum(turn.valid for turn in left)
                break
            except EndpointError:
                return None
            differing += again.answer.next_state != turn.next_state
            refused += turn.valid and not again.answer.valid
            sheet, past, won = again.sheet, past.after(action, again.written), won or again.answer.done
        return _Check(differing=differing, refused=refused, denied=trajectory.success and not won)
