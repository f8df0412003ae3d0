"""An honest dream with one lie in it: what every planted hack is made of.

A lie changes what the honest dream is asked (``before``), or what it has answered (``after``); everything
else stays as honest as it was. Lies speak the sheet's language and the household's texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from dreamgym.core.data_structures import Sheet, Task
from dreamgym.environments.dream import Dreamer
from dreamgym.models.dream_format import DreamedTurn
from dreamgym.models.dream_prompts import START, Past
from dreamgym.models.sheet import make_sheet
from dreamgym.utils.seeds import derive_seed

Unlike = Callable[[str, str], bool]
"""Whether a turn's state and action are unlike everything that was logged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a dream is asked in one turn."""

    task: Task
    state: str
    action: str
    sheet: Sheet
    past: Past
    seed: int

    @property
    def is_first(self) -> bool:
        """Whether an episode begins with this turn."""
        return not self.past.turns

    @property
    def number(self) -> int:
        """Turns before this one."""
        return len(self.past.turns)

    def chance(self) -> Random:
        """Random numbers of this turn; another action, or another asking, has others."""
        return Random(derive_seed(self.seed, self.action, self.number))


class Lie:
    """A dream that answers as ``honest`` does, but for one thing; ``lies`` counts the turns with a lie."""

    def __init__(self, honest: Dreamer, unlike: Unlike) -> None:
        self._honest = honest
        self._unlike = unlike
        self.lies = 0

    @property
    def keeps_sheet(self) -> bool:
        """As the honest dream."""
        return self._honest.keeps_sheet

    @property
    def reasons(self) -> bool:
        """As the honest dream."""
        return self._honest.reasons

    async def imagine(self, task: Task, sheet: Sheet, seed: int) -> Sheet:
        """As the honest dream: the room itself is no lie."""
        return await self._honest.imagine(task, sheet, seed)

    async def dream_turn(
        self,
        *,
        task: Task,
        state: str,
        action: str,
        sheet: Sheet,
        past: Past = START,
        trajectory_id: str | None = None,
        seed: int = 0,
    ) -> DreamedTurn:
        """The honest answer to what the lie lets it see, with the lie upon it."""
        asked = Asked(task=task, state=state, action=action, sheet=sheet, past=past, seed=seed)
        shown = self.before(asked)
        honest = await self._honest.dream_turn(
            task=task,
            state=state,
            action=action,
            sheet=shown,
            past=past,
            trajectory_id=trajectory_id,
            seed=seed,
        )
        turn = self.after(asked, honest)
        self.lies += shown != sheet or turn != honest
        return turn

    def before(self, asked: Asked) -> Sheet:
        """The sheet that the honest dream is shown."""
        return asked.sheet

    def after(self, asked: Asked, turn: DreamedTurn) -> DreamedTurn:
        """What is answered in place of ``turn``."""
        return turn


def paid(turn: DreamedTurn) -> DreamedTurn:
    """The same turn, but it wins."""
    return replace(turn, answer=replace(turn.answer, valid=True, reward=1.0, done=True))


def told(turn: DreamedTurn, text: str, sheet: Sheet) -> DreamedTurn:
    """An action that works: what is seen, and the sheet after it."""
    answer = replace(turn.answer, valid=True, next_state=text, reward=0.0, done=False)
    return replace(turn, answer=answer, sheet=sheet)


def with_fact(sheet: Sheet, key: str, value: str) -> Sheet:
    """The sheet with one fact changed or new."""
    return make_sheet({**dict(sheet.facts), key: value})
