"""Real answers of tau-bench's tools come through word for word."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from alfworld_data import DATA
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.traces.ingest import Ingest
from dreamgym.utils.progress import PlainReporter
from trace_files import call, write_lines

FILES = ("airline_first25_traces", "retail_train_dev_traces")
needs_taubench = pytest.mark.skipif(
    not (DATA / "taubench").is_dir(),
    reason=f"no tau-bench traces in {DATA}: set DREAMGYM_DATA to the folder that holds taubench/",
)


def conversation(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace of tool calls as a conversation."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"Task {trace['split']} {trace['i']}."}]
    for number, (name, arguments, observation) in enumerate(trace["steps"]):
        calls = [call(f"call_{number}", name, **arguments)]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages.append({"role": "tool", "tool_call_id": f"call_{number}", "content": observation})
    return {"messages": messages, "reward": 1.0}


@needs_taubench
@pytest.mark.parametrize("name", FILES)
def test_nothing_of_tau_bench_is_lost(name: str, tmp_path: Path) -> None:
    with lzma.open(DATA / "taubench" / f"{name}.json.xz", "rt", encoding="utf-8") as file:
        traces = [trace for trace in json.load(file) if trace["steps"]]
    path = write_lines(tmp_path / "traces.jsonl", [conversation(trace) for trace in traces])
    run = Ingest(folder=tmp_path / "out", reporter=PlainReporter(lambda _: None), heldout_share=0.0)
    run.run([path])
    assert not run.reports[0].skipped
    assert not run.reports[0].masked  # ids, addresses and card names are no secrets
    found = list(read_trajectories(tmp_path / "out" / "train.jsonl.gz"))
    assert len(found) == len(traces)
    for trace, trajectory in zip(traces, found, strict=True):
        assert [turn.next_state for turn in trajectory.transitions] == [s[2].strip() for s in trace["steps"]]
        for (name, arguments, _), turn in zip(trace["steps"], trajectory.transitions, strict=True):
            tool, _, said = turn.action.text.partition(" ")
            assert (tool, json.loads(said)) == (name, arguments)
            assert turn.valid is not turn.next_state.startswith("Error") or turn.terminated
