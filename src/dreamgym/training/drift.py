"""How far the policy has gone from what the dream was made of: unlike any logged turn, a dream is a guess."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamgym.core.data_structures import Trajectory
from dreamgym.models.embedding import Embedder, Vectors, embed_turns

QUERIES_AT_ONCE = 256  # bounds the similarities held at a time


class Drift:
    """Measures turns against logged ones: 1 − cos(φ(s, a), φ of the nearest of them)."""

    def __init__(self, embedder: Embedder, logged: Sequence[Trajectory]) -> None:
        self._embedder = embedder
        self._logged_ND = self._embed(
            [(turn.state, turn.action.text) for t in logged for turn in t.transitions]
        )

    def of(self, trajectories: Sequence[Trajectory]) -> dict[str, float]:
        """Mean over the turns of ``trajectories``, as the metric ``drift``; empty where there is none."""
        turns = [(turn.state, turn.action.text) for t in trajectories for turn in t.transitions]
        distances = self.distances(turns)
        return {"drift": float(distances.mean())} if len(distances) else {}

    def distances(self, turns: Sequence[tuple[str, str]]) -> Vectors:
        """Of each (state, action) to the nearest logged one; empty where nothing is asked or logged."""
        if not len(self._logged_ND):
            return np.zeros(0, np.float32)
        parts = [turns[start : start + QUERIES_AT_ONCE] for start in range(0, len(turns), QUERIES_AT_ONCE)]
        nearest = [(self._embed(part) @ self._logged_ND.T).max(axis=1) for part in parts]
        return np.float32(1.0) - np.concatenate([np.zeros(0, np.float32), *nearest])

    def _embed(self, turns: Sequence[tuple[str, str]]) -> Vectors:
        return embed_turns(self._embedder, [state for state, _ in turns], [action for _, action in turns])
