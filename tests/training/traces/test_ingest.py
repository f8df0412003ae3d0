"""Files as they come: packed, cut off, not UTF-8, of another kind, too large for the memory."""

from __future__ import annotations

import gzip
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dreamgym.cli.main import app
from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import DataError
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.traces import records
from dreamgym.training.traces.ingest import Ingest
from dreamgym.utils.progress import PlainReporter
from trace_files import call, openai_tools, write_lines


def ingest(folder: Path, *files: Path, heldout_share: float = 0.0, keep_secrets: bool = False) -> Ingest:
    run = Ingest(
        folder=folder,
        reporter=PlainReporter(lambda _: None),
        heldout_share=heldout_share,
        keep_secrets=keep_secrets,
    )
    run.run(files)
    return run


def kept(folder: Path, split: str = "train") -> list[Trajectory]:
    return list(read_trajectories(folder / f"{split}.jsonl.gz"))


def skipped(run: Ingest) -> dict[str, list[list[int]]]:
    return {reason: places.stretches for reason, places in run.reports[-1].skipped.items()}


def orders(folder: Path) -> list[str]:
    return [trajectory.task.instruction for trajectory in kept(folder)]


TEN = [openai_tools(order) for order in range(10)]
ASKED = [f"Cancel order {order}." for order in range(10)]


@pytest.mark.parametrize(
    "form", ["lines", "array", "pretty array", "gzip lines", "gzip array", "BOM", "CRLF"]
)
def test_the_same_traces_in_every_form(tmp_path: Path, form: str) -> None:
    lines = "".join(f"{json.dumps(record)}\n" for record in TEN)
    array = json.dumps(TEN, indent=2 if form == "pretty array" else None)
    data = (array if "array" in form else lines).encode()
    data = {"BOM": b"\xef\xbb\xbf" + data, "CRLF": data.replace(b"\n", b"\r\n")}.get(form, data)
    path = tmp_path / "traces"
    path.write_bytes(gzip.compress(data) if form.startswith("gzip") else data)
    assert not skipped(ingest(tmp_path / "out", path))
    assert orders(tmp_path / "out") == ASKED


@pytest.mark.parametrize("form", ["lines", "array", "gzip lines", "gzip array"])
def test_a_file_that_is_cut_off_keeps_what_is_whole_and_says_where_it_ends(tmp_path: Path, form: str) -> None:
    text = json.dumps(TEN) if "array" in form else "".join(f"{json.dumps(record)}\n" for record in TEN)
    path = tmp_path / "traces"
    packed = gzip.compress(text.encode(), compresslevel=0)  # stored, so that a part of it can be unpacked
    path.write_bytes(packed[:-400] if form.startswith("gzip") else text.encode()[:-300])
    run = ingest(tmp_path / "out", path)
    assert orders(tmp_path / "out") == ASKED[:9]
    ((reason, places),) = skipped(run).items()
    assert "cut off" in reason
    assert places == [[10, 10]]


def test_bad_lines_are_told_with_their_numbers_and_lose_no_good_one(tmp_path: Path) -> None:
    good = [json.dumps(record).encode() for record in TEN[:3]]
    deep = b"[" * 200_000
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b"\n".join([good[0], b'{"a": "\xff"}', b"", b"{", b"{", deep, good[1], b"7", good[2]]))
    run = ingest(tmp_path / "out", path)
    assert orders(tmp_path / "out") == ASKED[:3]
    told = skipped(run)
    assert told.pop("not UTF-8: byte 0xff") == [[2, 2]]
    assert told.pop("the trace is a number, wanted an object") == [[8, 8]]
    assert sorted(places for stretches in told.values() for places in stretches) == [[4, 5], [6, 6]]
    report = json.loads((tmp_path / "out" / "ingest_report.json").read_text())
    assert sum(entry["count"] for entry in report["files"][0]["skipped"]) == 5


def test_an_array_is_read_up_to_its_first_error_and_quotes_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    path.write_text(json.dumps(TEN[:4])[:-1] + ', {"key": "sk-ant-secretsecret" oops}, {}]')
    run = ingest(tmp_path / "out", path)
    assert orders(tmp_path / "out") == ASKED[:4]
    ((reason, places),) = skipped(run).items()
    assert places == [[5, 5]]
    assert "nothing behind it is read" in reason
    assert "secretsecret" not in (tmp_path / "out" / "ingest_report.json").read_text()


def test_a_trace_longer_than_the_limit_is_skipped_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_BYTES", 20_000)
    long = openai_tools(99)
    long["messages"][3]["content"] = "x" * 3_000_000
    path = write_lines(tmp_path / "traces.jsonl", [TEN[0], long, TEN[1]])
    run = ingest(tmp_path / "out", path)
    assert orders(tmp_path / "out") == ASKED[:2]
    assert list(skipped(run).values()) == [[[2, 2]]]
    path.write_text(json.dumps([TEN[0], long, TEN[1]]))
    run = ingest(tmp_path / "out", path)
    assert orders(tmp_path / "out") == ASKED[:1]
    ((reason, places),) = skipped(run).items()
    assert "nothing behind it is read" in reason
    assert places == [[2, 2]]


