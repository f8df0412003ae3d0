"""How far the policy has gone from what the dream was made of: unlike any logged turn, a dream is a guess."""

from __future__ import annotations

from collections.abc import Sequence

from dreamgym.core.data_structures import Trajectory, Transition
from dreamgym.models.embedding import Embedder, Vectors, embed_turns

QUERIES_AT_ONCE = 256  # bounds the similarities held at a time


class Drift:
    """Measures turns against logged ones: 1 − cos(φ(s, a), φ of the nearest of them)."""

    def __init__(self, embedder: Embedder, logged: Sequence[Trajectory]) -> None:
        self._embedder = embedder
        self._logged_ND = self._embed([turn for trajectory in logged for turn in trajectory.transitions])

    def of(self, trajectories: Sequence[Trajectory]) -> dict[str, float]:
        """Mean over the turns of ``trajectories``, as the metric ``drift``; empty where there is none."""
        turns = [turn for trajectory in trajectories for turn in trajectory.transitions]
        if not turns or not len(self._logged_ND):
            return {}
        nearest = 0.0
        for start in range(0, len(turns), QUERIES_AT_ONCE):
            part_QD = self._embed(turns[start : start + QUERIES_AT_ONCE])
            nearest += float((part_QD @ self._logged_ND.T).max(axis=1).sum())
        return {"drift": 1.0 - nearest / len(turns)}

    def _embed(self, turns: Sequence[Transition]) -> Vectors:
        return embed_turns(self._embedder, [t.state for t in turns], [t.action.text for t in turns])
