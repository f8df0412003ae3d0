"""A pure-Python ALFWorld engine: plays a :class:`Game` with stock ALFWorld's text, commands, score and goal.

It answers as alfworld 0.4.2 on textworld 1.7.0 does, including what follows a win: the stock engine keeps
playing, and *won* says whether the goal holds now.
"""

from __future__ import annotations

from dataclasses import dataclass

from dreamgym.environments.alfworld import rules, text
from dreamgym.environments.alfworld.game import Game
from dreamgym.environments.alfworld.layout import Layout
from dreamgym.environments.alfworld.moves import Move
from dreamgym.environments.alfworld.rules import State


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one command."""

    observation: str
    score: int
    done: bool
    won: bool


class World:
    """One game being played. ``World(game)`` stands at the start; ``reset`` returns there."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.layout = Layout(game)
        self._start = rules.start(self.layout)
        self._state = self._start
        self._moves: dict[str, Move] | None = None
        self._opening: str | None = None

    @property
    def state(self) -> State:
        """The hidden state: an immutable value."""
        return self._state

    @property
    def moves(self) -> dict[str, Move]:
        """Every valid command, unsorted, with what it means. Not to be changed."""
        if self._moves is None:
            self._moves = rules.valid_moves(self.layout, self._state)
        return self._moves

    @property
    def won(self) -> bool:
        """True where the goal holds now."""
        return rules.is_won(self.layout, self._state)

    def reset(self) -> str:
        """Go back to the start and return the first observation."""
        self.restore(self._start)
        if self._opening is None:
            self._opening = text.opening(self.layout, self._start)
        return self._opening

    def step(self, command: str) -> Outcome:
        """Play one command. One that is not valid here, letter for letter, changes nothing."""
        move = self.moves.get(command.strip())
        if move is None:
            return self._outcome(text.NOTHING_HAPPENS)
        self.restore(rules.apply(self.layout, self._state, move))
        return self._outcome(text.answer(self.layout, self._state, move))

    def admissible(self) -> list[str]:
        """Every valid command, sorted."""
        return sorted(self.moves)

    def snapshot(self) -> State:
        """An immutable value from which ``restore`` continues exactly here."""
        return self._state

    def restore(self, snapshot: State) -> None:
        """Continue from ``snapshot``, which a world of the same game made."""
        if snapshot is not self._state:
            self._state = snapshot
            self._moves = None

    def _outcome(self, observation: str) -> Outcome:
        won = self.won
        return Outcome(observation=observation, score=int(won), done=won, won=won)