def test_a_message_of_a_megabyte_is_kept_whole(tmp_path: Path) -> None:
    record = openai_tools(1)
    record["messages"][3]["content"] = long = "word " * 200_000 + "end"
    record["messages"][2]["tool_calls"] = [call("a", "get_order", why="because " * 200)]
    run = ingest(tmp_path / "out", write_lines(tmp_path / "traces.jsonl", [record]))
    (trajectory,) = kept(tmp_path / "out")
    assert trajectory.transitions[0].next_state == long
    assert "because " * 200 in trajectory.transitions[0].action.text
    assert run.reports[0].notes["actions of which a dream reads the first 1,000 characters"] == 1
    assert run.reports[0].notes["texts of more than 65,536 characters, kept whole"] == 1


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A one-line array of 48 MB takes hardly more than one of 2 MB."""
    record = openai_tools(1)
    record["messages"][3]["content"] = "word " * 200_000

    def peak(number: int) -> int:
        path = tmp_path / f"{number}.json"
        with path.open("w") as file:
            file.write("[" + json.dumps(record))
            for _ in range(number - 1):
                file.write("," + json.dumps(record))
            file.write("]")
        program = (
            "import resource, sys; from dreamgym.cli.main import app\n"
            "app(sys.argv[1:], standalone_mode=False)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        command = [sys.executable, "-c", program, "ingest", str(path), "--output", str(tmp_path / "out")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])

    assert peak(48) - peak(2) < 12_000  # KiB


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (pickle.dumps({"steps": []}), "pickle"),
        (gzip.compress(pickle.dumps({"steps": []}), mtime=0), "pickle"),
        ("{}".encode("utf-16"), "iconv"),
        (b"hello\nworld\n", "no JSON that can be read"),
        (b"\x1f\x8bnot gzip at all", "cannot be unpacked"),
        (b'{"a": 1}\n', "no format that is known"),
        (b"[1, 2]", "no format that is known"),
    ],
    ids=str,
)
def test_what_is_no_file_of_traces_is_refused_in_one_line(tmp_path: Path, data: bytes, wanted: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(DataError, match=wanted) as caught:
        ingest(tmp_path / "out", path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_is_refused_and_agentlabs_pickles_are_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "inside.jsonl", TEN)
    with pytest.raises(DataError, match=r"such as .*inside\.jsonl"):
        ingest(tmp_path / "out", tmp_path)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "step_0.pkl.gz").write_bytes(b"")
    with pytest.raises(DataError, match="never opened"):
        ingest(tmp_path / "out", tmp_path)


def test_nothing_kept_is_an_error_that_says_why_and_leaves_earlier_data(tmp_path: Path) -> None:
    ingest(tmp_path / "out", write_lines(tmp_path / "good.jsonl", TEN))
    bad = write_lines(tmp_path / "bad.jsonl", [{"messages": []}, {"messages": 3}])
    with pytest.raises(DataError, match=r"line 1: no task.*line 2: messages is a number"):
        ingest(tmp_path / "out", bad)
    assert orders(tmp_path / "out") == ASKED


def test_the_same_files_give_the_same_bytes_and_a_task_is_in_one_split(tmp_path: Path) -> None:
    files = [write_lines(tmp_path / f"{n}.jsonl", [openai_tools(o) for o in range(200)]) for n in range(2)]
    for name in ("one", "two"):
        ingest(tmp_path / name, *files, heldout_share=0.2)
    for name in ("train.jsonl.gz", "heldout.jsonl.gz", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    tasks = {split: [t.task.id for t in kept(tmp_path / "one", split)] for split in ("train", "heldout")}
    assert not set(tasks["train"]) & set(tasks["heldout"])
    assert len(set(tasks["train"])) + len(set(tasks["heldout"])) == 200
    assert 20 < len(set(tasks["heldout"])) < 60  # 40 expected
    assert all(len(ids) == 2 * len(set(ids)) for ids in tasks.values())


def test_secrets_are_masked_unless_they_shall_be_kept(tmp_path: Path) -> None:
    record = openai_tools(1)
    record["messages"][1]["content"] += " Use Bearer abcdef0123456789."
    path = write_lines(tmp_path / "traces.jsonl", [record])
    run = ingest(tmp_path / "out", path)
    assert kept(tmp_path / "out")[0].task.instruction == "Cancel order 1. Use Bearer <bearer token 1>"
    assert run.reports[0].masked == {"bearer token": 1}
    ingest(tmp_path / "out", path, keep_secrets=True)
    assert "abcdef0123456789" in kept(tmp_path / "out")[0].task.instruction


def test_half_characters_and_control_characters_do_no_harm(tmp_path: Path) -> None:
    record = openai_tools(1)
    record["messages"][3]["content"] = "a\ud83d\ude00b\ud83dc\x1b[31m\x00d\r\ne"
    ingest(tmp_path / "out", write_lines(tmp_path / "traces.jsonl", [record]))
    assert kept(tmp_path / "out")[0].transitions[0].next_state == "a😀b\ufffdc[31md\ne"


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "traces.jsonl", [*TEN, {"x": 1}])
    answer = CliRunner().invoke(app, ["ingest", str(path), "--output", str(tmp_path / "out")])
    assert answer.exit_code == 0, answer.output
    assert "openai-tools, 10 kept (10 won), 1 skipped" in answer.output
    assert "skipped, line 11: no conversation" in answer.output
    wrong = CliRunner().invoke(app, ["ingest", str(path), "--format", "csv"])
    assert wrong.exit_code == 2
