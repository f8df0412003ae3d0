"""Each format, in the shape that its own program writes: what the agent did, what it saw, how it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dreamgym.core.data_structures import StopReason, Trajectory
from dreamgym.core.errors import DataError
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.traces.convert import OVER
from dreamgym.training.traces.ingest import Ingest, look_at
from dreamgym.training.traces.source import HEAD
from dreamgym.utils.progress import PlainReporter
from trace_files import (
    agentlab_steps,
    openai_tools,
    tau2_results,
    tau2_simulation,
    tau2_solo,
    verl_agent_rows,
    write_lines,
)


def read(path: Path, format: str = "auto") -> tuple[list[Trajectory], Ingest]:
    """The trajectories of a file, and the run with its reports."""
    folder = path.with_name("out")
    run = Ingest(folder=folder, reporter=PlainReporter(lambda _: None), format=format, heldout_share=0.0)
    run.run([path])
    return list(read_trajectories(folder / "train.jsonl.gz")), run


def turns(trajectory: Trajectory) -> list[tuple[str, str, bool]]:
    return [(turn.action.text, turn.next_state, turn.valid) for turn in trajectory.transitions]


def chat(tmp_path: Path, messages: list[dict[str, Any]], **more: Any) -> Trajectory:
    (trajectory,), _ = read(write_lines(tmp_path / "chat.jsonl", [{"messages": messages, **more}]))
    return trajectory


def test_tool_calls_of_openai(tmp_path: Path) -> None:
    (trajectory,), run = read(write_lines(tmp_path / "a.jsonl", [openai_tools(7)]))
    assert run.reports[0].format == "openai-tools"
    assert trajectory.task.instruction == "Cancel order 7."
    assert trajectory.task.opening == "You can call: get_order, cancel."
    assert turns(trajectory) == [
        ('get_order {"id": 7}', '{"status": "open"}', True),
        ('cancel {"id": 7}', "cancelled", True),
        ("It is cancelled.", OVER, True),
    ]
    states = [turn.state for turn in trajectory.transitions]
    assert states == [trajectory.task.opening, '{"status": "open"}', "cancelled"]
    assert trajectory.success
    assert [turn.reward for turn in trajectory.transitions] == [0.0, 0.0, 1.0]
    assert json.loads(trajectory.detail)["line"] == 1


@pytest.mark.parametrize(
    ("told", "won"),
    [
        ({"reward": 1}, True),
        ({"reward": 0.5}, False),
        ({"success": True}, True),
        ({"metadata": {"outcome": "failed"}}, False),
        ({"info": {"score": 1.0}}, True),
        ({}, False),
    ],
    ids=str,
)
def test_the_outcome_is_the_traces_own(tmp_path: Path, told: dict[str, Any], won: bool) -> None:
    record = {**openai_tools(7, reward=None), **told}
    (trajectory,), run = read(write_lines(tmp_path / "a.jsonl", [record]))
    assert trajectory.success is won
    assert trajectory.episode_return == float(won)
    last = trajectory.transitions[-1]
    assert (last.terminated, last.truncated) == (won, not won)
    outcome = "won" if won else "lost" if told else "without an outcome"
    assert run.reports[0].kept[outcome] == 1


def test_calls_at_once_are_turns_of_their_own_in_the_order_of_the_calls(tmp_path: Path) -> None:
    calls = [
        {"id": "1", "function": {"name": "f", "arguments": "{}"}},
        {"id": "2", "function": {"name": "g", "arguments": '{"x": [1]}'}},
    ]
    trajectory = chat(
        tmp_path,
        [
            {"role": "user", "content": "Do it."},
            {"role": "assistant", "content": "Both at once.", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "2", "content": "of g"},
            {"role": "tool", "tool_call_id": "1", "content": "Error: of f"},
            {"role": "user", "content": "And now?"},
        ],
    )
    assert turns(trajectory) == [
        ("f {}", "Error: of f", False),
        ('g {"x": [1]}', f"of g\nAnd now?\n{OVER}", True),
    ]


def test_words_that_nobody_answers_before_the_next_action_are_left_out(tmp_path: Path) -> None:
    messages = [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "One moment."},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": ""}}]},
        {"role": "assistant", "content": "It does not answer."},
        {"role": "user", "content": "Well."},
        {"role": "assistant", "content": "Bye."},
    ]
    (trajectory,), run = read(write_lines(tmp_path / "a.jsonl", [{"messages": messages}]))
    assert turns(trajectory) == [
        ("f {}", "(no answer was logged)", True),
        ("It does not answer.", "Well.", True),
        ("Bye.", OVER, True),
    ]
    assert run.reports[0].notes["words beside an action, left out"] == 1
    assert run.reports[0].notes["calls without an answer"] == 1


def test_content_blocks_of_anthropic(tmp_path: Path) -> None:
    trajectory = chat(
        tmp_path,
        [
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Bonn"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "down"},
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "I cannot tell."}]},
        ],
    )
    assert turns(trajectory) == [
        ('weather {"city": "Bonn"}', "down", False),
        ("I cannot tell.", OVER, True),
    ]


def test_conversations_of_sharegpt(tmp_path: Path) -> None:
    record = {
        "conversations": [
            {"from": "human", "value": "Weather?"},
            {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Bonn"}}'},
            {"from": "observation", "value": "sunny"},
            {"from": "gpt", "value": "Sunny."},
        ]
    }
    (trajectory,), run = read(write_lines(tmp_path / "a.jsonl", [record]))
    assert run.reports[0].format == "chat"
    assert turns(trajectory) == [('weather {"city": "Bonn"}', "sunny", True), ("Sunny.", OVER, True)]


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "pretty"])
def test_simulations_of_tau2(tmp_path: Path, indent: int | None) -> None:
    simulations = [
        tau2_simulation(),
        tau2_simulation(reward=0.0),
        tau2_simulation(reason="infrastructure_error"),
        tau2_simulation(reason="max_steps", reward=0.0),
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(tau2_results(simulations), indent=indent))
    found, run = read(path)
    assert run.reports[0].format == "tau2"
    won, lost, cut = found
    assert won.task.instruction == "Where is order 7?"
    assert turns(won) == [
        ('get_order {"id": 7}', "no such order", False),
        ("There is no order 7.", "Thanks. ###STOP###", True),
    ]
    assert won.stop_reason is StopReason.TERMINATED
    assert lost.transitions[-1].next_state == f"Thanks. ###STOP###\n{OVER}"
    assert cut.transitions[-1].next_state == "Thanks. ###STOP###"
    (reason,) = run.reports[0].skipped
    assert "infrastructure_error" in reason
    assert run.reports[0].skipped[reason].stretches == [[3, 3]]
    assert run.reports[0].notes["the user's own tool calls, left out"] == 3 * 2


def test_what_a_tau2_user_says_beside_a_call_of_its_own_never_reaches_the_agent(tmp_path: Path) -> None:
    simulation = tau2_simulation()
    simulation["messages"][2]["content"] = "Let me look at my phone."
    (trajectory,), run = read(write_lines(tmp_path / "a.jsonl", [simulation]))
    assert trajectory.task.instruction == "Where is order 7?"
    assert run.reports[0].notes["the user's own tool calls, left out"] == 2


@pytest.mark.parametrize("more_tasks", [0, 40_000], ids=["short", "tasks longer than a head"])
def test_a_tau2_agent_alone_has_its_ticket_for_a_task(tmp_path: Path, more_tasks: int) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(tau2_results([tau2_solo()], more_tasks=more_tasks)))
    assert (path.stat().st_size > HEAD) is (more_tasks > 0)
    (trajectory,), _ = read(path)
    assert trajectory.task.instruction == "No data abroad."
    assert turns(trajectory) == [("toggle_roaming {}", "Roaming is ON.", True), ("###STOP###", OVER, True)]
    assert trajectory.success


def test_a_tau2_agent_that_breaks_the_rules_has_lost(tmp_path: Path) -> None:
    simulation = tau2_simulation(reason="agent_error", reward=0.0)
    (trajectory,), _ = read(write_lines(tmp_path / "a.jsonl", [simulation]))
    assert not trajectory.success
    assert trajectory.transitions[-1].next_state.endswith(OVER)


@pytest.mark.parametrize(
    ("left_out", "reason"), [("simulations", "in simulations/"), (None, "list is empty")], ids=str
)
def test_a_tau2_file_without_simulations_says_where_they_are(
    tmp_path: Path, left_out: str | None, reason: str
) -> None:
    results = tau2_results([])
    results.pop(left_out or "simulation_index")
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results, indent=2))
    with pytest.raises(DataError, match=reason):
        read(path)


def test_steps_of_agentlab(tmp_path: Path) -> None:
    (trajectory,), run = read(write_lines(tmp_path / "a.jsonl", [{"steps": agentlab_steps()}]))
    assert run.reports[0].format == "agentlab"
    assert (trajectory.task.instruction, trajectory.task.opening) == ("Buy a pen.", "[1] button Pens")
    assert turns(trajectory) == [
        ("click('2')", "no element 2\n[1] button Pens", False),
        ("click('1')", "[3] button Buy", True),
        ("click('3')", "Bought.", True),
    ]
    assert trajectory.success
    (alone,), _ = read(write_lines(tmp_path / "b.jsonl", [agentlab_steps()]))
    assert turns(alone) == turns(trajectory)


def test_rows_of_verl_agent_are_put_together_again(tmp_path: Path) -> None:
    first, second = verl_agent_rows("x"), verl_agent_rows("y", reward=0.0)
    rows = [row for both in zip(first, second, strict=True) for row in both]
    rows.append({"input": "prompt", "output": "answer", "score": 1.0, "step": 5})
    found, run = read(write_lines(tmp_path / "5.jsonl", rows))
    assert run.reports[0].format == "verl-agent"
    won, lost = found
    assert won.task.instruction == "find a mug"
    assert turns(won) == [
        ("go to cabinet 1", "The cabinet 1 is closed.", True),
        ("open cabinet 1", "You open the cabinet 1.", False),
        ("take mug 1 from cabinet 1", OVER, True),
    ]
    assert (won.success, lost.success) == (True, False)
    (reason,) = run.reports[0].skipped
    assert "traj_uid" in reason
    assert run.reports[0].skipped[reason].stretches == [[7, 7]]


def test_an_experiment_of_agentlab_that_broke_down_is_no_loss(tmp_path: Path) -> None:
    broken = "Exception uncaught by agent or environment in task x.\nRuntimeError:\nno browser"
    records = [
        {"steps": agentlab_steps(), "err_msg": error} for error in (None, "a word of the agent's", broken)
    ]
    found, run = read(write_lines(tmp_path / "a.jsonl", records))
    assert len(found) == 2
    ((reason, places),) = run.reports[0].skipped.items()
    assert "broke down" in reason
    assert places.stretches == [[3, 3]]


@pytest.mark.parametrize("numbered", ["by the prompt", "by turn"])
def test_verl_agent_dumps_rows_out_of_order_and_with_copies(tmp_path: Path, numbered: str) -> None:
    rows = verl_agent_rows("x", history=numbered == "by the prompt")
    if numbered == "by turn":
        rows = [{**row, "turn": 40 + number} for number, row in enumerate(rows)]
    first, second, third = rows
    found, run = read(write_lines(tmp_path / "5.jsonl", [third, first, first, second, third]))
    (trajectory,) = found
    assert [action for action, _, _ in turns(trajectory)] == [
        "go to cabinet 1",
        "open cabinet 1",
        "take mug 1 from cabinet 1",
    ]
    assert trajectory.success
    assert run.reports[0].notes["copies of rows, left out"] == 1
    ((reason, places),) = run.reports[0].skipped.items()
    assert "a copy" in reason
    assert places.stretches == [[5, 5]]


def test_rows_of_verl_agent_without_a_number_keep_the_order_of_the_file(tmp_path: Path) -> None:
    first, second, third = verl_agent_rows("x", history=False)
    circles = [{**first, "traj_uid": "y", "episode_lengths": 4.0}] * 4
    lines = [first, first, second, third, *circles]
    copied, circling = read(write_lines(tmp_path / "5.jsonl", lines))[0]
    assert len(copied.transitions) == 3
    assert len(circling.transitions) == 4  # an agent that goes in circles makes no copies


def test_an_episode_of_verl_agent_with_a_hole_is_skipped(tmp_path: Path) -> None:
    rows = [verl_agent_rows("x")[0], verl_agent_rows("x")[2], *verl_agent_rows("y")]
    found, run = read(write_lines(tmp_path / "5.jsonl", rows))
    assert len(found) == 1
    assert any("missing between" in reason for reason in run.reports[0].skipped)


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Your question: who wrote it?\n\nNow it's your turn", "who wrote it?"),
        ("For example:\nYour task is: an example\nCode 1:\n\nYour task is: play a song\n", "play a song"),
    ],
)
def test_tasks_in_other_prompts_of_verl_agent(tmp_path: Path, prompt: str, task: str) -> None:
    row = {**verl_agent_rows("x")[0], "input": prompt, "anchor_obs": "?", "episode_lengths": 1.0}
    (trajectory,), _ = read(write_lines(tmp_path / "5.jsonl", [row]))
    assert trajectory.task.instruction == task


def test_a_penalty_for_an_invalid_action_is_not_the_outcome(tmp_path: Path) -> None:
    rows = [
        {key: row[key] for key in row if key != "episode_rewards"} for row in verl_agent_rows("x", reward=1)
    ]
    (trajectory,), _ = read(write_lines(tmp_path / "5.jsonl", [*rows[:1], *rows[2:], *rows[1:2]]))
    assert trajectory.success


@pytest.mark.parametrize(
    ("record", "format"),
    [
        (openai_tools(1), "openai-tools"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "chat"),
        (tau2_simulation(), "tau2"),
        ({"steps": agentlab_steps()}, "agentlab"),
        (verl_agent_rows("x")[0], "verl-agent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_format_is_told_from_the_first_usable_record(tmp_path: Path, record: Any, format: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{{broken\n\n{json.dumps(record)}\n")
    assert look_at(path, "auto")[1] == format
    assert look_at(path, "chat")[1] == "chat"


@pytest.mark.parametrize(
    ("record", "format", "reason"),
    [
        (openai_tools(1), "tau2", "termination_reason"),
        ({"x": 1}, "chat", "'messages'"),
        ({"messages": [{"role": "judge", "content": "?"}]}, "chat", "'judge'"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "chat", "no task"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "chat", "nothing is done"),
        (
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "x"}]},
            "chat",
            "nobody",
        ),
        ({"messages": "Hi"}, "chat", "wanted a list"),
        (agentlab_steps()[0], "agentlab", "one step alone"),
        ({"steps": []}, "agentlab", "without a step"),
        ([{"obs": {"goal": "g"}, "action": "a"}], "agentlab", "no text"),
        ({"traj_uid": "x", "output": "y"}, "verl-agent", "what the agent saw"),
    ],
    ids=str,
)
def test_what_is_no_trace_is_skipped_with_the_reason(
    tmp_path: Path, record: Any, format: str, reason: str
) -> None:
    good = {
        "agentlab": {"steps": agentlab_steps()},
        "tau2": tau2_simulation(),
        "verl-agent": {**verl_agent_rows("z")[0], "episode_lengths": 1},
    }.get(format, openai_tools(1))
    found, run = read(write_lines(tmp_path / "a.jsonl", [good, record, {**good, "traj_uid": "w"}]), format)
    assert len(found) == 2
    ((told, places),) = run.reports[0].skipped.items()
    assert reason in told
    assert places.stretches == [[2, 2]]
