"""Audits of the dream on the current policy's own distribution, every iteration.

``ReplayAuditor`` plays dreamed actions again in the real rules: sharp, and its turns count as real ones.
``ConsistencyAuditor`` takes no real turn: it asks the experience model again, sampled and without its
retrieved experiences, and is blind to errors that the model makes both times; so it also reads every episode
for what contradicts the sheet it started from. Both hold every win beside the logged ones (``win_rules``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dreamgym.core.config import FidelityConfig
from dreamgym.core.data_structures import Group, Origin, StopReason, Trajectory
from dreamgym.core.errors import EndpointError, InvalidDreamError
from dreamgym.environments.dream import Dreamer
from dreamgym.environments.judged import JudgedEpisode, as_real
from dreamgym.models.dream_prompts import START, PastTurn, safe_action
from dreamgym.training.drift import Drift
from dreamgym.training.episode_records import replayed_records
from dreamgym.training.exploitation import Audited
from dreamgym.training.fidelity import rates
from dreamgym.training.parts import Audit
from dreamgym.training.win_rules import WinRules
from dreamgym.utils.seeds import derive_seed

Replay = Callable[[Trajectory], JudgedEpisode]
"""Plays a dreamed episode again in the real rules."""

Contradiction = Callable[[Trajectory], int | None]
"""Finds the first turn of an episode that cannot be, by what the episode itself has shown."""


def audited(groups: Sequence[Group], share: float) -> list[Trajectory]:
    """An even ``share`` of the dreamed, scored episodes."""
    dreamed = dreams(groups)
    count = round(share * len(dreamed)) or min(1, len(dreamed))
    return [dreamed[i * len(dreamed) // count] for i in range(count)]


def dreams(groups: Sequence[Group]) -> list[Trajectory]:
    """The dreamed, scored episodes that have turns and a sheet to start from."""
    return [
        t
        for group in groups
        for t in group.scored
        if t.origin is Origin.DREAMED and t.sheet and t.transitions
    ]


def unanswered(groups: Sequence[Group]) -> tuple[int, int]:
    """Dreamed episodes that end where the dream has no answer, and all that have an end of the dream's."""
    reasons = [t.stop_reason for group in groups for t in group.trajectories if t.origin is Origin.DREAMED]
    malformed = reasons.count(StopReason.INVALID_DREAM)
    return malformed, malformed + sum(not reason.is_failure for reason in reasons)


def _without_outcome(groups: Sequence[Group]) -> Audit:
    """What is left to say where no episode came to an end: how many the dream left without an answer."""
    malformed, answered = unanswered(groups)
    return Audit(audited=Audited(malformed=malformed, dreamed=answered))


def until_wrong(first_wrong: Sequence[tuple[int | None, int]]) -> tuple[int, int]:
    """Wrong turns and turns in all, of episodes given by their first wrong turn and their length: what
    follows a wrong turn follows from it, and says nothing.
    """
    wrong = sum(first is not None for first, _ in first_wrong)
    return wrong, sum(length if first is None else first + 1 for first, length in first_wrong)


