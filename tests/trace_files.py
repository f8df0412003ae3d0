"""Trace files of every format, as their own programs write them; made here, so that nothing is copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {}}} for name in ("get_order", "cancel")
]


def call(id: str, name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def openai_tools(order: int, *, reward: float | None = 1.0) -> dict[str, Any]:
    """Look the order up, cancel it, say so."""
    record = {
        "messages": [
            {"role": "system", "content": "You are an order desk."},
            {"role": "user", "content": f"Cancel order {order}."},
            {"role": "assistant", "content": None, "tool_calls": [call("a", "get_order", id=order)]},
            {"role": "tool", "tool_call_id": "a", "content": '{"status": "open"}'},
            {"role": "assistant", "content": None, "tool_calls": [call("b", "cancel", id=order)]},
            {"role": "tool", "tool_call_id": "b", "content": "cancelled"},
            {"role": "assistant", "content": "It is cancelled."},
        ],
        "tools": TOOLS,
    }
    return record if reward is None else {**record, "reward": reward}


def tau2_simulation(*, reason: str = "user_stop", reward: float = 1.0) -> dict[str, Any]:
    """A simulation as tau2's ``results.json`` holds it, with a tool call of the user's own."""

    def said(role: str, content: str | None, calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        return {"role": role, "content": content, "tool_calls": calls, "turn_idx": 0, "cost": 0.0}

    users_call = {"id": "u", "name": "check_phone", "arguments": {}, "requestor": "user"}
    agents_call = {"id": "c", "name": "get_order", "arguments": {"id": 7}, "requestor": "assistant"}
    return {
        "id": "simulation",
        "task_id": "7",
        "duration": 1.0,
        "termination_reason": reason,
        "reward_info": {"reward": reward, "db_check": None},
        "messages": [
            said("assistant", "Hi! How can I help you today?"),
            said("user", "Where is order 7?"),
            said("user", None, [users_call]),
            {"role": "tool", "id": "u", "content": "airplane mode", "requestor": "user", "error": False},
            said("assistant", None, [agents_call]),
            {
                "role": "tool",
                "tool_messages": [
                    {
                        "id": "c",
                        "role": "tool",
                        "content": "no such order",
                        "requestor": "assistant",
                        "error": True,
                    }
                ],
            },
            said("assistant", "There is no order 7."),
            said("user", "Thanks. ###STOP###"),
        ],
        "trial": 0,
        "seed": 1,
    }


def tau2_solo() -> dict[str, Any]:
    """A simulation without a user: the agent has a ticket, and says when it is done."""
    call = {"id": "c", "name": "toggle_roaming", "arguments": {}, "requestor": "assistant"}
    return {
        **tau2_simulation(reason="agent_stop"),
        "messages": [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"id": "c", "role": "tool", "content": "Roaming is ON.", "requestor": "assistant"},
            {"role": "assistant", "content": "###STOP###", "tool_calls": None},
        ],
    }


def tau2_results(simulations: Sequence[dict[str, Any]], *, more_tasks: int = 0) -> dict[str, Any]:
    """The whole of a results file, in the order in which tau2 writes it."""
    tasks = [{"id": str(number), "ticket": "No data abroad."} for number in range(7, 8 + more_tasks)]
    return {
        "timestamp": "now",
        "info": {"num_trials": 1},
        "tasks": tasks,
        "simulations": simulations,
        "simulation_index": None,
    }


def agentlab_steps() -> list[dict[str, Any]]:
    """The ``StepInfo`` records of one experiment, as AgentLab's own JSON encoder writes them."""

    def step(number: int, page: str, action: str | None, **more: Any) -> dict[str, Any]:
        seen = {"goal": "Buy a pen.", "axtree_txt": page, "last_action_error": more.pop("error", "")}
        return {"step": number, "obs": seen, "action": action, "agent_info": {}, "profiling": {}, **more}

    return [
        step(0, "[1] button Pens", "click('2')", reward=0, terminated=False, truncated=False),
        step(1, "[1] button Pens", "click('1')", reward=0, terminated=False, error="no element 2"),
        step(2, "[3] button Buy", "click('3')", reward=0, terminated=False),
        step(3, "Bought.", None, reward=1.0, terminated=True, truncated=False),
    ]


def verl_agent_rows(name: str, *, reward: float = 10.0, history: bool = True) -> list[dict[str, Any]]:
    """The rows of one episode of three steps; without ``history`` all prompts look like the first one."""
    seen = ["You see a cabinet 1.", "The cabinet 1 is closed.", "You open the cabinet 1."]
    actions = ["go to cabinet 1", "open cabinet 1", "take mug 1 from cabinet 1"]
    rest = "\nYour admissible actions of the current situation are: ['look'].\n\nNow it's your turn"
    first = "You are an expert.\nYour current observation is: {seen}\n\nYour task is to: find a mug" + rest
    later = (
        "You are an expert. Your task is to: find a mug\n"
        "Prior to this step, you have already taken {number} step(s). Below are the most recent: [...]\n"
        "You are now at step {next} and your current observation is: {seen}" + rest
    )
    prompts = [first, later, later] if history else [first] * 3
    return [
        {
            "input": prompts[number].format(seen=text, number=number, next=number + 1),
            "output": f"<think>hm</think><action>{action}</action> or <action>look</action>",
            "score": reward - 0.1 * (number == 1),
            "traj_uid": name,
            "episode_rewards": reward,
            "episode_lengths": 3.0,
            "is_action_valid": number != 1,
            "step": 5,
        }
        for number, (text, action) in enumerate(zip(seen, actions, strict=True))
    ]


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
    return path
