"""How a trace says that its task was done: a reward, or a word, beside the turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUCCESS = 1.0  # from this reward on a task is done; what is paid in part is not
_FIELDS = ("reward", "success", "score", "resolved", "passed", "outcome", "label")
_INSIDE = ("reward_info", "metadata", "meta", "info", "result")
_WORDS = {
    **dict.fromkeys(("success", "succeeded", "solved", "resolved", "passed", "pass", "true", "won"), 1.0),
    **dict.fromkeys(("failure", "failed", "fail", "unsolved", "unresolved", "false", "lost", "error"), 0.0),
}


def outcome_of(record: Mapping[str, Any]) -> float | None:
    """The reward that ``record`` tells, in one of its usual places; None where it tells none."""
    for place in (record, *(record[key] for key in _INSIDE if isinstance(record.get(key), dict))):
        for name in _FIELDS:
            if (reward := _reward(place.get(name))) is not None:
                return reward
    return None


def _reward(value: Any) -> float | None:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    return float(value) if isinstance(value, bool | int | float) else None
