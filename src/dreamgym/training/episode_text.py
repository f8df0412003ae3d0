"""Episodes as text that a person reads. What the world and the agent said is shown, never trusted."""

from __future__ import annotations

from collections.abc import Iterable

from dreamgym.core.data_structures import StopReason, Trajectory, Transition

_INDENT = "    "


def episodes_text(trajectories: Iterable[Trajectory]) -> str:
    """All episodes, one below the other."""
    return "\n".join(episode_text(trajectory) for trajectory in trajectories)


def episode_text(trajectory: Trajectory) -> str:
    """One episode: a heading, the sheet it started from where it is a dream, then the turns."""
    turns = trajectory.transitions
    lines = [f"=== {trajectory.id} · {outcome(trajectory)} · {len(turns)} turns · {trajectory.origin.value}"]
    lines.append(f"task {one_line(trajectory.task.id)}: {one_line(trajectory.task.instruction)}")
    if trajectory.detail:
        lines.append(f"detail: {one_line(trajectory.detail)}")
    if trajectory.sheet is not None:
        lines += [
            "sheet:",
            *(_INDENT + one_line(f"{key}: {value}") for key, value in trajectory.sheet.facts),
        ]
    if turns:
        lines += _block(turns[0].state)
    for number, turn in enumerate(turns, start=1):
        lines += _turn(number, turn)
    return "\n".join(lines) + "\n"


def outcome(trajectory: Trajectory) -> str:
    """How it ended, in a word or two."""
    if trajectory.success:
        return "won"
    if trajectory.stop_reason is StopReason.TERMINATED:
        return "lost"
    return str(trajectory.stop_reason).replace("_", " ")


def safe_text(text: str) -> str:
    """``text`` without control characters (line breaks stay), so that no episode can steer a terminal."""
    return "".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in text)


def _turn(number: int, turn: Transition) -> list[str]:
    reward = f"  [reward {turn.reward:g}]" if turn.reward else ""
    reasoning = _block(turn.reasoning, "  | ") if turn.reasoning else []
    return [f"{number}> {one_line(turn.action.text)}{reward}", *reasoning, *_block(turn.next_state)]


def _block(text: str, indent: str = _INDENT) -> list[str]:
    """Indented, so that no line of a text can pass for a heading or an action."""
    return [indent + line for line in safe_text(text).strip("\n").split("\n")]


def one_line(text: str) -> str:
    """``text`` of a model or a world, on one line and safe to print."""
    return safe_text(" ".join(text.split()))
