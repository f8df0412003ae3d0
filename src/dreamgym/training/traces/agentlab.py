"""AgentLab's experiments (BrowserGym's loop): the steps of one experiment as JSON.

A step holds what the agent saw, what it did then, and the reward of the step before. AgentLab itself keeps
steps as pickles, which are never opened here: docs/your_own_traces.md has the lines that export them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from dreamgym.training.traces.trace import Trace, TraceProblem, TraceTurn, as_list, as_number, as_object

_BROKEN = "Exception uncaught by agent or environment"  # so AgentLab's err_msg begins where a program broke
_SEEN = ("axtree_txt", "pruned_html", "dom_txt", "text")  # the first that an observation has


def read_agentlab(value: Any) -> Trace:
    """The trace of one experiment: its list of steps, alone or as ``steps`` of an object.

    Raises:
        TraceProblem: it is none, nothing is done in it, or it broke down.
    """
    if isinstance(value, dict) and str(value.get("err_msg") or "").startswith(_BROKEN):
        raise TraceProblem(
            "the experiment broke down, which says nothing about the task: it has an uncaught error"
        )
    if isinstance(value, dict) and "steps" not in value and "obs" in value:
        raise TraceProblem(
            "one step alone: AgentLab overwrites steps_info.json at every step, export all steps of an "
            "experiment"
        )
    given = value if isinstance(value, list) else as_object(value, "the experiment").get("steps")
    steps = [as_object(s, f"step {n}") for n, s in enumerate(as_list(given, "'steps'"))]
    if not steps:
        raise TraceProblem("an experiment without a step")
    turns = tuple(_turn(step, after) for step, after in pairwise(steps) if _action(step))
    turns += (TraceTurn(action=_action(steps[-1]), answer=None),) if _action(steps[-1]) else ()
    if not turns:
        raise TraceProblem("nothing is done in it: no step has an action")
    return Trace(
        instruction=_goal(_observation(steps[0])),
        opening=_seen(_observation(steps[0])),
        turns=turns,
        reward=sum(as_number(step.get("reward"), "a reward") or 0.0 for step in steps),
        ended=bool(steps[-1].get("terminated")),
    )


def _turn(step: Mapping[str, Any], after: Mapping[str, Any]) -> TraceTurn:
    seen = _observation(after)
    error = str(seen.get("last_action_error") or "")
    page = _seen(seen)
    return TraceTurn(action=_action(step), answer=f"{error}\n{page}" if error else page, valid=not error)


def _action(step: Mapping[str, Any]) -> str:
    action = step.get("action")
    return action.strip() if isinstance(action, str) else ""


def _observation(step: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_object(step.get("obs"), "the observation of a step")


def _seen(observation: Mapping[str, Any]) -> str:
    for name in _SEEN:
        if isinstance(text := observation.get(name), str) and text.strip():
            return text
    raise TraceProblem(f"an observation has no text: none of {', '.join(_SEEN)}")


def _goal(observation: Mapping[str, Any]) -> str:
    goal = observation.get("goal")
    if not goal and isinstance(parts := observation.get("goal_object"), list):
        goal = "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)
    if not goal:
        raise TraceProblem("no task: the first observation has no goal")
    return goal if isinstance(goal, str) else json.dumps(goal, ensure_ascii=False)