class ReplayAuditor:
    """Dreamed episodes replayed for real, in a world built from their sheets or in their task's own."""

    def __init__(self, config: FidelityConfig, drift: Drift, rules: WinRules, replay: Replay) -> None:
        self._config = config
        self._drift = drift
        self._rules = rules
        self._replay = replay

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """Dreamed minus real success, accepted invalid actions and false wins of these episodes."""
        trajectories = audited(groups, self._config.audit_share)
        episodes = [self._replay(trajectory) for trajectory in trajectories]
        if not episodes:
            return _without_outcome(groups)
        turns = [turn for episode in episodes for turn in episode.turns]
        measured = rates(turns)
        dreamed = sum(episode.dreamed_success for episode in episodes) / len(episodes)
        real = sum(episode.real_success for episode in episodes) / len(episodes)
        denied = sum(episode.dreamed_success and not episode.real_success for episode in episodes)
        wrong, judged = until_wrong([(episode.first_wrong, len(episode.turns)) for episode in episodes])
        odd, wins = self._rules.breaches(dreams(groups))
        malformed, answered = unanswered(groups)
        return Audit(
            metrics={
                "episodes": len(episodes),
                "dreamed_success": dreamed,
                "real_success": real,
                "gap": dreamed - real,
                "invalid_accepted": 1.0 - measured.invalid_recognised.estimate,
                "next_state_exact": measured.next_state_exact.estimate,
                "false_wins": sum(turn.false_win for turn in turns),
                "wrong_turns": wrong / judged,
                "odd_wins": len(odd),
                "malformed": malformed / answered,
                **self._drift.of(trajectories),
            },
            score=real,
            audited=Audited(denied, len(episodes), wrong, judged, len(odd), wins, malformed, answered),
            real_turns=len(turns),
            real=tuple(as_real(*pair) for pair in zip(trajectories, episodes, strict=True)),
            shown=replayed_records(trajectories, episodes),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Check:
    """Of one episode: turns told differently, accepted actions refused, whether its win is denied."""

    differing: int
    refused: int
    denied: bool


class ConsistencyAuditor:
    """Wins among some of the dreamed episodes dreamed again by a second opinion, from the same sheet and with
    the same actions; all episodes read for contradictions and odd wins.
    """

    def __init__(
        self,
        config: FidelityConfig,
        model: Dreamer,
        drift: Drift,
        rules: WinRules,
        contradiction: Contradiction,
    ) -> None:
        self._config = config
        self._model = model
        self._drift = drift
        self._rules = rules
        self._contradiction = contradiction

    async def audit(self, iteration: int, groups: Sequence[Group]) -> Audit:
        """How often the second opinion differs on wins, and in these on next states and what is accepted."""
        trajectories = audited(groups, self._config.audit_share)
        if not trajectories:
            return _without_outcome(groups)
        wins = [trajectory for trajectory in trajectories if trajectory.success]  # a loss has nothing to deny
        answers = await asyncio.gather(*(self._dream_again(trajectory) for trajectory in wins))
        unasked = [win for win, answer in zip(wins, answers, strict=True) if answer is None]
        wins = [win for win in wins if win not in unasked]
        trajectories = [trajectory for trajectory in trajectories if trajectory not in unasked]
        if not trajectories:
            return Audit()
        checks = [answer for answer in answers if answer is not None]
        turns = [turn for trajectory in wins for turn in trajectory.transitions]
        accepted = sum(turn.valid for turn in turns)
        denied = sum(check.denied for check in checks)
        everything = dreams(groups)
        wrong, read = until_wrong([(self._contradiction(t), len(t.transitions)) for t in everything])
        odd, told = self._rules.breaches(everything)
        malformed, answered = unanswered(groups)
        return Audit(
            metrics={
                "episodes": len(trajectories),
                "dreamed_success": len(wins) / len(trajectories),
                "confirmed_success": (len(wins) - denied) / len(trajectories),
                "gap": denied / len(trajectories),
                "states_differing": sum(check.differing for check in checks) / max(1, len(turns)),
                "accepted_doubted": sum(check.refused for check in checks) / max(1, accepted),
                "contradictions": wrong / read,
                "odd_wins": len(odd),
                "malformed": malformed / answered,
                **self._drift.of(trajectories),
            },
            audited=Audited(denied, len(trajectories), wrong, read, len(odd), told, malformed, answered),
        )

    async def _dream_again(self, trajectory: Trajectory) -> _Check | None:
        """What the second opinion says of an episode; from a turn that it cannot answer on, it denies all.

        Where it could not be asked, it says nothing.
        """
        sheet, differing, refused, won = trajectory.sheet, 0, 0, False
        assert sheet is not None  # ``audited`` chose it for its sheet
        past = START
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
            over = PastTurn(sheet=sheet, state=turn.state, action=action, written=again.written)
            sheet, past, won = again.sheet, past.after(over), won or again.answer.done
        return _Check(differing=differing, refused=refused, denied=trajectory.success and not won)
