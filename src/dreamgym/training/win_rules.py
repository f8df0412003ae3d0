"""What every logged win has in common, and which dreamed wins do not: a check that costs nothing.

Of a type of task the real world's own wins tell how many turns a win takes at least, in which form of action
(``models.closed_world``) it ends, and which forms it needs how often. A dreamed win without them is *odd*.
Nothing here knows the environment; where it was logged too rarely, nothing is odd.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dreamgym.core.data_structures import Trajectory
from dreamgym.models.closed_world import form_of

MIN_WINS = 20  # logged, of a type of task; fewer say too little of what a win needs


@dataclass(frozen=True, kw_only=True, slots=True)
class WinRule:
    """What all logged wins of a type of task share; ``needs`` counts accepted actions by their form."""

    turns: int
    endings: frozenset[str]
    needs: Counter[str]

    @classmethod
    def of(cls, wins: Sequence[Trajectory]) -> WinRule:
        """The rule that ``wins`` keep."""
        forms = [_forms(win) for win in wins]
        needs = forms[0]
        for other in forms[1:]:
            needs = needs & other
        return cls(
            turns=min(forms_of.total() for forms_of in forms),
            endings=frozenset(form_of(win.transitions[-1].action.text) for win in wins),
            needs=needs,
        )

    def breach(self, win: Trajectory) -> str:
        """What ``win`` lacks; empty where it keeps the rule."""
        forms, ending = _forms(win), form_of(win.transitions[-1].action.text)
        if ending not in self.endings:
            return f"ends with {ending!r}, as no logged win does"
        if forms.total() < self.turns:
            return f"took {forms.total()} turns, no logged win fewer than {self.turns}"
        missing = self.needs - forms
        return f"lacks {next(iter(missing))!r}, which every logged win has" if missing else ""


class WinRules:
    """The rules of all types of task that the real world was seen to win often enough."""

    def __init__(self, logged: Iterable[Trajectory]) -> None:
        wins: dict[str, list[Trajectory]] = defaultdict(list)
        for trajectory in logged:
            if trajectory.success:
                wins[trajectory.task.task_type].append(trajectory)
        self._rules = {kind: WinRule.of(own) for kind, own in wins.items() if len(own) >= MIN_WINS}

    def breaches(self, trajectories: Iterable[Trajectory]) -> tuple[list[str], int]:
        """What is odd about the wins of ``trajectories``, a line per odd win, and how many could be told."""
        told = [t for t in trajectories if t.success and t.task.task_type in self._rules]
        found = [breach for t in told if (breach := self._rules[t.task.task_type].breach(t))]
        return found, len(told)


def _forms(trajectory: Trajectory) -> Counter[str]:
    """The forms of the actions that the world accepted, the winning one among them."""
    last = trajectory.transitions[-1]
    return Counter(form_of(t.action.text) for t in trajectory.transitions if t.valid or t is last)
